"""What is kept, found again and removed."""

import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from mmcore.errors import StaleVersionError, UnknownCaseError
from mmcore.store import LOCAL, CaseState, EventKind, KeptFile, Place, Progress, Store, StoredDesk
from tests.unit.store.kept import IMAGE, JANE, JOHN, NOTE, Clock, blobs, keep, save, sql


def test_a_case_is_found_again_by_another_process_with_every_byte(
    store: Store, place: Place
) -> None:
    keep(store)
    with Store(place) as other:
        assert other.files(JANE) == (IMAGE, NOTE)
        found = other.case(JANE)
    assert found is not None
    assert (found.label, found.person, found.state) == ("2 files", "Doe, Jane", CaseState.OPEN)


def test_cases_are_listed_last_opened_first(store: Store, clock: Clock) -> None:
    keep(store, JANE)
    clock.wait(minutes=1)
    keep(store, JOHN)
    assert [case.digest for case in store.cases()] == [JOHN, JANE]
    clock.wait(minutes=1)
    store.open_case(JANE)
    assert [case.digest for case in store.cases()] == [JANE, JOHN]
    assert [case.digest for case in store.cases(most=1)] == [JANE]


def test_the_start_of_a_digest_finds_its_case_and_nothing_else(store: Store) -> None:
    keep(store, JANE)
    keep(store, JANE[:20] + JOHN[:44])
    assert store.find(JANE[:16]) is None, "two cases begin so"
    assert store.find(JANE[:24]) == JANE
    for nothing in ("", "%", "A1", "a1' OR 1", JOHN[:16]):
        assert store.find(nothing) is None, nothing


def test_the_same_content_is_written_once(store: Store, tmp_path: Path) -> None:
    keep(store, JANE, IMAGE, KeptFile("copy.dcm", IMAGE.data))
    (blob,) = blobs(tmp_path)
    before = blob.stat().st_mtime_ns
    keep(store, JOHN, IMAGE)
    assert [b.stat().st_mtime_ns for b in blobs(tmp_path)] == [before]


def test_what_is_kept_is_the_users_alone(store: Store, tmp_path: Path) -> None:
    keep(store)
    for path in tmp_path.rglob("*"):
        forbidden = stat.S_IRWXG | stat.S_IRWXO
        assert not path.stat().st_mode & forbidden, path


def test_deleting_a_case_removes_its_rows_and_the_files_that_nobody_else_refers_to(
    store: Store, tmp_path: Path, place: Place
) -> None:
    keep(store, JANE, IMAGE, NOTE)
    keep(store, JOHN, IMAGE)
    save(store, {"entries": {}})
    store.remove(JANE)
    assert store.purge() == 1
    assert store.case(JANE) is None
    assert store.desk(JANE, "phantom") == StoredDesk()
    assert store.files(JOHN) == (IMAGE,)
    assert len(blobs(tmp_path)) == 1
    with pytest.raises(UnknownCaseError):
        store.files(JANE)
    for table in ("cases", "case_files", "readings", "drafts"):
        column = "digest" if table == "cases" else "case_digest"
        ((count,),) = sql(place, f"SELECT count(*) FROM {table} WHERE {column} = :case", case=JANE)
        assert count == 0, table


def test_a_removed_case_is_off_the_list_and_can_be_brought_back_until_it_is_purged(
    store: Store, clock: Clock
) -> None:
    keep(store)
    save(store, {"entries": {"nodule": 1}})
    store.remove(JANE)
    assert store.cases() == ()
    assert store.find(JANE) is None
    clock.wait(minutes=9)
    assert store.purge(older_than=timedelta(minutes=10)) == 0
    store.restore(JANE)
    assert [case.digest for case in store.cases()] == [JANE]
    assert store.desk(JANE, "phantom").draft == {"entries": {"nodule": 1}}
    store.remove(JANE)
    clock.wait(minutes=10)
    assert store.purge(older_than=timedelta(minutes=10)) == 1
    with pytest.raises(UnknownCaseError):
        store.restore(JANE)


def test_an_entry_in_another_window_brings_a_removed_case_back(store: Store) -> None:
    keep(store)
    store.remove(JANE)
    save(store, {"entries": {"nodule": 1}})
    assert store.purge() == 0
    assert [case.digest for case in store.cases()] == [JANE]


def test_a_removed_case_that_is_added_again_begins_anew(store: Store) -> None:
    keep(store)
    save(store, {"entries": {"nodule": 1}})
    store.remove(JANE)
    keep(store)
    assert store.desk(JANE, "phantom") == StoredDesk()
    assert store.files(JANE) == (IMAGE, NOTE)


def test_a_case_that_is_added_again_keeps_its_readings(store: Store) -> None:
    keep(store)
    save(store, {"entries": {"nodule": 1}})
    keep(store, JANE, IMAGE)
    assert store.desk(JANE, "phantom").draft == {"entries": {"nodule": 1}}
    assert store.files(JANE) == (IMAGE,)


def test_files_that_a_case_no_longer_has_are_removed(store: Store, tmp_path: Path) -> None:
    keep(store, JANE, IMAGE, NOTE)
    keep(store, JANE, IMAGE)
    assert len(blobs(tmp_path)) == 1


