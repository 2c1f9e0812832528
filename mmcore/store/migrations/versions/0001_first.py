"""Cases, their files, readings, drafts, preferences and the journal of events.

Revision 0001, the first.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

_MOMENT = sa.DateTime(timezone=True)
_COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables of the first version."""
    op.create_table(
        "cases",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("pack_name", sa.String(200)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("removed_at", _MOMENT),
    )
    op.create_index("cases_by_state_and_opening", "cases", ["state", "opened_at"])
    op.create_index("cases_by_change", "cases", ["changed_at"])
    op.create_table(
        "case_files",
        _of_case(),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("blob_digest", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
    op.create_index("case_files_by_blob", "case_files", ["blob_digest"])
    op.create_table(
        "readings",
        *_of_desk(),
        sa.Column("revealed_at", _MOMENT),
        sa.Column("decided", sa.Integer, nullable=False),
    )
    op.create_table(
        "drafts",
        *_of_desk(),
        sa.Column("begun", sa.Integer, nullable=False),
        sa.Column("asked", sa.Integer),
    )
    op.create_table(
        "desk_files",
        _of_case(),
        sa.Column("pack_name", sa.String(200), primary_key=True),
        sa.Column("reader", sa.String(200), primary_key=True),
        sa.Column("blob_digest", sa.String(64), primary_key=True),
    )
    op.create_index("desk_files_by_blob", "desk_files", ["blob_digest"])
    op.create_table(
        "preferences",
        sa.Column("reader", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("case_digest", sa.String(64), nullable=False),
        sa.Column("pack_name", sa.String(200), nullable=False),
        sa.Column("reader", sa.String(200), nullable=False),
        sa.Column("detail", sa.String(200), nullable=False),
    )
    op.create_index("events_by_case", "events", ["case_digest", "kind"])
    op.create_index("events_by_time", "events", ["at"])
    op.create_table(
        "facts",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    for statement in _append_only(op.get_bind().dialect.name):
        op.execute(statement)


def _of_case() -> sa.Column[str]:
    return sa.Column(
        "case_digest",
        sa.String(64),
        sa.ForeignKey("cases.digest", ondelete="CASCADE"),
        primary_key=True,
    )


def _of_desk() -> list[sa.Column[Any]]:
    return [
        _of_case(),
        sa.Column("pack_name", sa.String(200), primary_key=True),
        sa.Column("reader", sa.String(200), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
    ]


def _append_only(dialect: str) -> list[str]:
    """Return what makes the database itself refuse to alter or delete an event."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER events_no_{verb.lower()} BEFORE {verb} ON events "
            "BEGIN SELECT RAISE(ABORT, 'events are only appended'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    if dialect == "postgresql":
        return [
            "CREATE FUNCTION consilium_events_are_only_appended() RETURNS trigger "
            "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'events are only appended'; END $$",
            "CREATE TRIGGER events_only_appended BEFORE UPDATE OR DELETE ON events "
            "FOR EACH ROW EXECUTE FUNCTION consilium_events_are_only_appended()",
        ]
    return []
