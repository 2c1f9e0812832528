"""The only module that reads or writes ``st.session_state``.

Everything derived from a case lives inside that case's own ``CaseWork``. Opening or choosing
another case therefore leaves nothing of the old one behind on any page, by construction.
"""

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboard.jobs import Job
from mmcore.records import (
    Case,
    Explanation,
    Instance,
    Modality,
    Note,
    Prediction,
    Recording,
)

_KEY = "consilium_session"
MOST_CASES = 6  # each holds its pixels in memory; the oldest is let go first


@dataclass(frozen=True, slots=True)
class Seen:
    """What the model looked at of a case that may hold several; ``None`` before it has."""

    image: Instance | None = None
    note: Note | None = None
    recording: Recording | None = None


@dataclass(slots=True)
class CaseWork:
    """One open case and all that was worked out from it. Plain records; no tensors, no models.

    label: how the case switcher names it.
    pack_name: the model that reads this case, or None for the session's own. A demonstration
        patient is read by a model of simulated patients, whatever reads real ones.
    explanations: by target name; of the current pack only.
    seen: what the model looked at, among the case's images, notes and recordings.
    left_out: inputs that the reader switched off to see the answer without them.
    jobs: work under way, by name ("predict", "explain:effusion", "document").
    """

    case: Case
    label: str
    pack_name: str | None = None
    prediction: Prediction | None = None
    explanations: dict[str, Explanation] = field(default_factory=dict)
    target: str | None = None
    seen: Seen = field(default_factory=Seen)
    document: dict[str, Any] | None = None
    pdf: bytes | None = None
    left_out: frozenset[Modality] = frozenset()
    jobs: dict[str, Job[Any]] = field(default_factory=dict)

    def forget_derived(self) -> None:
        """Drop everything that a model said of this case."""
        self.prediction = self.target = self.document = self.pdf = None
        self.seen = Seen()
        self.left_out = frozenset()
        self.explanations.clear()
        self.jobs.clear()


@dataclass(slots=True)
class Session:
    """What one browser tab is working on.

    pack_name: the model for cases that name none, or None for the first installed.
    intake: the reading of dropped files, while it runs or until its error has been seen.
    intake_pack: the model that the case being read is for, or None.
    uploader_round: counts up to give a fresh drop zone after each reading.
    has_fixed_scale: whether charts of all findings share one axis.
    """

    cases: dict[str, CaseWork] = field(default_factory=dict)
    active_digest: str | None = None
    pack_name: str | None = None
    intake: Job[Any] | None = None
    intake_label: str = ""
    intake_pack: str | None = None
    uploader_round: int = 0
    has_fixed_scale: bool = True


def session() -> Session:
    """Return this tab's session, creating it on first use."""
    current: Session = st.session_state.setdefault(_KEY, Session())
    return current


def active() -> CaseWork | None:
    """Return the case this tab is looking at, or ``None``."""
    current = session()
    return current.cases.get(current.active_digest or "")


def open_case(case: Case, label: str) -> CaseWork:
    """Add a case, or find it again by its digest, and look at it.

    The digest is that of the used files. With other refused ones beside them, the case is opened
    anew: its list of files and its report would otherwise leave them out.
    """
    current = session()
    known = current.cases.get(case.digest)
    if known is not None and known.case.files != case.files:
        del current.cases[case.digest]
    work = current.cases.setdefault(case.digest, CaseWork(case, label))
    current.active_digest = case.digest
    while len(current.cases) > MOST_CASES:
        oldest = next(digest for digest in current.cases if digest != case.digest)
        del current.cases[oldest]
    return work


def activate(digest: str) -> None:
    """Look at another open case."""
    if digest in session().cases:
        session().active_digest = digest


def close_active() -> None:
    """Let the current case go, with everything worked out from it, and look at the next one."""
    current = session()
    current.cases.pop(current.active_digest or "", None)
    current.active_digest = next(reversed(current.cases), None)


def choose_pack(name: str) -> None:
    """Use another model for the case in view and for new ones; what the last one said is dropped.

    Other open cases keep their model and what it said.
    """
    current, work = session(), active()
    current.pack_name = name
    if work is not None and work.pack_name != name:
        work.pack_name = name
        work.forget_derived()
