"""Co-signatures of signed reports, and whose reports ask for one.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Make the table, in which the database itself refuses to alter a row, and two columns."""
    op.create_table(
        "cosignatures",
        sa.Column(
            "case_digest",
            sa.String(64),
            sa.ForeignKey("cases.digest", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("pack_name", sa.String(200), primary_key=True),
        sa.Column("reader", sa.String(200), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("addenda", sa.Integer, nullable=False),
        sa.Column("cosigned_at", sa.DateTime(timezone=True), nullable=False),
    )
    for table, name in (("signatures", "asks_cosignature"), ("accounts", "is_supervised")):
        column = sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column(table, column)
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        op.execute(
            "CREATE TRIGGER cosignatures_no_update BEFORE UPDATE ON cosignatures "
            "BEGIN SELECT RAISE(ABORT, 'what was signed is never altered'); END"
        )
    if dialect == "postgresql":  # the function is of 0003
        op.execute(
            "CREATE TRIGGER cosignatures_never_altered BEFORE UPDATE ON cosignatures "
            "FOR EACH ROW EXECUTE FUNCTION consilium_what_was_signed_is_never_altered()"
        )
