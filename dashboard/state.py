"""The only module that reads or writes ``st.session_state``.

Everything derived from a case lives inside that case's own ``CaseWork``. Opening or choosing
another case therefore leaves nothing of the old one behind on any page, by construction.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import site
from dashboard.desk_records import Desk as Desk
from dashboard.desk_records import Entry as Entry
from dashboard.desk_records import History as History
from dashboard.desk_records import Step as Step
from dashboard.jobs import Job
from dashboard.several_records import Several
from mmcore.deid.records import Box, DeidentifiedCase, Options, Preview
from mmcore.deid.secret import Secret
from mmcore.errors import ConfigError, MMCoreError
from mmcore.language import ENGLISH, LANGUAGES
from mmcore.people import Person
from mmcore.records import (
    Case,
    Explanation,
    Instance,
    Modality,
    Note,
    Prediction,
    Recording,
)
from mmcore.store import Stamp

_KEY = "consilium_session"
LANGUAGE_COOKIE = "consilium_language"  # set by the page itself, so that a reload finds the choice
MOST_CASES = 6  # each holds its pixels in memory; the oldest is let go first


@dataclass(frozen=True, slots=True)
class Seen:
    """What the model looked at of a case that may hold several; ``None`` before it has."""

    image: Instance | None = None
    note: Note | None = None
    recording: Recording | None = None


@dataclass(slots=True)
class Kept:
    """What of an open case is on the disk. document: the report that the journal knows of."""

    pack_name: str | None
    document: dict[str, Any] | None = None


@dataclass(slots=True)
class Resuming:
    """A stored case that is being read again. job: of its files; the result is the case."""

    digest: str
    label: str
    n_files: int
    pack_name: str | None
    job: Job[Any]


@dataclass(slots=True)
class Leaving:
    """A case on its way out of the hospital: what was found, and what a person said of it.

    job: of the preview or of the files. asked: the options of the preview. verdicts: by image and
    box, whether it goes black; a box without one waits. added: boxes that a person added.
    approved: images that a person has looked at and approved as they are marked. at: the image in
    view. unseen: frames of an image, from 0, that were not on the page yet. image, picture: the
    last one, and its last frame as drawn, by what they are of. made, packed: the files, one by one
    and as a zip. given, read: the state of options and approvals (``deidentifying.signature``) that
    they were made of, and that a person has read and looked at.
    """

    job: Job[Any] | None = None
    asked: Options | None = None
    preview: Preview | None = None
    verdicts: dict[str, dict[Box, bool]] = field(default_factory=dict)
    added: dict[str, list[Box]] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)
    at: str = ""
    unseen: dict[str, set[int]] = field(default_factory=dict)
    image: tuple[str, Instance] | None = None
    picture: tuple[tuple[str, int | None], Any] | None = None
    made: DeidentifiedCase | None = None
    packed: bytes = b""
    given: str = ""
    read: str = ""


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
    viewer_sent: digest and number of the last message to the viewer.
    kept: what of it is on the disk; None for a case in memory only.
    files: its source files by name, where they are not on the disk.
    leaving: its de-identification, while somebody works on it.
    tables: by digest, those of its files whose columns a person may name.
    told: kinds of entries that the audit has of this tab, and what they are about.
    signed: the signed report, with what tells whether anything of it is new; None where nobody
        signed it.
    signs_as: the name under which the reader is about to sign what is shown, "" where they typed
        none; None while they are not asked.
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
    viewer_sent: tuple[str, int] = ("", 0)
    kept: Kept | None = None
    files: tuple[tuple[str, bytes], ...] = ()
    leaving: Leaving = field(default_factory=Leaving)
    tables: dict[str, bytes] | None = None
    told: set[tuple[str, str]] = field(default_factory=set)
    signed: tuple[Stamp, dict[str, Any]] | None = None
    signs_as: str | None = None

    def number_of_message(self, digest: str) -> int:
        """Return a number that rises whenever what is sent to the viewer differs from the last."""
        sent, number = self.viewer_sent
        if sent != digest:
            self.viewer_sent = (digest, number + 1)
        return self.viewer_sent[1]

    def forget_report(self) -> None:
        """Drop the report, which no longer says everything."""
        self.document = self.pdf = self.signs_as = None
        self.jobs.pop("report", None)

    def forget_derived(self) -> None:
        """Drop everything that a model said of this case."""
        self.prediction = self.target = None
        self.forget_report()
        self.seen = Seen()
        self.left_out = frozenset()
        self.explanations.clear()
        self.jobs.clear()


@dataclass(slots=True)
class Session:
    """What one browser tab is working on.

    pack_name: the model for cases that name none, or None for the first installed.
    intake: the reading of dropped files, while it runs or until its error has been seen.
    intake_pack: the model that the case being read is for, or None. intake_files: its files.
    intake_completes: digest of the open case that is being read again, or "".
    several: patients whose files came in together, until their list is let go; or None.
    uploader_round: counts up to give a fresh drop zone after each reading.
    has_fixed_scale: whether charts of all findings share one axis.
    language: of its words; None until the first of them is drawn. has_chosen_language: whether it
        is the reader's own choice.
    desks: by digest of the case and name of the model. They outlive the case's being let go for
        newer ones, and end when it is closed.
    preferences: what was asked of the store, or chosen in this tab; JSON values by name.
    address: the case that the address of the page was last set to, "" for none.
    resuming: a stored case that is being read again, or None.
    deid_key: of this session's pseudonyms, where the site has set none.
    unsaved: why the last change could not be saved, or None. told: what must be said once.
    person: whose tab it is, None before that is known. tab: tells it from that person's others.
    """

    cases: dict[str, CaseWork] = field(default_factory=dict)
    active_digest: str | None = None
    pack_name: str | None = None
    intake: Job[Any] | None = None
    intake_label: str = ""
    intake_pack: str | None = None
    intake_files: tuple[tuple[str, bytes], ...] = ()
    intake_completes: str = ""
    several: Several | None = None
    uploader_round: int = 0
    has_fixed_scale: bool = True
    language: str | None = None
    has_chosen_language: bool = False
    desks: dict[tuple[str, str], Desk] = field(default_factory=dict)
    preferences: dict[str, Any] = field(default_factory=dict)
    address: str = ""
    resuming: Resuming | None = None
    deid_key: Secret | None = None
    unsaved: MMCoreError | None = None
    told: str = ""
    person: Person | None = None
    tab: str = field(default_factory=lambda: secrets.token_hex(8))


def session() -> Session:
    """Return this tab's session, creating it on first use."""
    current: Session = st.session_state.setdefault(_KEY, Session())
    return current


