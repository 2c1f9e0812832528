"""What the list of work says of a case, its search, the queue of scoring, and watched folders.

Revision 0004, after 0003. Cases that are there already are described when the store is next opened,
since their names may be encrypted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of the list of work."""
    op.create_table(
        "worklist",
        _of_case(),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("person_token", sa.String(32)),
        sa.Column("study_at", _MOMENT),
        sa.Column("dicom_modality", sa.String(16), nullable=False),
        sa.Column("body_part", sa.String(64), nullable=False),
        sa.Column("is_urgent", sa.Boolean, nullable=False),
        sa.Column("assigned_to", sa.String(32), nullable=False),
    )
    op.create_index("worklist_by_person", "worklist", ["person_token"])
    op.create_index("worklist_by_modality", "worklist", ["dicom_modality"])
    op.create_table(
        "search_tokens",
        sa.Column("token", sa.BigInteger, primary_key=True, autoincrement=False),
        _of_case(),
    )
    op.create_index("search_tokens_by_case", "search_tokens", ["case_digest"])
    op.create_table(
        "scorings",
        _of_case(),
        sa.Column("pack_digest", sa.String(64), primary_key=True),
        sa.Column("pack_name", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("queued_at", _MOMENT, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(64)),
        sa.Column("seen_at", _MOMENT),
        sa.Column("attention", sa.Integer),
        sa.Column("likelihood", sa.Float(53)),
        sa.Column("summary", sa.Text),
    )
    op.create_index("scorings_by_state", "scorings", ["state", "queued_at"])
    op.create_table(
        "watched",
        sa.Column("content_digest", sa.String(64), primary_key=True),
        sa.Column("case_digest", sa.String(64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_index("cases_by_arrival", "cases", ["created_at"])


def _of_case() -> sa.Column[str]:
    return sa.Column(
        "case_digest",
        sa.String(64),
        sa.ForeignKey("cases.digest", ondelete="CASCADE"),
        primary_key=True,
    )
