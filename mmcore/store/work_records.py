"""Plain records of the list of work: what a case is about, what is asked for, what is listed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mmcore.people.records import LOCAL


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the list of work says of a case, as its files say; anything may be unknown.

    name: as a file writes it, its parts parted by "^". birth_date: ISO 8601, or "". person: equal
    for cases of one patient and of nobody else, "" where the files do not say enough. study_at:
    the hospital's clock as the files give it, kept as if it were UTC.
    """

    name: str = ""
    patient_id: str = ""
    accession: str = ""
    birth_date: str = ""
    person: str = ""
    study_at: datetime | None = None
    dicom_modality: str = ""
    body_part: str = ""


class WorkStatus(StrEnum):
    """How far a case is, in the order of a day's work."""

    NEW = "new"
    QUEUED = "queued"
    SCORING = "scoring"
    FAILED = "failed"
    SCORED = "scored"
    READING = "being read"
    SIGNED = "signed"


class SortBy(StrEnum):
    """What the list may be sorted by; by names only where they are not encrypted."""

    PRIORITY = "priority"  # marked urgent by a person first, then who waits longest
    TRIAGE = "triage"  # the same, but after urgent ones as the model's answer suggests
    FLAGGED = "flagged"  # the same, but after urgent ones whatever is flagged
    RECEIVED = "received"
    STUDY = "study"
    NAME = "name"
    STATUS = "status"
    MODALITY = "modality"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class WorkView:
    """Who looks, and with which models. packs: digest by name. default_pack: of unassigned cases.

    reader: whose revealed answers are known to them.
    """

    packs: Mapping[str, str] = field(default_factory=dict)
    default_pack: str = ""
    reader: str = LOCAL


@dataclass(frozen=True, slots=True)
class WorkQuery:
    """Which part of the list is asked for; empty values ask for anything.

    words: of name, patient ID or accession number; each must begin a word there. assigned_to: an
    account, or ``NOBODY``. like: only cases of the same patient as this one. since: received then
    or later.
    """

    words: str = ""
    statuses: frozenset[WorkStatus] = frozenset()
    modalities: frozenset[str] = frozenset()
    assigned_to: str = ""
    is_urgent: bool = False
    since: datetime | None = None
    like: str = ""
    sort: SortBy = SortBy.PRIORITY
    is_descending: bool = False
    offset: int = 0
    most: int = 50


NOBODY = "nobody"
"""Asks for cases that no reader is assigned to; no account has this id."""


FLAGGED = 0
"""``Triage.attention`` of a case in which the model calls something present."""


class ScoringState(StrEnum):
    """How far the background scoring of one case by one model is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Triage:
    """What the model's answer says about looking sooner or later. Never sent before it may be seen.

    attention: class of the finding that needs it most, 0 first. likelihood: its probability, or
    None. target, display: its name, "" where nothing could be scored. verdict: of the gate.
    """

    attention: int
    likelihood: float | None
    target: str
    display: str
    verdict: str


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One case of the list. facts: for display. priors: earlier studies of the same patient.

    pack_name: of the model that reads it. triage: of that model, None before it was scored.
    is_revealed: whether its answer was shown to who looks. failure: why it could not be scored, as
    ``to_plain`` gives it.
    """

    digest: str
    label: str
    pack_name: str
    facts: CaseFacts
    received_at: datetime
    status: WorkStatus
    is_urgent: bool
    assigned_to: str
    assigned_name: str
    priors: int
    triage: Triage | None
    is_revealed: bool
    failure: object = None


@dataclass(frozen=True, slots=True)
class WorkPage:
    """One page of the list. total: rows that match. counts: of them and of any other status."""

    rows: tuple[WorkRow, ...]
    total: int
    counts: Mapping[WorkStatus, int]


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """One case to be scored by one model. worker: who holds it. attempt: 1 for the first."""

    case_digest: str
    pack_digest: str
    pack_name: str
    worker: str
    attempt: int
