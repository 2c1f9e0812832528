"""A signed report stays as it was signed: whoever signs again, records, alters or removes."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from mmcore.errors import (
    ReportSignedError,
    StaleVersionError,
    StoredFileDamagedError,
    UnknownCaseError,
)
from mmcore.store import (
    LOCAL,
    EventKind,
    Place,
    Progress,
    SignedReport,
    Stamp,
    Store,
    StoredDesk,
)
from tests.unit.store.kept import JANE, JOHN, KEY, NOTE, Clock, blobs, keep, sql

DOCUMENT = b'{"schema":"consilium.result/1"}'
SIGNATURE = {"name": "Dr. Ada Ray", "signed_at": "2026-03-01T09:00:00+00:00"}
ADDENDUM = {"text": "Told to the ward.", "name": "Dr. Bo Lin"}


def desk(store: Store, digest: str = JANE) -> StoredDesk:
    keep(store, digest)
    made = StoredDesk({"mode": "concurrent"}, {"entries": {}})
    return store.save_desk(digest, "phantom", made, progress=Progress(decided=1))


def sign(store: Store, found: StoredDesk, digest: str = JANE, reader: str = LOCAL) -> None:
    store.reports.sign(
        digest, "phantom", document=DOCUMENT, signature=SIGNATURE, desk=found, reader=reader
    )


def test_a_signed_report_is_there_after_a_restart_with_every_byte(
    store: Store, place: Place, clock: Clock
) -> None:
    sign(store, desk(store))
    store.reports.add(JANE, "phantom", ADDENDUM, after=0)
    store.reports.add(JANE, "phantom", {"text": "More."}, after=1)
    store.close()
    with Store(place) as again:
        assert again.reports.signed(JANE, "phantom") == SignedReport(
            DOCUMENT, SIGNATURE, (ADDENDUM, {"text": "More."})
        )
        (case,) = again.cases()
        assert case.progress["phantom"].signed_at == clock.now
        assert [event.kind for event in again.events(JANE)][-3:] == [
            EventKind.SIGNED, EventKind.ADDED, EventKind.ADDED
        ]  # fmt: skip


def test_a_stamp_tells_cheaply_whether_anything_is_new(store: Store, clock: Clock) -> None:
    found, signed_at = desk(store), clock.now
    assert store.reports.stamp(JANE, "phantom") is None
    sign(store, found)
    assert store.reports.stamp(JANE, "phantom") == Stamp(signed_at)
    clock.wait(hours=1)
    store.reports.add(JANE, "phantom", ADDENDUM, after=0)
    assert store.reports.stamp(JANE, "phantom") == Stamp(signed_at, addenda=1)
    assert store.reports.stamp(JANE, "phantom", reader="a-17") is None


def test_what_nobody_signed_is_not_signed(store: Store) -> None:
    found = desk(store)
    assert store.reports.signed(JANE, "phantom") is None
    with pytest.raises(UnknownCaseError):
        store.reports.add(JANE, "phantom", ADDENDUM, after=0)
    with pytest.raises(UnknownCaseError):
        sign(store, found, JOHN)


def test_a_report_is_signed_once(store: Store) -> None:
    found = desk(store)
    sign(store, found)
    with pytest.raises(ReportSignedError):
        sign(store, found)
    assert [event.kind for event in store.events(JANE)].count(EventKind.SIGNED) == 1


def test_of_windows_that_sign_at_the_same_moment_one_does(store: Store) -> None:
    found, results = desk(store), []
    start = threading.Barrier(4)

    def try_it(name: str) -> None:
        start.wait()
        try:
            store.reports.sign(
                JANE, "phantom", document=DOCUMENT, signature={"name": name}, desk=found
            )
        except ReportSignedError:
            results.append("")
        else:
            results.append(name)

    threads = [threading.Thread(target=try_it, args=(f"Dr. {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (name for name in results if name)
    assert len(results) == 4
    signed = store.reports.signed(JANE, "phantom")
    assert signed is not None
    assert signed.signature == {"name": winner}


def test_each_reader_signs_their_own_report_on_each_model(store: Store) -> None:
    found = desk(store)
    other = store.save_desk(
        JANE, "phantom", StoredDesk(None, {}), progress=Progress(), reader="a-17"
    )
    sign(store, found)
    assert store.reports.signed(JANE, "phantom", reader="a-17") is None
    sign(store, other, reader="a-17")
    assert store.reports.signed(JANE, "phantom", reader="a-17") is not None
    assert store.reports.signed(JANE, "thorax") is None


def test_a_reading_or_draft_saved_meanwhile_is_not_signed_unseen(store: Store) -> None:
    found = desk(store)
    draft = StoredDesk(None, {"conclusion": "Normal."}, 1, 1)
    after_draft = store.save_desk(JANE, "phantom", draft, progress=Progress())
    with pytest.raises(StaleVersionError) as refused:
        sign(store, found)
    assert refused.value.what == "draft"
    reading = StoredDesk({"mode": "read-first"}, {}, 1, after_draft.draft_version)
    store.save_desk(JANE, "phantom", reading, progress=Progress(decided=2))
    with pytest.raises(StaleVersionError) as refused:
        sign(store, after_draft)
    assert refused.value.what == "reading"
    assert store.reports.signed(JANE, "phantom") is None


def test_a_signed_reading_is_final_and_the_desk_is_not(store: Store) -> None:
    found = desk(store)
    sign(store, found)
    with pytest.raises(ReportSignedError):
        store.save_desk(JANE, "phantom", found, progress=Progress(decided=2))
    assert store.desk(JANE, "phantom") == found
    view = StoredDesk(None, {"viewer": {"layout": 2}}, 1, 1)
    store.save_desk(JANE, "phantom", view, progress=Progress(decided=1))
    assert store.desk(JANE, "phantom").draft == {"viewer": {"layout": 2}}


def test_two_addenda_written_at_the_same_time_do_not_overtake_each_other(store: Store) -> None:
    sign(store, desk(store))
    store.reports.add(JANE, "phantom", ADDENDUM, after=0)
    with pytest.raises(StaleVersionError):
        store.reports.add(JANE, "phantom", {"text": "Also."}, after=0)
    signed = store.reports.signed(JANE, "phantom")
    assert signed is not None
    assert signed.addenda == (ADDENDUM,)


@pytest.mark.parametrize("table", ["signatures", "addenda"])
def test_the_database_itself_refuses_to_alter_what_was_signed(
    store: Store, place: Place, table: str
) -> None:
    sign(store, desk(store))
    store.reports.add(JANE, "phantom", ADDENDUM, after=0)
    with pytest.raises(DBAPIError, match="never altered"):
        sql(place, f"UPDATE {table} SET document = 'other'")


def test_the_signed_document_goes_with_its_case_and_not_before(store: Store, place: Place) -> None:
    keep(store, JOHN, NOTE)
    sign(store, desk(store))
    before = len(blobs(place.folder))
    assert store.sweep() == 0
    keep(store, JANE)  # added again, with its reading and its signature
    assert len(blobs(place.folder)) == before
    assert store.reports.signed(JANE, "phantom") is not None
    store.remove(JANE)
    store.purge()
    assert len(blobs(place.folder)) == 1
    assert store.reports.signed(JANE, "phantom") is None


def test_a_signed_document_that_was_altered_on_the_disk_is_refused(
    store: Store, place: Place
) -> None:
    sign(store, desk(store))
    (path,) = (p for p in blobs(place.folder) if p.read_bytes() == DOCUMENT)
    path.write_bytes(DOCUMENT.replace(b"1", b"2"))
    with pytest.raises(StoredFileDamagedError):
        store.reports.signed(JANE, "phantom")


def test_with_a_key_nothing_that_was_signed_is_readable_on_the_disk(tmp_path: Path) -> None:
    with Store(Place(tmp_path, key=KEY)) as store:
        sign(store, desk(store))
        store.reports.add(JANE, "phantom", ADDENDUM, after=0)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for words in (b"consilium.result", b"Ada Ray", b"Told to the ward", b"Bo Lin"):
        assert words not in stored, words
    with Store(Place(tmp_path, key=KEY)) as store:
        assert store.reports.signed(JANE, "phantom") == SignedReport(
            DOCUMENT, SIGNATURE, (ADDENDUM,)
        )


def test_a_signature_is_of_one_time(store: Store, clock: Clock) -> None:
    clock.now = datetime(2026, 3, 9, 7, 30, tzinfo=UTC)
    sign(store, desk(store))
    (event,) = (e for e in store.events(JANE) if e.kind is EventKind.SIGNED)
    assert (event.at, event.reader, event.detail) == (clock.now, LOCAL, "")
