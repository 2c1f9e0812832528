"""The inbox and what becomes of it: nothing acknowledged is lost, no study holds up another."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from mmcore.network import receive, spool
from mmcore.network.receive import Filer
from mmcore.network.spool import Spool, SpoolFullError
from mmcore.store import Store
from mmcore.store.place import Place
from tests.unit.results.filed import STUDY, film, standard_film


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Place(tmp_path)) as opened:
        yield opened


class Clock:
    """A time that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_study_that_can_not_be_filed_holds_up_no_other_and_waits_longer_each_time(
    store: Store, tmp_path: Path
) -> None:
    inbox, clock = Spool(Place(tmp_path)), Clock()
    for n in range(3):
        inbox.put("PACS", f"1.2.{n}", film(StudyInstanceUID=f"1.2.{n}", SOPInstanceUID=f"1.3.{n}"))
    poison = sorted(inbox.complete(-1.0))[0].name
    tried: list[str] = []
    load = Spool.load

    def loaded(self: Spool, folder: Path) -> object:
        tried.append(folder.name)
        if folder.name == poison:
            raise RuntimeError("a defect that nobody foresaw")
        return load(self, folder)

    filer = Filer(inbox, store, quiet_seconds=-1.0, clock=clock)
    with patch.object(Spool, "load", loaded):
        assert filer.file_complete() == 2
        for _ in range(60):
            clock.now += 1.0
            filer.file_complete()
    assert tried.count(poison) == 6  # after 0, 1, 3, 7, 15 and 31 seconds
    clock.now += receive.LONGEST_WAIT_SECONDS
    assert filer.file_complete() == 1


def test_a_study_sent_again_leaves_what_a_reader_chose_for_its_case(
    store: Store, tmp_path: Path
) -> None:
    inbox = Spool(Place(tmp_path))
    filer = Filer(inbox, store, quiet_seconds=-1.0)
    inbox.put("PACS", STUDY, standard_film())
    filer.file_complete()
    (case,) = store.cases()
    store.choose_pack(case.digest, "thorax")
    store.close_case(case.digest)
    before = store.case(case.digest)
    inbox.put("PACS", STUDY, standard_film())
    assert filer.file_complete() == 1
    assert store.case(case.digest) == before
    store.remove(case.digest)
    inbox.put("PACS", STUDY, standard_film())
    filer.file_complete()
    assert [c.digest for c in store.cases()] == [case.digest], "a removed one begins anew"


def test_the_audit_names_nobody_of_the_site_for_a_study_that_was_sent(store: Store) -> None:
    digest = receive.file_study(store, [("0001.dcm", standard_film())])
    (entry,) = [one for one in store.journal.entries() if one.case_digest == digest]
    assert (entry.kind, entry.actor, entry.roles) == ("kept", "", "")


def test_what_comes_while_a_filed_study_is_let_go_is_kept(tmp_path: Path) -> None:
    first, second = Spool(Place(tmp_path)), Spool(Place(tmp_path))  # as of two processes
    acknowledged: set[bytes] = set()
    found: set[bytes] = set()
    ended = threading.Event()

    def send() -> None:
        for n in range(150):
            data = b"instance %d" % n
            second.put("PACS", STUDY, data)
            acknowledged.add(data)
        ended.set()

    sender = threading.Thread(target=send)
    sender.start()
    while not ended.is_set() or first.complete(-1.0):
        for folder in first.complete(-1.0):
            arrived = first.load(folder)
            found |= {data for _, data in arrived.files}
            first.remove(arrived)
    sender.join()
    assert found == acknowledged


def test_a_study_has_a_size_also_after_a_restart(tmp_path: Path) -> None:
    with patch.object(spool, "MAX_INSTANCES", 3):
        inbox = Spool(Place(tmp_path))
        for n in range(2):
            inbox.put("PACS", STUDY, b"instance %d" % n)
        inbox = Spool(Place(tmp_path))
        inbox.put("PACS", STUDY, b"instance 2")
        with pytest.raises(SpoolFullError):
            inbox.put("PACS", STUDY, b"instance 3")
        inbox.put("PACS", "1.2.3", b"of another study")
    (first, *_) = inbox.complete(-1.0)
    inbox.remove(inbox.load(first))
    inbox.put("PACS", STUDY, b"instance 4")


def test_sizes_are_looked_up_once_and_not_for_every_instance(tmp_path: Path) -> None:
    inbox = Spool(Place(tmp_path))
    looked: list[Path] = []
    stat = Path.stat

    def counted(self: Path, **how: bool) -> os.stat_result:
        looked.append(self)
        return stat(self, **how)

    for n in range(30):
        inbox.put("PACS", STUDY, b"instance %d" % n)
    with patch.object(Path, "stat", counted):
        inbox.put("PACS", STUDY, b"one more")
    assert len(looked) < 15


def test_the_folder_of_a_study_is_on_the_disk_before_it_is_acknowledged(
    tmp_path: Path, forced: list[Path]
) -> None:
    inbox = Spool(Place(tmp_path))
    forced.clear()
    inbox.put("PACS", STUDY, b"an instance")
    (study,) = (tmp_path / "inbox").iterdir()
    (inside,) = study.iterdir()
    assert {tmp_path, tmp_path / "inbox", study, inside} <= set(forced)
