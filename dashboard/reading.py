"""Reading first, then revealing: what the reader must say before, and what follows an answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dashboard import auditing, desks, site, state
from dashboard.state import CaseWork, Desk, Entry
from mmcore.calls import Call, call_of
from mmcore.language import say
from mmcore.records import (
    DecisionReason,
    Impression,
    Prediction,
    Presence,
    ReaderDecision,
    Reading,
    ReadingMode,
    Response,
    TargetPrediction,
)
from mmcore.store import EventKind

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def desk(work: CaseWork) -> Desk:
    """Return what the reader entered and recorded on a case about the model that reads it."""
    return desks.desk(work, site.reading_mode())


def is_revealed(work: CaseWork) -> bool:
    """Return whether anything that the model says of the case may reach the browser."""
    return desk(work).reading.is_revealed


def asked(prediction: Prediction) -> tuple[TargetPrediction, ...]:
    """Return what the reader is asked about, in the pack's own order, which tells nothing.

    Every finding, withheld or not; the values of a model that predicts nothing else.
    """
    findings = tuple(t for t in prediction.targets if t.kind == "finding")
    return findings or prediction.targets


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reading is: findings read in full, begun but not complete, and asked in all."""

    read: int
    begun: int
    of: int
    mode: ReadingMode

    @property
    def may_reveal(self) -> bool:
        """Whether the model's answer may be shown now: nothing half entered, and enough read."""
        needed = self.of if self.mode is ReadingMode.READ_FIRST else 1
        return not self.begun and self.read >= needed


def progress(found: Desk, targets: Sequence[TargetPrediction]) -> Progress:
    """Return how far the reading is."""
    entries = [found.entry(target.name) for target in targets]
    read = sum(_is_whole(entry) for entry in entries)
    begun = sum(bool(e.presence or e.confidence) and not _is_whole(e) for e in entries)
    return Progress(read, begun, len(entries), found.reading.mode)


def reveal(work: CaseWork, targets: Sequence[TargetPrediction], *, now: Clock = _now) -> None:
    """Store the impressions as they stand and let the model's answer be shown.

    Where they can not be stored, everything stays as it was: no answer comes before they are.
    Raises ``ValueError`` while ``Progress.may_reveal`` is false.
    """
    found = desk(work)
    if not progress(found, targets).may_reveal:
        raise ValueError("the reading is not complete")
    before, entries = found.reading, dict(found.entries)
    at, is_blind = now(), not desks.has_seen_an_answer(work)
    impressions = tuple(
        made
        for target in targets
        if (made := _impression(found.entry(target.name), target.name, at, is_blind))
    )
    found.reading = shown = found.reading.reveal(impressions, at)
    found.entries.clear()
    desks.forget_steps(found)
    work.forget_report()
    if not desks.save(work, (EventKind.REVEALED, "", {})):
        if found.reading is shown:  # else what another window recorded stands, entries and all
            found.reading, found.entries = before, entries
        state.session().told = say(
            "Your reading could not be stored, so the model's answer stays hidden. What you "
            "entered is still here: try again."
        )


def turned_by(work: CaseWork, target: str) -> Presence | None:
    """Return what agreeing turns the reader's own reading of a finding into: the model's call.

    None where they hold nothing or the same, and where the model says neither: a value, a finding
    that is borderline, or one that is flagged, or is not, against what is more likely.
    """
    held, prediction = desk(work).reading.held(target), work.prediction
    said = None if prediction is None else prediction.target(target)
    if held is None or said is None:
        return None
    call = call_of(said.probability, said.interval, said.operating_point)
    if call not in (Call.PRESENT, Call.ABSENT):
        return None
    turned = Presence.PRESENT if call is Call.PRESENT else Presence.ABSENT
    return None if turned is held.presence else turned


def problem_of(work: CaseWork, target: str) -> str:
    """Return what a decision on a finding still lacks, in words; "" if it may be recorded."""
    found, turned = desk(work), turned_by(work, target)
    entry, before = found.entry(target), found.reading.held(target)
    if entry.response is None:
        return say("Choose what you make of the answer.")
    if entry.response is Response.AGREE:
        if turned is None:
            return ""
        if entry.confidence is None:
            return say("Say how sure you are now.")
    if entry.response is Response.CHANGE:
        if not _is_whole(entry):
            return say("Say what you hold now, and how sure you are.")
        if before and (before.presence, before.confidence) == (entry.presence, entry.confidence):
            return say("That is what you held before.")
    if entry.reason is None:
        return say("Choose a reason.")
    if entry.reason is DecisionReason.OTHER and not entry.text.strip():
        return say("Say the reason in your own words.")
    return ""


def record(work: CaseWork, target: str, *, now: Clock = _now) -> None:
    """Record the decision that was entered on a finding; it can be followed, never overwritten.

    Who agrees with a call that is not their own reading changes their mind, and that is what is
    recorded. Raises ``ValueError`` while ``problem_of`` names something.
    """
    found, turned = desk(work), turned_by(work, target)
    problem = problem_of(work, target)
    if problem:
        raise ValueError(problem)
    entry, before = found.entry(target), found.reading.held(target)
    assert entry.response is not None  # else there is a problem
    response, said = entry.response, entry
    if response is Response.AGREE and turned is not None:
        response, said = Response.CHANGE, replace(entry, presence=turned)
    is_change = response is Response.CHANGE
    decision = ReaderDecision(
        target=target,
        response=response,
        reason=None if response is Response.AGREE else entry.reason,
        text=entry.text.strip(),
        before=before,
        after=_impression(said, target, now(), is_blind=False) if is_change else before,
        decided_at=now(),
    )
    found.reading = found.reading.decide(decision)
    del found.entries[target]
    desks.forget_steps(found)
    work.forget_report()
    is_read_first = any(one.target == target for one in found.reading.impressions)
    told = auditing.decision_of(work, target, str(decision.response), is_read_first=is_read_first)
    desks.save(work, (EventKind.DECIDED, target, told))


def decisions_on(reading: Reading, target: str) -> tuple[ReaderDecision, ...]:
    """Return the decisions on one finding, in order of time."""
    return tuple(d for d in reading.decisions if d.target == target)


def _is_whole(entry: Entry) -> bool:
    return entry.presence is not None and entry.confidence is not None


def _impression(entry: Entry, target: str, at: datetime, is_blind: bool) -> Impression | None:
    if entry.presence is None or entry.confidence is None:
        return None
    return Impression(target, entry.presence, entry.confidence, at, is_blind)