def test_cases_are_kept_for_as_many_days_as_the_site_says(place: Place, clock: Clock) -> None:
    with Store(replace(place, keep_days=30), clock=clock) as store:
        keep(store, JANE)
        clock.wait(days=29)
        keep(store, JOHN)
        save(store, {"entries": {}})  # on Jane's: worked on today
        assert store.expire() == 0
        clock.wait(days=29, hours=1)
        store.save_desk(JOHN, "p", StoredDesk(None, {}), progress=Progress())
        clock.wait(days=1)
    with Store(replace(place, keep_days=30), clock=clock) as store:
        assert [case.digest for case in store.cases()] == [JOHN]
        assert store.events(JANE)[-1].kind is EventKind.EXPIRED


def test_a_reading_and_its_draft_are_saved_together_or_not_at_all(store: Store) -> None:
    keep(store)
    first = save(store, {"entries": {"nodule": 1}})
    stale = StoredDesk({"mode": "read-first"}, {"entries": {}}, 0, first.draft_version - 1)
    with pytest.raises(StaleVersionError) as refused:
        store.save_desk(JANE, "phantom", stale, progress=Progress())
    assert refused.value.what == "draft"
    bad_reading = StoredDesk({"mode": "read-first"}, {"entries": {}}, 7, first.draft_version)
    with pytest.raises(StaleVersionError) as refused:
        store.save_desk(
            JANE, "phantom", bad_reading, progress=Progress(),
            happened=[(EventKind.DECIDED, "nodule", {"response": "agree"})],
        )  # fmt: skip
    assert refused.value.what == "reading"
    assert store.desk(JANE, "phantom") == first
    assert not store.has_happened([EventKind.DECIDED], JANE)


def test_who_saves_over_what_they_did_not_read_is_refused(store: Store) -> None:
    keep(store)
    read = store.desk(JANE, "phantom")
    save(store, {"entries": {"nodule": 1}}, read.draft_version)
    with pytest.raises(StaleVersionError):
        save(store, {"entries": {"nodule": 2}}, read.draft_version)
    assert store.desk(JANE, "phantom").draft == {"entries": {"nodule": 1}}


def test_the_list_says_how_far_each_reading_is(store: Store, clock: Clock) -> None:
    keep(store)
    progress = Progress(begun=2, asked=6, decided=3, revealed_at=clock.now)
    desk = StoredDesk({"mode": "read-first"}, {"entries": {}})
    store.save_desk(JANE, "phantom", desk, progress=progress)
    store.save_desk(JANE, "thorax", StoredDesk(None, {}), progress=Progress(begun=1))
    (case,) = store.cases()
    assert case.progress == {"phantom": progress, "thorax": Progress(begun=1)}
    assert store.cases(reader="somebody else")[0].progress == {}


def test_a_desk_of_an_unknown_case_is_refused(store: Store) -> None:
    with pytest.raises(UnknownCaseError):
        save(store, {})


def test_events_outlive_their_case_and_can_not_be_altered(store: Store, place: Place) -> None:
    keep(store)
    store.tell(EventKind.SHOWN, JANE, pack_name="phantom")
    store.remove(JANE)
    store.purge()
    assert [event.kind for event in store.events(JANE)] == [
        EventKind.KEPT, EventKind.SHOWN, EventKind.REMOVED, EventKind.DELETED
    ]  # fmt: skip
    assert store.has_happened([EventKind.SHOWN, EventKind.REVEALED], JANE)
    assert not store.has_happened([EventKind.REVEALED], JANE)
    for statement in ("DELETE FROM audit", "UPDATE audit SET details = '{}'"):
        with pytest.raises(DBAPIError, match="only appended"):
            sql(place, statement)


def test_preferences_are_of_one_reader_and_the_last_one_counts(store: Store) -> None:
    assert store.preference(LOCAL, "language") is None
    store.prefer(LOCAL, "language", "en")
    store.prefer(LOCAL, "language", "zh-Hans")
    store.prefer("other", "language", {"first": "en"})
    assert store.preference(LOCAL, "language") == "zh-Hans"
    assert store.preference("other", "language") == {"first": "en"}
    store.prefer(LOCAL, "language", None)
    assert store.preference(LOCAL, "language") is None


def test_pictures_are_kept_as_long_as_a_desk_refers_to_them(store: Store, tmp_path: Path) -> None:
    keep(store, JANE, NOTE)
    first = store.save_desk(
        JANE, "p", StoredDesk(None, {"n": 1}), progress=Progress(), attached=[b"one", b"two"]
    )
    names = {path.name for path in blobs(tmp_path)}
    assert len(names) == 3
    assert {store.picture(name) for name in names} == {b"one", b"two", NOTE.data}
    keep(store, JANE, NOTE, IMAGE)
    assert len(blobs(tmp_path)) == 4, "a case that is added again keeps its pictures"
    store.save_desk(
        JANE, "p", StoredDesk(None, {"n": 2}, 0, first.draft_version), progress=Progress(),
        attached=[b"two"],
    )  # fmt: skip
    assert len(blobs(tmp_path)) == 3
    store.sweep()
    assert len(blobs(tmp_path)) == 3
    store.remove(JANE)
    store.purge()
    assert blobs(tmp_path) == []
