"""A store with thousands of cases, written at once."""

from datetime import UTC, datetime, timedelta

from mmcore.store import Progress, Store, StoredDesk
from mmcore.store.case_rows import write_case
from mmcore.store.records import CaseState, StoredCase
from mmcore.store.work_records import CaseFacts
from mmcore.store.work_rows import write_facts

PACK = "e1" * 32


def name(number: int) -> str:
    return f"{number:064x}"


def fill(store: Store, count: int) -> None:
    """Write cases into the tables at once; one by one they would take minutes to force to disk."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with store._database.writing(alone=True) as connection:
        for number in range(count):
            at = start + timedelta(minutes=number)
            case = StoredCase(
                name(number), "1 file", "", None, CaseState.OPEN, at, at, at, None, {}
            )
            write_case(connection, store._seal, case, [("f", "ab" * 32, 1)])
            facts = CaseFacts(
                f"Name{number:04d}^Given{number % 97}", f"ID{number // 2:06d}", f"A{number}",
                "1960-01-01", f"{number // 2}|1960-01-01", at, ("DX", "CR", "CT")[number % 3],
                "CHEST",
            )  # fmt: skip
            write_facts(connection, store._seal, name(number), facts)
    scored = [name(number) for number in range(0, count, 2)]
    for start_at in range(0, len(scored), 500):
        store.scorings.ask(scored[start_at : start_at + 500], pack_name="thorax", pack_digest=PACK)
    for number in range(0, 30):
        store.save_desk(
            name(number), "thorax", StoredDesk({}, {"x": 1}), progress=Progress(begun=1)
        )
