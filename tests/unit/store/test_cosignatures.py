"""Co-signatures in the store: nobody's own, never of what was not looked at, never altered."""

from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from mmcore.errors import NotAllowedError, StaleVersionError, UnknownCaseError
from mmcore.store import EventKind, Place, Stamp, Store, StoredDesk
from mmcore.store.records import Progress
from tests.unit.store.kept import JANE, JOHN, KEY, NOTE, Clock, keep, sql

AUTHOR, SECOND, THIRD = "a-17", "b-20", "c-31"
COSIGNATURE = {"name": "Dr. Bo Lin", "account": SECOND}


def signed(store: Store, digest: str = JANE, reader: str = AUTHOR, *, asks: bool = True) -> Stamp:
    """Keep a case that somebody read and signed, and return what tells its state."""
    if store.case(digest) is None:
        keep(store, digest, NOTE)
    desk = store.save_desk(digest, "phantom", StoredDesk(None, {}), progress=Progress(),
                           reader=reader)  # fmt: skip
    signature = {"name": "Dr. Ada Ray", "account": reader, "asks_cosignature": asks}
    store.reports.sign(
        digest, "phantom", document=b"{}", signature=signature, desk=desk, reader=reader
    )
    return stamp_of(store, digest, reader)


def stamp_of(store: Store, digest: str = JANE, reader: str = AUTHOR) -> Stamp:
    found = store.reports.stamp(digest, "phantom", reader=reader)
    assert found is not None
    return found


def cosign(store: Store, stamp: Stamp, digest: str = JANE, by: str = SECOND) -> None:
    store.reports.cosign(digest, "phantom", COSIGNATURE, stamp=stamp, reader=AUTHOR, by=by)


def test_a_cosignature_is_there_after_a_restart_and_in_the_audit(
    store: Store, place: Place, clock: Clock
) -> None:
    before = signed(store)
    cosign(store, before)
    assert stamp_of(store) == Stamp(before.signed_at, 0, 1)
    last = store.journal.last(1)[0]
    assert (last.kind, last.actor, last.case_digest) == (EventKind.COSIGNED, SECOND, JANE)
    assert last.details == {"whose": AUTHOR}
    store.close()
    with Store(place) as again:
        found = again.reports.signed(JANE, "phantom", reader=AUTHOR)
        assert found is not None
        assert found.cosignatures == (COSIGNATURE,)


def test_nobody_cosigns_their_own_report(store: Store) -> None:
    stamp = signed(store)
    with pytest.raises(NotAllowedError):
        cosign(store, stamp, by=AUTHOR)
    assert stamp_of(store).cosignatures == 0


def test_what_was_added_since_it_was_looked_at_is_not_cosigned_unseen(store: Store) -> None:
    stamp = signed(store)
    store.reports.add(JANE, "phantom", {"text": "Effusion."}, after=0, reader=AUTHOR)
    with pytest.raises(StaleVersionError):
        cosign(store, stamp)
    stamp = stamp_of(store)
    cosign(store, stamp)
    with pytest.raises(StaleVersionError):
        cosign(store, stamp, by=THIRD)
    cosign(store, stamp_of(store), by=THIRD)
    assert stamp_of(store).cosignatures == 2


def test_what_nobody_signed_is_not_cosigned(store: Store, clock: Clock) -> None:
    keep(store)
    with pytest.raises(UnknownCaseError):
        cosign(store, Stamp(clock.now))


def test_what_awaits_a_cosignature_is_listed_until_it_has_one_for_all_of_it(store: Store) -> None:
    stamp = signed(store)
    signed(store, JOHN, asks=False)
    (waiting,) = store.reports.awaiting(reader=SECOND)
    assert (waiting.case_digest, waiting.reader, waiting.person) == (JANE, AUTHOR, "Doe, Jane")
    assert store.reports.awaiting(reader=AUTHOR) == (), "they can not co-sign it"
    cosign(store, stamp)
    assert store.reports.awaiting(reader=SECOND) == ()
    store.reports.add(JANE, "phantom", {"text": "Effusion."}, after=0, reader=AUTHOR)
    assert len(store.reports.awaiting(reader=SECOND)) == 1, "the addendum awaits one again"
    store.remove(JANE)
    assert store.reports.awaiting(reader=SECOND) == ()


def test_the_reports_of_others_on_a_case_are_listed_and_not_ones_own(store: Store) -> None:
    signed(store)
    signed(store, reader=SECOND, asks=False)
    assert [one.reader for one in store.reports.of_others(JANE, reader=SECOND)] == [AUTHOR]
    assert [
        (one.reader, one.asks_cosignature) for one in store.reports.of_others(JANE, reader=THIRD)
    ] == [(AUTHOR, True), (SECOND, False)]
    assert store.reports.of_others(JOHN, reader=THIRD) == ()


def test_the_database_itself_refuses_to_alter_a_cosignature(store: Store, place: Place) -> None:
    cosign(store, signed(store))
    with pytest.raises(DBAPIError, match="never altered"):
        sql(place, "UPDATE cosignatures SET document = 'other'")
    store.delete(JANE)
    assert sql(place, "SELECT count(*) FROM cosignatures")[0][0] == 0, "it goes with its case"


def test_with_a_key_no_word_of_it_is_readable_on_the_disk(tmp_path: Path) -> None:
    with Store(Place(tmp_path, key=KEY)) as store:
        cosign(store, signed(store))
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Bo Lin" not in kept
