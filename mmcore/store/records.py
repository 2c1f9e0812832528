"""Plain records in and out of the store. JSON values are what ``json`` reads and writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mmcore.people.records import LOCAL as LOCAL

Json = Mapping[str, Any]


class CaseState(StrEnum):
    """Where a stored case stands."""

    OPEN = "open"
    CLOSED = "closed"
    ARCHIVED = "archived"
    REMOVED = "removed"  # can be restored until it is purged


class EventKind(StrEnum):
    """What is written down when it happens, and never altered. Values never change."""

    KEPT = "kept"
    OPENED = "opened"
    CLOSED = "closed"
    IMAGE_SEEN = "image shown"
    ANSWER_SEEN = "answer seen"  # drawn on a page, with its model and the gate's verdicts
    OTHERS_SEEN = "others' readings shown"
    SHOWN = "shown"  # a model's answer, to a reader from whom it is not hidden
    REVEALED = "revealed"  # a model's answer, after the reading
    DECIDED = "decided"
    REPORTED = "report written"
    SIGNED = "signed"
    ADDED = "addendum"  # to a signed report
    COSIGNED = "co-signed"  # the report of somebody else
    REMOVED = "removed"
    RESTORED = "restored"
    DELETED = "deleted"
    EXPIRED = "expired"
    SIGNED_IN = "signed in"
    SIGNED_OUT = "signed out"
    SIGN_IN_REFUSED = "sign-in refused"
    NOT_ALLOWED = "not allowed"  # somebody tried what their role may not do
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    PEOPLE_CHANGED = "people changed"
    SITE_CHANGED = "site changed"  # what is kept how long, under which key
    AUDIT_USED = "audit used"  # checked or taken out
    BACKED_UP = "backed up"  # the whole store, into a file
    PUT_BACK = "put back from a backup"  # the whole store
    MOVED = "moved to another database"
    EXPORTED = "exported"
    DEIDENTIFIED = "de-identified files taken out"
    ASSIGNED = "reader assigned"  # or taken from a case
    URGENCY = "urgency changed"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file as it came in. name: for display only."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one reader is with a case and one model.

    begun: findings with something entered and not recorded. asked: findings the reader is asked
    about, None before that is known. decided: findings with at least one decision. revealed_at:
    when the model's answer was shown after the reading, in UTC. signed_at: when the report was
    signed, in UTC; the store says it and ``save_desk`` does not take it.
    """

    begun: int = 0
    asked: int | None = None
    decided: int = 0
    revealed_at: datetime | None = None
    signed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredCase:
    """One case of the list, without its files.

    label: what the case was called. person: who it is, as the files say, or "". pack_name: the
    model chosen for it. Times in UTC. progress: by name of the model; of the reader who asked.
    """

    digest: str
    label: str
    person: str
    pack_name: str | None
    state: CaseState
    created_at: datetime
    opened_at: datetime
    changed_at: datetime
    removed_at: datetime | None
    progress: Mapping[str, Progress]


@dataclass(frozen=True, slots=True)
class StoredDesk:
    """What a reader recorded and entered on a case about one model's answer, as last saved.

    reading: the recorded ``Reading`` as JSON, None while nothing was recorded. draft: what was
    entered and not recorded. The versions count the saves; 0 while there is none.
    """

    reading: Json | None = None
    draft: Json | None = None
    reading_version: int = 0
    draft_version: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, when, to which case. detail: a word or two, never of a patient."""

    at: datetime
    kind: EventKind
    case_digest: str
    pack_name: str = ""
    reader: str = LOCAL
    detail: str = ""
