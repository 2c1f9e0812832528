"""What is seen, written into the audit when it is drawn: once for each tab, case and model."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboard import people, state
from dashboard.state import CaseWork
from mmcore.errors import StoreError
from mmcore.records import Instance
from mmcore.store import EventKind


def image_seen(work: CaseWork, instance: Instance) -> None:
    """Write down that an image of the case is on the screen."""
    _once(work, EventKind.IMAGE_SEEN, instance.digest, image=instance.digest[:16])


def answer_seen(work: CaseWork) -> None:
    """Write down that a model's answer is on the screen: which model, and the gate's verdicts."""
    prediction = work.prediction
    if prediction is None:
        return
    _once(
        work, EventKind.ANSWER_SEEN, prediction.pack.digest,
        gate={one.target: str(one.verdict) for one in prediction.gate},
        version=prediction.pack.version, digest=prediction.pack.digest,
    )  # fmt: skip


def others_seen(work: CaseWork, whose: Sequence[str]) -> None:
    """Write down that the readings of others are on the screen, and whose."""
    _once(work, EventKind.OTHERS_SEEN, " ".join(whose), whose=list(whose))


def decision_of(
    work: CaseWork, target: str, response: str, *, is_read_first: bool
) -> dict[str, Any]:
    """Return the details of a decision, for the figures that are counted from the audit."""
    gate = {one.target: str(one.verdict) for one in work.prediction.gate} if work.prediction else {}
    return {"response": response, "read_first": is_read_first, "gate": gate.get(target, "")}


def tell(work: CaseWork, happened: Iterable[tuple[EventKind, str, Mapping[str, Any]]]) -> None:
    """Write down what happened to a case that is not stored, where the site keeps an audit."""
    try:
        journal = people.journal()
        if journal is None:
            return
        for kind, detail, more in happened:
            journal.tell(
                kind, work.case.digest, pack_name=work.pack_name or "", reader=people.reader(),
                detail=detail, **more,
            )  # fmt: skip
    except StoreError as error:
        state.session().unsaved = error


def _once(work: CaseWork, kind: EventKind, what: str, **details: Any) -> None:
    """Write something down unless it was in this tab before; tried again where it can not be."""
    if (kind, what) in work.told:
        return
    try:
        journal = people.journal()
        if journal is not None:
            journal.tell(
                kind, work.case.digest, pack_name=work.pack_name or "", reader=people.reader(),
                **details,
            )  # fmt: skip
    except StoreError as error:
        state.session().unsaved = error
    else:
        work.told.add((kind, what))
