"""The outbox: nothing put in is lost, and how far it got is told."""

import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mmcore.errors import PeerError, StoreKeyError, StoreUnavailableError
from mmcore.network.outbox import Outbox
from mmcore.network.parcels import LONGEST_WAIT, Parcel, ParcelState, wait_after
from mmcore.results.records import Kind, Made
from mmcore.store.place import Place

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class FakePeer:
    """Takes objects, until ``problem`` is set: then it fails after ``first`` of them."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.problem: Exception | None = None
        self.first = 0

    def send(self, peer: str, objects: Sequence[Made]) -> Iterator[Made]:
        for n, made in enumerate(objects):
            if self.problem is not None and n >= self.first:
                raise self.problem
            self.got.append(made.sop_instance_uid)
            yield made


def objects(count: int = 3) -> list[Made]:
    return [
        Made(Kind.SR, f"{n}.dcm", f"object {n} of Rivera".encode(), "application/dicom", "1.2",
             f"1.2.{n}", "1.2.840.10008.5.1.4.1.1.88.33", f"1.2.{n}.1")
        for n in range(count)
    ]  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock) -> Outbox:
    return Outbox(Place(tmp_path), clock=clock)


def put(
    outbox: Outbox, peer: str = "pacs", document: str = "d1", case: str = "c" * 64, count: int = 3
) -> Parcel:
    return outbox.put(
        peer, objects(count), case_digest=case, document_digest=document, is_signed=False
    )


def stored(folder: Path) -> list[Path]:
    return [path for path in (folder / "outbox" / "objects").rglob("*") if path.is_file()]


def later(passes: bool = True) -> PeerError:
    return PeerError(peer="pacs", problem="can not be reached", may_pass=passes)


def test_what_is_put_in_is_there_for_the_next_process(outbox: Outbox, tmp_path: Path) -> None:
    parcel = put(outbox)
    assert Outbox(Place(tmp_path)).parcels() == (parcel,)
    assert parcel.state is ParcelState.WAITING


def test_a_parcel_is_delivered_once(outbox: Outbox) -> None:
    peer, parcel = FakePeer(), put(outbox)
    done = outbox.deliver(parcel.id, peer.send)
    assert done is not None
    assert done.state is ParcelState.DELIVERED
    assert done.delivered == 3
    assert outbox.deliver_due(peer.send) == 0
    assert peer.got == ["1.2.0.1", "1.2.1.1", "1.2.2.1"]


def test_the_same_result_is_never_in_twice(outbox: Outbox) -> None:
    assert put(outbox).id == put(outbox).id
    outbox.deliver_due(FakePeer().send)
    assert put(outbox).state is ParcelState.DELIVERED
    assert len(outbox.parcels()) == 1


def test_only_what_is_left_is_sent_after_the_connection_was_lost(
    outbox: Outbox, clock: Clock
) -> None:
    peer, parcel = FakePeer(), put(outbox)
    peer.problem, peer.first = later(), 2
    waiting = outbox.deliver(parcel.id, peer.send)
    assert waiting is not None
    assert (waiting.state, waiting.delivered, waiting.attempts) == (ParcelState.WAITING, 2, 1)
    assert waiting.problem == "can not be reached"
    peer.problem = None
    assert outbox.deliver_due(peer.send) == 0, "its time has not come"
    clock.now += wait_after(1)
    assert outbox.deliver_due(peer.send) == 1
    assert peer.got == ["1.2.0.1", "1.2.1.1", "1.2.2.1"]


def test_waits_double_up_to_an_hour() -> None:
    waits = [wait_after(n) for n in (1, 2, 3, 50)]
    assert waits == [
        timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120), LONGEST_WAIT
    ]  # fmt: skip


def test_a_refusal_is_not_repeated_by_itself_and_may_be_by_a_person(
    outbox: Outbox, clock: Clock
) -> None:
    peer, parcel = FakePeer(), put(outbox)
    peer.problem = later(passes=False)
    refused = outbox.deliver(parcel.id, peer.send)
    assert refused is not None
    assert refused.state is ParcelState.REFUSED
    clock.now += timedelta(days=2)
    peer.problem = None
    assert outbox.deliver_due(peer.send) == 0
    outbox.try_again(parcel.id)
    assert outbox.deliver_due(peer.send) == 1


def test_one_peer_that_fails_does_not_hold_up_another(outbox: Outbox) -> None:
    peer = FakePeer()

    def send(name: str, given: Sequence[Made]) -> Iterator[Made]:
        if name == "down":
            raise later()
        yield from peer.send(name, given)

    put(outbox, "down")
    put(outbox, "pacs")
    assert outbox.deliver_due(send) == 1
    assert len(peer.got) == 3


def test_a_withdrawn_parcel_is_not_sent(outbox: Outbox) -> None:
    peer, parcel = FakePeer(), put(outbox)
    outbox.withdraw(parcel.id)
    assert outbox.deliver_due(peer.send) == 0
    assert not peer.got


def test_objects_stay_while_another_parcel_needs_them(outbox: Outbox, tmp_path: Path) -> None:
    peer = FakePeer()
    first, second = put(outbox, "pacs"), put(outbox, "archive")
    outbox.deliver(first.id, peer.send)
    outbox.deliver(second.id, peer.send)
    assert len(peer.got) == 6
    assert not stored(tmp_path), "delivered objects are not kept"


def test_an_object_that_is_damaged_on_the_disk_is_told_and_not_sent(
    outbox: Outbox, tmp_path: Path
) -> None:
    peer, parcel = FakePeer(), put(outbox)
    for path in stored(tmp_path):
        path.write_bytes(b"something else")
    done = outbox.deliver(parcel.id, peer.send)
    assert done is not None
    assert done.state is ParcelState.REFUSED
    assert "damaged" in done.problem
    assert not peer.got


def test_a_damaged_note_holds_up_no_other_parcel_and_is_replaced(
    outbox: Outbox, tmp_path: Path
) -> None:
    broken, sound = put(outbox, "pacs"), put(outbox, "archive")
    for text in ("{", "[]", '{"id": 7}', "\x00"):
        (tmp_path / "outbox" / "parcels" / f"{broken.id}.json").write_text(text)
        assert [parcel.id for parcel in outbox.parcels()] == [sound.id]
    peer = FakePeer()
    assert outbox.deliver_due(peer.send) == 1
    assert put(outbox, "pacs").id == broken.id
    assert outbox.deliver_due(peer.send) == 1


def test_a_process_killed_while_sending_loses_nothing(outbox: Outbox, tmp_path: Path) -> None:
    parcel = put(outbox)
    program = textwrap.dedent(
        f"""
        import os
        from pathlib import Path
        from mmcore.network.outbox import Outbox
        from mmcore.store.place import Place

        def send(peer, objects):
            for n, made in enumerate(objects):
                if n == 2:
                    os.kill(os.getpid(), 9)
                yield made

        Outbox(Place(Path({str(tmp_path)!r}))).deliver({parcel.id!r}, send)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -9
    left = outbox.parcel(parcel.id)
    assert left is not None
    assert (left.state, left.delivered) == (ParcelState.WAITING, 2)
    assert left.next_try_at is not None, "what kills each process is not tried at once again"
    outbox.try_again(parcel.id)
    peer = FakePeer()
    assert outbox.deliver_due(peer.send) == 1
    assert peer.got == ["1.2.2.1"]


