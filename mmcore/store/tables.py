"""The tables as this version of the code knows them. Migrations make them; a test compares both.

"sealed" columns hold JSON text, encrypted where the site has a key (``mmcore/store/sealing.py``).
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)


class Moment(TypeDecorator[datetime]):
    """A time with its zone; kept and returned in UTC, whatever the database knows of zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone; SQLite keeps none, so it is written in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time needs its zone")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()
_DIGEST = String(64)
_NAME = String(200)
_COUNTED = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER keys alone


def _of_case() -> Column[str]:
    return Column(
        "case_digest", _DIGEST, ForeignKey("cases.digest", ondelete="CASCADE"), primary_key=True
    )


cases = Table(
    "cases",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("label", Text, nullable=False),  # sealed
    Column("person", Text, nullable=False),  # sealed
    Column("pack_name", _NAME),
    Column("state", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("removed_at", Moment),
    Index("cases_by_state_and_opening", "state", "opened_at"),  # the list, newest first
    Index("cases_by_change", "changed_at"),  # what has been kept long enough
    Index("cases_by_arrival", "created_at"),
)
case_files = Table(
    "case_files",
    metadata,
    _of_case(),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),  # sealed
    Column("blob_digest", _DIGEST, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Index("case_files_by_blob", "blob_digest"),  # who else refers to a file
)
readings = Table(
    "readings",
    metadata,
    _of_case(),
    Column("pack_name", _NAME, primary_key=True),
    Column("reader", _NAME, primary_key=True),
    Column("document", Text, nullable=False),  # sealed
    Column("revealed_at", Moment),
    Column("decided", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed_at", Moment, nullable=False),
)
drafts = Table(
    "drafts",
    metadata,
    _of_case(),
    Column("pack_name", _NAME, primary_key=True),
    Column("reader", _NAME, primary_key=True),
    Column("document", Text, nullable=False),  # sealed
    Column("begun", Integer, nullable=False),
    Column("asked", Integer),
    Column("version", Integer, nullable=False),
    Column("changed_at", Moment, nullable=False),
)
desk_files = Table(  # pictures that a draft or reading refers to by their digest
    "desk_files",
    metadata,
    _of_case(),
    Column("pack_name", _NAME, primary_key=True),
    Column("reader", _NAME, primary_key=True),
    Column("blob_digest", _DIGEST, primary_key=True),
    Index("desk_files_by_blob", "blob_digest"),
)
signatures = Table(  # of reports; the database refuses to alter one
    "signatures",
    metadata,
    _of_case(),
    Column("pack_name", _NAME, primary_key=True),
    Column("reader", _NAME, primary_key=True),
    Column("document", Text, nullable=False),  # sealed: who, when, of what
    Column("blob_digest", _DIGEST, nullable=False),  # the document that was signed
    Column("signed_at", Moment, nullable=False),
    Column("asks_cosignature", Boolean, nullable=False, server_default=false()),
    Index("signatures_by_blob", "blob_digest"),
)
addenda = Table(  # likewise
    "addenda",
    metadata,
    _of_case(),
    Column("pack_name", _NAME, primary_key=True),
    Column("reader", _NAME, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", Text, nullable=False),  # sealed
    Column("added_at", Moment, nullable=False),
)
cosignatures = Table(  # likewise; of whose report: reader
    "cosignatures",
    metadata,
    _of_case(),
    Column("pack_name", _NAME, primary_key=True),
    Column("reader", _NAME, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", Text, nullable=False),  # sealed
    Column("addenda", Integer, nullable=False),  # so many are covered
    Column("cosigned_at", Moment, nullable=False),
)
worklist = Table(  # what the list of work says of each case
    "worklist",
    metadata,
    _of_case(),
    Column("identity", Text, nullable=False),  # sealed: name, patient ID, accession number
    Column("person_token", String(32)),  # equal for cases of one patient
    Column("study_at", Moment),
    Column("dicom_modality", String(16), nullable=False),
    Column("body_part", String(64), nullable=False),
    Column("is_urgent", Boolean, nullable=False),
    Column("assigned_to", String(32), nullable=False),  # an account, or "" for nobody
    Index("worklist_by_person", "person_token"),
    Index("worklist_by_modality", "dicom_modality"),
)
search_tokens = Table(  # fingerprints of beginnings of words
    "search_tokens",
    metadata,
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    _of_case(),
    Index("search_tokens_by_case", "case_digest"),
)
scorings = Table(
    "scorings",
    metadata,
    _of_case(),
    Column("pack_digest", _DIGEST, primary_key=True),
    Column("pack_name", _NAME, nullable=False),
    Column("state", String(16), nullable=False),
    Column("queued_at", Moment, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", String(64)),
    Column("seen_at", Moment),  # the worker's last sign of life
    Column("attention", Integer),
    Column("likelihood", Float(53)),
    Column("summary", Text),  # sealed: finding and verdict, or why it failed
    Index("scorings_by_state", "state", "queued_at"),
)
watched = Table(  # outlives its case, so that what was deleted is not read again
    "watched",
    metadata,
    Column("content_digest", _DIGEST, primary_key=True),
    Column("case_digest", _DIGEST, nullable=False),  # "" for what was refused
    Column("at", Moment, nullable=False),
)
preferences = Table(
    "preferences",
    metadata,
    Column("reader", _NAME, primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("value", Text, nullable=False),  # JSON
)
audit = Table(  # the journal; outlives its cases: no foreign key
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", _NAME, nullable=False),
    Column("roles", _NAME, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("case_digest", _DIGEST, nullable=False),
    Column("pack_name", _NAME, nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Column("method", String(16), nullable=False),
    Column("previous", _DIGEST, nullable=False),
    Column("hash", _DIGEST, nullable=False),
    Index("audit_by_case", "case_digest", "kind"),
    Index("audit_by_time", "at"),
)
audit_keys = Table(  # of the chain, which stays the same when the site changes its own key
    "audit_keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("value", Text, nullable=False),  # sealed
)
accounts = Table(
    "accounts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("display", _NAME, nullable=False),
    Column("source", String(16), nullable=False),
    Column("subject", String(400)),
    Column("roles", _NAME, nullable=False),
    Column("password", Text),  # Argon2id, never the password itself
    Column("must_change", Boolean, nullable=False),
    Column("is_supervised", Boolean, nullable=False, server_default=false()),
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
    Index("accounts_by_name", "name", unique=True),
    Index("accounts_by_subject", "subject", unique=True),
)
sessions = Table(
    "sessions",
    metadata,
    Column("digest", _DIGEST, primary_key=True),  # of the token that the browser holds
    Column("account_id", String(32), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("locked_at", Moment),
    Column("ended_at", Moment),  # it stays until ends_at: what began it begins no other one
    Index("sessions_by_account", "account_id"),
)
attempts = Table(  # to sign in, that failed, by the digest of the name that was given
    "attempts",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("failed", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
)
visits = Table(  # who has which case open, tab by tab
    "visits",
    metadata,
    _of_case(),
    Column(
        "account_id",
        String(32),
        ForeignKey("accounts.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("tab", String(32), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)
facts = Table(
    "facts",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("value", Text, nullable=False),
)
