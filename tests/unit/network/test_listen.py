"""The listener against DCMTK and a PACS: who may send, what is kept, where a study ends up."""

import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pydicom
import pytest

from mmcore.errors import ConfigError, PeerError
from mmcore.network import dimse
from mmcore.network.listen import Listener, Listening
from mmcore.network.peers import Dimse, Peer
from mmcore.network.receive import Filer
from mmcore.network.spool import Spool
from mmcore.results.records import Kind, Made
from mmcore.store import Store
from mmcore.store.place import Place
from mmcore.store.rotation import rotate
from mmcore.store.work_records import WorkQuery, WorkView
from tests.unit.network.pacs import Pacs
from tests.unit.results.filed import STUDY, film, read, run_tool, standard_film

# pynetdicom 3.0.4 leaves the socket of a failed connection to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "data")


@pytest.fixture
def listener(place: Place) -> Iterator[Listener]:
    made = Listener(Listening(port=0, ae_title="CONSILIUM"), Spool(place))
    made.start()
    yield made
    made.stop()


def us(listener: Listener, **changes: str) -> Peer:
    where = Dimse("127.0.0.1", listener.port, changes.get("called", "CONSILIUM"),
                  changes.get("calling", "SENDER"))  # fmt: skip
    return Peer("consilium", where, None, timeout=30.0)


def answers(listener: Listener) -> bool:
    try:
        dimse.echo(us(listener))
    except PeerError:
        return False
    return True


def instance(data: bytes) -> Made:
    dataset = read(data)
    return Made(Kind.PDF, "x.dcm", data, sop_class_uid=str(dataset.SOPClassUID),
                sop_instance_uid=str(dataset.SOPInstanceUID))  # fmt: skip


def file_now(place: Place) -> tuple[Store, int]:
    store = Store(place)
    return store, Filer(Spool(place), store, quiet_seconds=-1.0).file_complete()


def test_a_study_sent_by_dcmtk_is_a_case_of_the_store(
    listener: Listener, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "film.dcm").write_bytes(standard_film())
    run_tool("echoscu", "-aec", "CONSILIUM", "127.0.0.1", str(listener.port))
    said = run_tool(
        "storescu", "-aec", "CONSILIUM", "127.0.0.1", str(listener.port), tmp_path / "film.dcm"
    )
    assert "E:" not in said
    store, filed = file_now(place)
    with store:
        assert filed == 1
        (case,) = store.cases()
        assert case.person == "Rivera, Ana"
        listed = store.work.page(WorkQuery(words="rivera"), WorkView()).rows
        assert [row.digest for row in listed] == [case.digest], "it is found in the list of work"
        (file,) = store.files(case.digest)
        received = read(file.data)
    assert received.SOPInstanceUID == read(standard_film()).SOPInstanceUID
    assert received.PixelData == read(standard_film()).PixelData
    assert not list((place.folder / "inbox").iterdir()), "a filed study leaves nothing behind"


def test_a_pacs_moves_a_study_to_us(pacs: Pacs, place: Place) -> None:
    pacs.upload(standard_film())
    listener = Listener(Listening(port=pacs.our_port, ae_title="CONSILIUM"), Spool(place))
    listener.start()
    try:
        assert dimse.move(pacs.peer, STUDY, to="CONSILIUM") == 1
    finally:
        listener.stop()
    store, filed = file_now(place)
    store.close()
    assert filed == 1


def test_the_images_of_one_study_are_one_case_and_of_two_are_two(
    listener: Listener, place: Place
) -> None:
    films = [film(SOPInstanceUID=f"1.2.3.{n}", StudyInstanceUID=f"1.2.{n // 2}") for n in range(4)]
    list(dimse.store(us(listener), [instance(data) for data in films]))
    store, filed = file_now(place)
    with store:
        assert filed == 2
        assert sorted(len(store.file_names(case.digest)) for case in store.cases()) == [2, 2]


def test_a_study_still_arriving_is_not_filed(listener: Listener, place: Place) -> None:
    list(dimse.store(us(listener), [instance(standard_film())]))
    with Store(place) as store:
        assert Filer(Spool(place), store, quiet_seconds=60.0).file_complete() == 0
        assert not store.cases()


def test_what_was_received_outlives_the_process(listener: Listener, place: Place) -> None:
    list(dimse.store(us(listener), [instance(standard_film())]))
    listener.stop()
    store, filed = file_now(place)  # a new spool, as after a restart
    store.close()
    assert filed == 1


def test_a_study_that_can_not_be_filed_stays(listener: Listener, place: Place) -> None:
    from mmcore.errors import StoreUnavailableError

    list(dimse.store(us(listener), [instance(standard_film())]))
    with patch.object(Store, "keep_case", side_effect=StoreUnavailableError(problem="full")):
        store, filed = file_now(place)
        store.close()
    assert filed == 0
    store, filed = file_now(place)
    store.close()
    assert filed == 1


def test_another_called_title_is_rejected(listener: Listener) -> None:
    with pytest.raises(PeerError, match="AE title"):
        dimse.echo(us(listener, called="SOMEBODY"))