def test_with_a_key_nothing_of_the_patient_can_be_read_from_the_disk(tmp_path: Path) -> None:
    sealed = Outbox(Place(tmp_path, key=bytes(range(32))))
    parcel = put(sealed)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(b"Rivera" in path.read_bytes() or b"pacs" in path.read_bytes() for path in files)
    peer = FakePeer()
    sealed.deliver(parcel.id, peer.send)
    assert len(peer.got) == 3
    with pytest.raises(StoreKeyError):
        Outbox(Place(tmp_path)).parcels()


def test_files_are_for_their_owner_alone(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox)
    (note,) = (tmp_path / "outbox" / "parcels").glob("*.json")
    assert stat.S_IMODE(os.stat(note).st_mode) == 0o600  # noqa: PTH116 - the mode itself
    assert stat.S_IMODE(note.parent.stat().st_mode) == 0o700


def test_a_site_that_keeps_nothing_has_no_outbox(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="keeps nothing"):
        Outbox(Place(tmp_path, keep_days=0))


def test_the_note_of_a_delivered_parcel_goes_after_a_month(outbox: Outbox, clock: Clock) -> None:
    put(outbox)
    outbox.deliver_due(FakePeer().send)
    clock.now += timedelta(days=31)
    outbox.deliver_due(FakePeer().send)
    assert outbox.parcels() == ()


def test_that_a_signed_report_is_on_a_server_is_known_for_good(
    outbox: Outbox, clock: Clock
) -> None:
    fhir = Made(Kind.FHIR, "report.json", b"{}", "application/fhir+json", series_uid="urn:1")
    kept = {}
    for made, signature in ((fhir, "s1"), (fhir, ""), (objects(1)[0], "s1")):
        parcel = outbox.put(
            "records", [made], case_digest="c" * 64, document_digest=f"{made.kind} {signature}",
            is_signed=bool(signature), signature=signature,
        )  # fmt: skip
        kept[parcel.id] = made.kind is Kind.FHIR and signature == "s1"
    outbox.deliver_due(FakePeer().send)
    clock.now += timedelta(days=400)
    outbox.deliver_due(FakePeer().send)
    assert {parcel.id for parcel in outbox.parcels()} == {
        id for id, is_kept in kept.items() if is_kept
    }
