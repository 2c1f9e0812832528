"""Signing a report and adding to it, whatever another window does meanwhile."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dashboard import desks, keeping, people, reading, state
from dashboard.language import say
from dashboard.reading import Clock
from dashboard.state import CaseWork, Desk
from dashboard.stored_words import of_store_error
from mmcore.errors import ReportSignedError, StaleVersionError, StoreError
from mmcore.people import Action, Person
from mmcore.records import MOST_ADDENDA, MOST_CONCLUSION, MOST_NAME, GateVerdict
from mmcore.store import SignedReport, Stamp

Document = dict[str, Any]
_TRIES = 5
NOT_KEPT = say(
    "A signature is kept with its case. This case is not stored, so its report stays a draft."
)
NO_NAME = say("Type your name to sign.")
NO_WORDS = say("Write the addendum first.")
CHANGED = say(
    "The report changed meanwhile, here or in another window, and was not signed. Look at it as it "
    "is now, then sign."
)
SIGNED_ELSEWHERE = say("The report was signed in another window. It is shown as it was signed.")
ADDED_ELSEWHERE = say(
    "Another addendum was added meanwhile. It is shown now; yours is still here and not added yet."
)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def is_signed(work: CaseWork) -> bool:
    """Return whether the reader has signed the report, as far as the store can say just now."""
    try:
        return _stamp(work) is not None
    except StoreError:  # which refuses by itself what may not be recorded any more
        return work.signed is not None


def signed(work: CaseWork) -> Document | None:
    """Return the signed report with its addenda, as it is in the store; None while it is a draft.

    Raises ``StoreError``, and ``ResultFormatError`` where it is not what was signed any more.
    """
    stamp, kept = _stamp(work), keeping.store()
    if stamp is None or kept is None:
        if work.signed is not None:
            work.signed = None
            work.forget_report()
        return None
    if work.signed is None or work.signed[0] != stamp:
        digest, pack_name = work.case.digest, work.pack_name or ""
        found = kept.reports.signed(digest, pack_name, reader=people.reader())
        if found is None:
            return None
        document = whole(found)
        work.signed = (stamp, document)
        work.forget_report()
    return work.signed[1]


def whole(found: SignedReport) -> Document:
    """Return a stored report as one document, with all that followed its signature.

    Raises ``ResultFormatError`` where it is not what was signed any more.
    """
    from mmcore.report.reading import read_document

    document: Document = json.loads(found.document)
    document["signature"] = dict(found.signature)
    if found.addenda:
        document["addenda"] = [dict(one) for one in found.addenda]
    if found.cosignatures:
        document["cosignatures"] = [dict(one) for one in found.cosignatures]
    read_document(document)
    return document


def conclude(work: CaseWork, text: str) -> None:
    """Keep what the reader concludes; it is in the report from now on."""
    found = reading.desk(work)
    words = text.strip()[:MOST_CONCLUSION]
    if words != found.conclusion:
        found.conclusion = words
        work.forget_report()


def write_addendum(work: CaseWork, text: str) -> None:
    """Keep what the reader is about to add; it is not in the report yet."""
    reading.desk(work).addendum = text.strip()[:MOST_CONCLUSION]


def is_stored(work: CaseWork) -> bool:
    """Return whether there is a place for a signature of this case."""
    return work.kept is not None


def ask(work: CaseWork, name: str = "") -> None:
    """Let the page ask whether the report shall be signed as it is shown; nothing is signed."""
    work.signs_as = _who(people.require(Action.SIGN), name)[0]


def undecided(work: CaseWork) -> tuple[int, int]:
    """Return how many shown findings have no decision of the reader, and how many there are."""
    prediction = work.prediction
    if prediction is None:
        return 0, 0
    shown = [
        target.name
        for target in reading.asked(prediction)
        if prediction.gate_of(target.name).verdict is not GateVerdict.WITHHELD
    ]
    recorded = reading.desk(work).reading
    return sum(not reading.decisions_on(recorded, name) for name in shown), len(shown)


def sign(work: CaseWork, name: str = "", *, now: Clock = _now) -> bool:
    """Sign the report that the reader has before them; return whether it is signed now by this.

    name: typed by somebody who is not signed in. Nothing else is signed than the document that is
    shown: where anything of it was saved anew meanwhile, the reader is asked to look again. What
    happened is told on the page. Raises ``NotAllowedError``.
    """
    from mmcore.report import sign as with_signature
    from mmcore.report.canonical import canonical

    person = people.require(Action.SIGN)
    work.signs_as = None
    document, who = work.document, _who(person, name)
    if not who[0]:
        return _tell(NO_NAME)
    if document is None or not is_stored(work):
        return _tell(NOT_KEPT if not is_stored(work) else CHANGED)
    made = with_signature(
        document, name=who[0], account=who[1], at=now(), asks_cosignature=person.is_supervised
    )
    for _ in range(_TRIES):
        if not desks.save(work):
            return False  # the page says why
        found, kept = reading.desk(work), keeping.store()
        if kept is None or not _says_all(document, found):
            return _tell(CHANGED)
        try:
            kept.reports.sign(
                work.case.digest, work.pack_name or "", document=canonical(document),
                signature=_plain(made["signature"]), desk=found.saved, reader=people.reader(),
            )  # fmt: skip
            work.forget_report()
        except StaleVersionError:
            desks.catch_up(work)
        except ReportSignedError:
            work.forget_report()
            return _tell(SIGNED_ELSEWHERE)
        except StoreError as error:
            return _tell(say("Not signed. {why}", why=of_store_error(error)))
        else:
            return True
    return _tell(CHANGED)


def add(work: CaseWork, name: str = "", *, now: Clock = _now) -> bool:
    """Add what the reader wrote to the signed report; return whether it is added now.

    What happened is told on the page. Raises ``NotAllowedError``.
    """
    from mmcore.report import add as with_addendum

    found, who = reading.desk(work), _who(people.require(Action.SIGN), name)
    if not who[0] or not found.addendum:
        return _tell(NO_WORDS if who[0] else NO_NAME)
    kept, document = keeping.store(), work.signed[1] if work.signed is not None else None
    if kept is None or document is None:
        return _tell(NOT_KEPT)
    before = len(document.get("addenda", ()))
    if before >= MOST_ADDENDA:
        return _tell(say("A report takes at most {n} addenda.", n=MOST_ADDENDA))
    made = with_addendum(document, text=found.addendum, name=who[0], account=who[1], at=now())
    try:
        kept.reports.add(
            work.case.digest, work.pack_name or "", _plain(made["addenda"])[-1], after=before,
            reader=people.reader(),
        )  # fmt: skip
    except StaleVersionError:
        return _tell(ADDED_ELSEWHERE)
    except StoreError as error:
        return _tell(say("Not added. {why}", why=of_store_error(error)))
    found.addendum = ""
    found.history.round += 1
    return desks.save(work)


def _who(person: Person, name: str) -> tuple[str, str | None]:
    """Return name and account of who signs; a name is typed only where nobody signs in."""
    if person.is_anonymous:
        return name.strip()[:MOST_NAME], None
    return person.display[:MOST_NAME], person.id


def _stamp(work: CaseWork) -> Stamp | None:
    kept = keeping.store() if work.kept is not None else None
    if kept is None:
        return None
    return kept.reports.stamp(work.case.digest, work.pack_name or "", reader=people.reader())


def _says_all(document: Mapping[str, Any], found: Desk) -> bool:
    """Return whether a document says what is recorded and put in at the desk now."""
    from mmcore.report.impressions import reading_document
    from mmcore.report.key_images import key_images_document

    recorded = None if found.reading.is_empty else reading_document(found.reading)
    return (
        document.get("reading") == recorded
        and document.get("key_images", []) == key_images_document(found.key_images)
        and document.get("conclusion", "") == found.conclusion
    )


def _plain(value: object) -> Any:
    return json.loads(json.dumps(value))


def _tell(words: str) -> bool:
    state.session().told = words
    return False
