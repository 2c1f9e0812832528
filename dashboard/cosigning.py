"""Co-signing: the reports that others signed, looked at by who may stand for them too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dashboard import auditing, keeping, people, reading, resuming, signing, state
from dashboard.language import say
from dashboard.reading import Clock
from dashboard.state import CaseWork
from dashboard.stored_words import of_store_error
from mmcore.errors import StaleVersionError, StoreError
from mmcore.people import Action
from mmcore.records import MOST_NAME
from mmcore.store import LOCAL, Signed, Stamp

_OPENED, _WANTED = "opened to be co-signed", "to be co-signed"  # in this tab alone
CHANGED = say(
    "The report was added to or co-signed meanwhile. Look at it as it is now, then co-sign it."
)
ALREADY = say("You have co-signed this report with all that is in it.")
GONE = say("The report is not stored any more.")


@dataclass(frozen=True, slots=True)
class Report:
    """Another reader's signed report. name: how they are called here; None for the local reader.

    stamp: of its state. document: the whole of it, checked.
    """

    of: Signed
    name: str | None
    stamp: Stamp
    document: dict[str, Any]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def is_possible() -> bool:
    """Return whether the person at the page may co-sign; nobody may where nobody signs in."""
    return people.may(Action.COSIGN) and not people.person().is_anonymous


def names() -> dict[str, str]:
    """Return how everybody is called, by the id of their account."""
    return {account.id: account.display for account in people.everybody().accounts()}


def awaiting() -> tuple[Signed, ...]:
    """Return the reports of others that ask for a co-signature, oldest first.

    Raises ``NotAllowedError`` and ``StoreError``.
    """
    me, kept = people.require(Action.COSIGN), keeping.store()
    if kept is None or me.is_anonymous:
        return ()
    return kept.reports.awaiting(reader=me.id)


def of_others(work: CaseWork) -> tuple[Signed, ...]:
    """Return the reports that others signed on a case; none before one's own reading is done.

    Raises ``NotAllowedError`` and ``StoreError``.
    """
    me, kept = people.require(Action.COSIGN), keeping.store()
    if kept is None or me.is_anonymous or work.kept is None or not reading.is_revealed(work):
        return ()
    return kept.reports.of_others(work.case.digest, reader=me.id)


def look_at(work: CaseWork, signed: Signed) -> Report | None:
    """Return one of them as it is in the store; None if it is gone. Its being seen is written down.

    Raises ``NotAllowedError`` and ``StoreError``, and ``ResultFormatError`` where it is not what
    was signed any more.
    """
    people.require(Action.COSIGN)
    kept, of = keeping.store(), (signed.case_digest, signed.pack_name)
    stamp = None if kept is None else kept.reports.stamp(*of, reader=signed.reader)
    found = None if kept is None else kept.reports.signed(*of, reader=signed.reader)
    if stamp is None or found is None:
        return None
    auditing.others_seen(work, [signed.reader])
    name = None if signed.reader == LOCAL else names().get(signed.reader, signed.reader)
    return Report(signed, name, stamp, signing.whole(found))


def is_done(report: Report) -> bool:
    """Return whether the person at the page has co-signed all that is in a report."""
    me, added = people.person().id, len(report.document.get("addenda", ()))
    given = report.document.get("cosignatures", ())
    return any(one["account"] == me and one["addenda"] == added for one in given)


def cosign(report: Report, *, now: Clock = _now) -> bool:
    """Co-sign a report as it was looked at; return whether it is co-signed now by this.

    What happened is told on the page. Raises ``NotAllowedError``, for one's own report too.
    """
    from mmcore.report import cosign as with_cosignature

    me, kept = people.require(Action.COSIGN), keeping.store()
    if is_done(report):
        return _tell(ALREADY)
    if kept is None:
        return _tell(GONE)
    made = with_cosignature(report.document, name=me.display[:MOST_NAME], account=me.id, at=now())
    last = made["cosignatures"]
    assert isinstance(last, list)  # just made
    try:
        kept.reports.cosign(
            report.of.case_digest, report.of.pack_name, last[-1], stamp=report.stamp,
            reader=report.of.reader, by=me.id,
        )  # fmt: skip
    except StaleVersionError:
        return _tell(CHANGED)
    except StoreError as error:
        return _tell(say("Not co-signed. {why}", why=of_store_error(error)))
    return True


def open_case(signed: Signed) -> None:
    """Open the case of a report, to be looked at on the Report page. Raises ``NotAllowedError``."""
    state.session().preferences[_OPENED] = [signed.case_digest, signed.pack_name, signed.reader]
    resuming.reopen(signed.case_digest)


def has_opened() -> bool:
    """Return whether the case that was opened to be co-signed is there now; asked once."""
    current = state.session()
    wanted = current.preferences.get(_OPENED)
    if wanted is None or current.active_digest != wanted[0]:
        return False
    current.preferences[_WANTED] = current.preferences.pop(_OPENED)
    return True


def wanted_of(listed: Sequence[Signed]) -> int | None:
    """Return which of these reports was asked for on the Co-sign page, None for none of them."""
    wanted = state.session().preferences.get(_WANTED)
    places = ([one.case_digest, one.pack_name, one.reader] for one in listed)
    return next((index for index, place in enumerate(places) if place == wanted), None)


def _tell(words: str) -> bool:
    state.session().told = words
    return False
