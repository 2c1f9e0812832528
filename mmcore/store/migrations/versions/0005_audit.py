"""The journal becomes a chain of hashes that also says who did it; older events go into it.

Revision 0005, after 0004.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from mmcore.audit.chain import Entry, Head, linked
from mmcore.store.journal import EVERYBODY, row_of

revision = "0005"
down_revision: str | None = "0004"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table of the audit, move the events into it, and drop theirs."""
    connection = op.get_bind()
    table = op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("roles", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("case_digest", sa.String(64), nullable=False),
        sa.Column("pack_name", sa.String(200), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("audit_by_case", "audit", ["case_digest", "kind"])
    op.create_index("audit_by_time", "audit", ["at"])
    op.create_table(
        "audit_keys",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Text, nullable=False),
    )
    before: Head | None = None
    for row in connection.execute(sa.text("SELECT * FROM events ORDER BY id")).mappings().all():
        entry = Entry(
            seq=0,
            at=_moment(row["at"]),
            actor=row["reader"],
            roles=EVERYBODY if row["reader"] == "local" else "",
            kind=row["kind"],
            case_digest=row["case_digest"],
            pack_name=row["pack_name"],
            details={"what": row["detail"]} if row["detail"] else {},
        )
        made = linked(entry, before, None)
        before = Head(made.seq, made.hash)
        values = row_of(made)
        if connection.dialect.name == "sqlite":
            values["at"] = made.at.astimezone(UTC).replace(tzinfo=None)
        connection.execute(table.insert().values(**values))
    dialect = connection.dialect.name
    for statement in _without_events(dialect):
        op.execute(statement)
    op.drop_table("events")
    for statement in _append_only(dialect):
        op.execute(statement)


def _moment(value: datetime | str) -> datetime:
    """Return a time as the database driver hands it out, in UTC."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _without_events(dialect: str) -> list[str]:
    """Return what takes the guards off the table that goes."""
    if dialect == "postgresql":
        return [
            "DROP TRIGGER events_only_appended ON events",
            "DROP FUNCTION consilium_events_are_only_appended()",
        ]
    if dialect == "sqlite":
        return [f"DROP TRIGGER events_no_{verb}" for verb in ("update", "delete")]
    return []


def _append_only(dialect: str) -> list[str]:
    """Return what makes the database itself refuse to alter or delete an entry."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is only appended to'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    if dialect == "postgresql":
        return [
            "CREATE FUNCTION consilium_audit_is_only_appended_to() RETURNS trigger "
            "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit is only appended to'; END $$",
            "CREATE TRIGGER audit_only_appended BEFORE UPDATE OR DELETE ON audit "
            "FOR EACH ROW EXECUTE FUNCTION consilium_audit_is_only_appended_to()",
        ]
    return []