def test_a_caller_that_is_not_named_is_rejected(place: Place) -> None:
    listener = Listener(Listening(port=0, ae_title="CONSILIUM", titles=("PACS",)), Spool(place))
    listener.start()
    try:
        dimse.echo(us(listener, calling="PACS"))
        with pytest.raises(PeerError, match="AE title"):
            dimse.echo(us(listener, calling="SOMEBODY"))
    finally:
        listener.stop()


def test_another_address_than_those_named_gets_nothing(listener: Listener) -> None:
    with patch.object(listener, "_senders", frozenset({"192.0.2.7"})), pytest.raises(PeerError):
        dimse.echo(us(listener))


def test_listening_for_the_network_needs_the_addresses_that_may_send(place: Place) -> None:
    with pytest.raises(ConfigError, match="addresses that may send"):
        Listener(Listening(port=0, ae_title="CONSILIUM", host="0.0.0.0"), Spool(place))


def test_an_instance_without_a_study_is_refused_and_not_kept(
    listener: Listener, place: Place
) -> None:
    dataset = read(standard_film())
    dataset.StudyInstanceUID = ""
    peer = us(listener)
    with pytest.raises(PeerError, match="C000"):
        list(_send_raw(peer, dataset))
    assert not list((place.folder / "inbox").rglob("*"))


def test_a_message_larger_than_any_file_ends_the_connection(
    listener: Listener, place: Place
) -> None:
    with patch.object(listener._bounds, "_most", 2000), pytest.raises(PeerError):
        list(dimse.store(us(listener), [instance(standard_film())]))
    assert not list((place.folder / "inbox").rglob("*.dcm"))
    dimse.echo(us(listener))  # it goes on listening


def test_what_is_no_dicom_at_all_is_endured(listener: Listener) -> None:
    rng = random.Random(7)
    for length in (0, 1, 6, 200, 70_000):
        with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as connection:
            connection.sendall(rng.randbytes(length))
    for kind in range(1, 8):  # a PDU type of PS3.8 9.3, and then nonsense
        with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as connection:
            connection.sendall(bytes([kind, 0, 0, 0, 0, 40]) + rng.randbytes(40))
    end = time.monotonic() + 90  # what nonsense began is given up by then
    while not (is_up := answers(listener)) and time.monotonic() < end:
        time.sleep(0.5)
    assert is_up


def test_a_full_disk_is_told_to_the_sender_who_may_try_again(
    listener: Listener, place: Place
) -> None:
    with (
        patch("mmcore.network.spool.LEAST_FREE_BYTES", 2**60),
        pytest.raises(PeerError) as raised,
    ):
        list(dimse.store(us(listener), [instance(standard_film())]))
    assert raised.value.may_pass


def test_with_a_key_a_received_study_can_not_be_read_from_the_disk(tmp_path: Path) -> None:
    place = Place(tmp_path, key=bytes(32))
    Spool(place).put("SENDER", STUDY, standard_film())
    (path,) = (path for path in (tmp_path / "inbox").rglob("*") if path.is_file())
    assert b"Rivera" not in path.read_bytes()
    (folder,) = Spool(place).complete(-1.0)
    assert Spool(place).load(folder).files[0][1] == standard_film()


def test_what_is_in_the_inbox_outlives_a_change_of_key(tmp_path: Path) -> None:
    old, new = Place(tmp_path, key=bytes(32)), Place(tmp_path, key=bytes(range(32)))
    Store(old).close()
    Spool(old).put("SENDER", STUDY, standard_film())
    rotate(old, bytes(range(32)), person_of=lambda shown: shown["patient_id"])
    store, filed = file_now(new)
    store.close()
    assert filed == 1


def test_the_command_listens_and_files_a_study(tmp_path: Path) -> None:
    import os
    import sys

    from tests.ports import free_port

    (tmp_path / "film.dcm").write_bytes(standard_film())
    port, data = free_port(), tmp_path / "data"
    environment = {**os.environ, "CONSILIUM_DATA": str(data)}
    command = [sys.executable, "-m", "mmcore", "listen", "--port", str(port), "--quiet", "1"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert b"listening" in process.stdout.readline()
            peer = Peer("us", Dimse("127.0.0.1", port, "CONSILIUM", "SENDER"), None, 30.0)
            list(dimse.store(peer, [instance(standard_film())]))
            with Store(Place(data)) as store:
                end = time.monotonic() + 60
                while not store.cases() and time.monotonic() < end:
                    time.sleep(0.3)
                assert [case.person for case in store.cases()] == ["Rivera, Ana"]
        finally:
            process.terminate()
            assert process.wait(timeout=20) == 0


def _send_raw(peer: Peer, dataset: pydicom.Dataset) -> Iterator[None]:
    """Send a dataset as it is, through the same calls as ``dimse.store``."""
    made = Made(Kind.PDF, "x", b"", sop_class_uid=str(dataset.SOPClassUID),
                sop_instance_uid=str(dataset.SOPInstanceUID))  # fmt: skip
    with patch("mmcore.network.dimse.dcmread", return_value=dataset):
        yield from dimse.store(peer, [made])  # type: ignore[misc]