def begin_anew() -> None:
    """Let everything in this tab go, for another person; the language stays."""
    before = session()
    for key in list(st.session_state):
        del st.session_state[key]
    fresh = session()
    fresh.language, fresh.has_chosen_language = before.language, before.has_chosen_language


def language() -> str:
    """Return the reader's language, one of ``mmcore.language.LANGUAGES``.

    What was chosen in this tab, else in this browser before, else what the site has set, else what
    the browser asks for. English where no page is being drawn, and where the site's setting is
    refused, which the frame says.
    """
    if get_script_run_ctx(suppress_warning=True) is None:
        return ENGLISH
    current = session()
    if current.language is None:
        kept = st.context.cookies.get(LANGUAGE_COOKIE)
        current.language = kept if kept is not None and kept in LANGUAGES else _offered()
    return current.language


def _offered() -> str:
    """Return the language of who has chosen none."""
    try:
        of_site = site.language()
    except ConfigError:
        return ENGLISH
    wanted = (st.context.locale or ENGLISH).lower()
    return of_site or next((tag for tag in LANGUAGES if wanted[:2] == tag[:2]), ENGLISH)


def choose_language(tag: str) -> None:
    """Draw the pages of this tab in another language from now on; nothing entered is touched.

    Called from the chooser's callback, before anything is drawn: Streamlit knows a choice in the
    browser by the words it was shown with, so each is set anew and reaches the browser in the new
    ones.
    """
    current = session()
    current.language, current.has_chosen_language = tag, True
    for work in current.cases.values():
        work.forget_report()  # its PDF is in the language of before
    for key, value in st.session_state.items():
        if isinstance(value, str | int) and not isinstance(value, bool):
            st.session_state[key] = value


def chosen_language() -> str | None:
    """Return the language that the reader chose in this tab, for the browser to keep; or None."""
    current = session()
    return current.language if current.has_chosen_language else None


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


def close_case(closed: str) -> None:
    """Let a case go, with everything worked out from it; look at another if it was in view."""
    current = session()
    current.cases.pop(closed, None)
    current.desks = {key: desk for key, desk in current.desks.items() if key[0] != closed}
    if current.active_digest not in current.cases:
        current.active_digest = next(reversed(current.cases), None)


def neighbour(step: int) -> str | None:
    """Return the digest of the open case ``step`` places after the one in view, or None."""
    current = session()
    digests = list(current.cases)
    if current.active_digest not in current.cases:
        return None
    place = digests.index(current.active_digest) + step
    return digests[place] if 0 <= place < len(digests) else None


def find_desk(work: CaseWork) -> Desk | None:
    """Return the reader's desk for a case and the model that reads it, if they have one here."""
    return session().desks.get((work.case.digest, work.pack_name or ""))


def keep_desk(work: CaseWork, found: Desk) -> None:
    """Keep a reader's desk for a case and the model that reads it."""
    session().desks[work.case.digest, work.pack_name or ""] = found


def has_seen_an_answer(work: CaseWork) -> bool:
    """Return whether any model's answer on the case was shown in this session."""
    return any(
        desk.reading.is_revealed
        for (digest, _), desk in session().desks.items()
        if digest == work.case.digest
    )


def entered(key: str) -> Any:
    """Return what a widget holds now, for the callback that keeps it."""
    return st.session_state.get(key)


def choose_pack(name: str) -> None:
    """Use another model for the case in view and for new ones; what the last one said is dropped.

    Other open cases keep their model and what it said.
    """
    current, work = session(), active()
    current.pack_name = name
    if work is not None and work.pack_name != name:
        work.pack_name = name
        work.forget_derived()
