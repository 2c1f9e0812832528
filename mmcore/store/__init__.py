"""Cases on the disk: files, readings, drafts, preferences and a journal of what happened.

The door of SQLAlchemy, Alembic and cryptography; none of their types leaves it.
"""

from mmcore.store.place import Place, place_of
from mmcore.store.records import (
    LOCAL,
    CaseState,
    Event,
    EventKind,
    Json,
    KeptFile,
    Progress,
    StoredCase,
    StoredDesk,
)
from mmcore.store.signed_reports import Signed, SignedReport, Stamp
from mmcore.store.store import Store

__all__ = [
    "LOCAL",
    "CaseState",
    "Event",
    "EventKind",
    "Json",
    "KeptFile",
    "Place",
    "Progress",
    "Signed",
    "SignedReport",
    "Stamp",
    "Store",
    "StoredCase",
    "StoredDesk",
    "place_of",
]
