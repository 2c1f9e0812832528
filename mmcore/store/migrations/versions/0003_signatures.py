"""Signed reports and what was added after them.

Revision 0003.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_MOMENT = sa.DateTime(timezone=True)
_TABLES = ("signatures", "addenda")


def upgrade() -> None:
    """Make the tables, in which the database itself refuses to alter a row."""
    op.create_table(
        "signatures",
        *_of_desk(),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("blob_digest", sa.String(64), nullable=False),
        sa.Column("signed_at", _MOMENT, nullable=False),
    )
    op.create_index("signatures_by_blob", "signatures", ["blob_digest"])
    op.create_table(
        "addenda",
        *_of_desk(),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
    )
    for statement in _never_altered(op.get_bind().dialect.name):
        op.execute(statement)


def _of_desk() -> list[sa.Column[Any]]:
    return [
        sa.Column(
            "case_digest",
            sa.String(64),
            sa.ForeignKey("cases.digest", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("pack_name", sa.String(200), primary_key=True),
        sa.Column("reader", sa.String(200), primary_key=True),
    ]


def _never_altered(dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'what was signed is never altered'); END"
            for table in _TABLES
        ]
    if dialect == "postgresql":
        return [
            "CREATE FUNCTION consilium_what_was_signed_is_never_altered() RETURNS trigger "
            "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'what was signed is never altered'; "
            "END $$",
            *(
                f"CREATE TRIGGER {table}_never_altered BEFORE UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION consilium_what_was_signed_is_never_altered()"
                for table in _TABLES
            ),
        ]
    return []
