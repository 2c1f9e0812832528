"""What other readers recorded on a case, for a reviewer who has read it themselves."""

from dataclasses import dataclass

from dashboard import auditing, desks, keeping, people, reading
from dashboard.state import CaseWork
from mmcore.people import Action
from mmcore.records import Reading
from mmcore.store import LOCAL


@dataclass(frozen=True, slots=True)
class Other:
    """What one other reader recorded. name: how they are called here; None for the local reader."""

    name: str | None
    reading: Reading


def recorded(work: CaseWork) -> tuple[Other, ...]:
    """Return what others recorded about the answer of the model that reads a case, by name.

    Nothing before this reader's own reading is done, so that it stays their own. That it was seen
    goes into the audit. Raises ``NotAllowedError`` and ``StoreError``.
    """
    me = people.require(Action.SEE_OTHERS)
    kept = keeping.store()
    if kept is None or work.kept is None or not reading.is_revealed(work):
        return ()
    found = kept.readings_of_others(work.case.digest, work.pack_name or "", me.id)
    if not found:
        return ()
    auditing.others_seen(work, [who for who, _ in found])
    names = {account.id: account.display for account in people.everybody().accounts()}
    others = (Other(None if who == LOCAL else names.get(who, who), desks.reading_of(document))
              for who, document in found)  # fmt: skip
    return tuple(sorted(others, key=lambda other: other.name or ""))
