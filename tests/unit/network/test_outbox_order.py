"""The outbox while others send, withdraw, delete and kill; and in which order it sends."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mmcore.errors import StoreKeyError, StoreUnavailableError
from mmcore.network.courier import standing_in
from mmcore.network.outbox import Outbox
from mmcore.network.parcels import ParcelState, Standing, wait_after
from mmcore.results.records import Made
from mmcore.store import KeptFile, Store
from mmcore.store.place import Place
from tests.unit.network.test_outbox import Clock, FakePeer, later, objects, put, stored

CASE = "c" * 64


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock) -> Outbox:
    return Outbox(Place(tmp_path), clock=clock)


def state(outbox: Outbox, parcel_id: str) -> ParcelState | None:
    found = outbox.parcel(parcel_id)
    return None if found is None else found.state


# --- What is in it, and in which order it goes


def test_other_objects_of_a_document_are_sent_and_the_same_ones_are_not(outbox: Outbox) -> None:
    peer = FakePeer()
    put(outbox, count=1)
    outbox.deliver_due(peer.send)
    more = put(outbox, count=3)
    assert [item.name for item in more.items] == ["1.dcm", "2.dcm"]
    outbox.deliver_due(peer.send)
    assert peer.got == ["1.2.0.1", "1.2.1.1", "1.2.2.1"]
    assert put(outbox, count=2).state is ParcelState.DELIVERED
    assert len(outbox.parcels()) == 2


def test_versions_of_a_case_reach_a_peer_in_the_order_in_which_they_were_filed(
    outbox: Outbox, clock: Clock
) -> None:
    order: list[str] = []

    def send(peer: str, given: Sequence[Made]) -> Iterator[Made]:
        order.append(given[0].name)
        yield from given

    def version(name: str, case: str = CASE) -> str:
        clock.now += timedelta(seconds=1)
        (made, *_) = objects()
        named = replace(made, name=name, data=name.encode())
        return outbox.put("pacs", [named], case_digest=case, document_digest=name,
                          is_signed=False).id  # fmt: skip

    draft = version("draft")
    peer = FakePeer()
    peer.problem = later()
    outbox.deliver_due(peer.send)
    final = version("final")
    other = version("of another case", case="d" * 64)
    assert outbox.deliver_due(send) == 1
    assert order == ["of another case"], "the draft's time has not come, and the final waits for it"
    assert state(outbox, other) is ParcelState.DELIVERED
    outbox.deliver(final, send)
    assert order[1:] == ["draft", "final"]
    assert state(outbox, draft) is ParcelState.DELIVERED


def test_what_a_peer_refused_holds_up_no_later_version(outbox: Outbox, clock: Clock) -> None:
    peer, draft = FakePeer(), put(outbox)
    peer.problem = later(passes=False)
    outbox.deliver(draft.id, peer.send)
    peer.problem = None
    clock.now += timedelta(seconds=1)
    final = put(outbox, document="d2")
    assert outbox.deliver_due(peer.send) == 1
    assert state(outbox, final.id) is ParcelState.DELIVERED


def test_a_peer_that_is_down_is_asked_once_in_a_round_and_the_others_go_on(
    outbox: Outbox, clock: Clock
) -> None:
    asked: list[str] = []
    peer = FakePeer()

    def send(name: str, given: Sequence[Made]) -> Iterator[Made]:
        asked.append(name)
        if name == "down":
            raise later()
        yield from peer.send(name, given)

    for number in range(4):
        clock.now += timedelta(seconds=1)
        put(outbox, "down" if number < 3 else "pacs", case=f"{number}" * 64)
    assert outbox.deliver_due(send) == 1
    assert asked == ["down", "pacs"]


# --- Others at the same time


def test_trying_again_what_is_just_being_sent_undoes_nothing(outbox: Outbox) -> None:
    parcel = put(outbox)

    def send(peer: str, given: Sequence[Made]) -> Iterator[Made]:
        for made in given:
            yield made
            outbox.try_again(parcel.id)

    done = outbox.deliver(parcel.id, send)
    assert done is not None
    assert (done.state, done.delivered) == (ParcelState.DELIVERED, 3)
    outbox.try_again(parcel.id)
    assert state(outbox, parcel.id) is ParcelState.DELIVERED, "it can not be sent without objects"


def test_withdrawing_what_is_just_being_sent_ends_it_after_the_object_at_hand(
    outbox: Outbox, tmp_path: Path
) -> None:
    parcel, got, begun = put(outbox), [], threading.Event()
    ended = threading.Event()

    def send(peer: str, given: Sequence[Made]) -> Iterator[Made]:
        try:
            for made in given:
                got.append(made.name)
                begun.set()
                while not list((tmp_path / "outbox").rglob("*.stop")):
                    pass
                yield made
        finally:
            ended.set()

    sending = threading.Thread(target=outbox.deliver, args=(parcel.id, send))
    sending.start()
    assert begun.wait(60)
    done = Outbox(Place(tmp_path)).withdraw(parcel.id)
    sending.join(60)
    assert done is not None
    assert (done.state, done.delivered) == (ParcelState.WITHDRAWN, 1)
    assert got == ["0.dcm"]
    assert ended.is_set(), "the connection is let go"
    assert not stored(tmp_path)


def test_a_withdrawal_that_was_cut_off_is_carried_out(outbox: Outbox, tmp_path: Path) -> None:
    parcel, peer = put(outbox), FakePeer()
    (tmp_path / "outbox" / "parcels" / f"{parcel.id}.stop").touch()  # killed before it was noted
    assert outbox.deliver_due(peer.send) == 0
    assert not peer.got
    assert state(outbox, parcel.id) is ParcelState.WITHDRAWN


def test_withdrawn_and_filed_again_at_once_it_keeps_its_objects(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel, peer = put(outbox), FakePeer()
    discard = Outbox._discard

    def filed_in_between(self: Outbox, gone: object) -> None:
        monkeypatch.setattr(Outbox, "_discard", discard)
        put(outbox)
        discard(self, gone)  # type: ignore[arg-type]

    monkeypatch.setattr(Outbox, "_discard", filed_in_between)
    outbox.withdraw(parcel.id)
    assert outbox.deliver_due(peer.send) == 1
    assert len(peer.got) == 3


# --- Damage, kills and full disks


def test_one_sealed_note_that_is_damaged_holds_up_no_other(tmp_path: Path) -> None:
    sealed = Outbox(Place(tmp_path, key=bytes(range(32))))
    broken, sound = put(sealed, "pacs"), put(sealed, "archive")
    path = tmp_path / "outbox" / "parcels" / f"{broken.id}.json"
    text = path.read_text()
    path.write_text(text[:-8] + "AAAAAAA=")
    assert [parcel.id for parcel in sealed.parcels()] == [sound.id]
    path.unlink()
    with pytest.raises(StoreKeyError):
        Outbox(Place(tmp_path, key=bytes(32))).parcels()


def test_objects_that_a_killed_process_left_without_a_parcel_go(
    outbox: Outbox, tmp_path: Path, clock: Clock
) -> None:
    parcel = put(outbox)
    outbox._blobs.put(b"of a parcel that was never written")
    assert len(stored(tmp_path)) == 4
    outbox.deliver_due(later_send)
    assert len(stored(tmp_path)) == 3
    clock.now += timedelta(hours=2)
    assert outbox.deliver_due(FakePeer().send) == 1
    assert state(outbox, parcel.id) is ParcelState.DELIVERED


def later_send(peer: str, given: Sequence[Made]) -> Iterator[Made]:
    raise later()
    yield from given


def test_on_a_full_disk_nothing_is_sent_again_and_again(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(outbox)
    peer = FakePeer()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as at:
        at.setattr("mmcore.network.parcel_files.write_whole", full)
        for _ in range(3):
            with pytest.raises(StoreUnavailableError, match="No space"):
                outbox.deliver_due(peer.send)
    assert not peer.got
    assert outbox.deliver_due(peer.send) == 1


def test_nothing_of_an_old_parcel_stays(outbox: Outbox, clock: Clock, tmp_path: Path) -> None:
    put(outbox)
    outbox.deliver_due(FakePeer().send)
    clock.now += timedelta(days=31)
    outbox.deliver_due(FakePeer().send)
    names = {path.name for path in (tmp_path / "outbox" / "parcels").iterdir()}
    assert names <= {"all.lock"}


def test_a_note_is_read_again_only_when_it_has_changed(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        put(outbox, document=f"d{n}")
    outbox.parcels()
    read: list[str] = []
    monkeypatch.setattr("mmcore.store.sealing.json.loads", lambda text: read.append(text))
    assert len(outbox.parcels()) == 5
    assert not read


def test_a_folder_is_on_the_disk_before_what_is_put_into_it(
    tmp_path: Path, forced: list[Path]
) -> None:
    put(Outbox(Place(tmp_path / "new" / "data")))
    made = ("new", "new/data", "new/data/outbox", "new/data/outbox/parcels")
    assert {tmp_path, *(tmp_path / name for name in made)} <= set(forced)


# --- The case of a parcel


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Place(tmp_path)) as opened:
        opened.keep_case(CASE, [KeptFile("film.dcm", b"pixels")], label="a case")
        yield opened


def test_what_waits_of_a_deleted_case_is_withdrawn_and_its_objects_go(
    store: Store, tmp_path: Path
) -> None:
    outbox, peer = Outbox(Place(tmp_path)), FakePeer()
    parcel, other = put(outbox), put(outbox, document="d2", case="e" * 64)
    stands = standing_in(lambda: store)
    outbox.deliver_due(later_send, stands=stands)
    store.delete(CASE)
    outbox.try_again(parcel.id)
    outbox.try_again(other.id)
    assert outbox.deliver_due(peer.send, stands=stands) == 1
    assert state(outbox, parcel.id) is ParcelState.WITHDRAWN
    assert state(outbox, other.id) is ParcelState.DELIVERED, "of a case that was never stored"
    assert not stored(tmp_path)


def test_what_waits_of_a_removed_case_waits_until_it_is_brought_back(
    store: Store, tmp_path: Path
) -> None:
    outbox, stands = Outbox(Place(tmp_path)), standing_in(lambda: store)
    parcel = put(outbox)
    store.remove(CASE)
    assert stands(parcel) is Standing.HOLD
    assert outbox.deliver_due(FakePeer().send, stands=stands) == 0
    store.restore(CASE)
    assert outbox.deliver_due(FakePeer().send, stands=stands) == 1


def test_a_case_deleted_and_kept_anew_sends_what_was_filed_of_it_then(
    store: Store, tmp_path: Path
) -> None:
    store.delete(CASE)
    store.keep_case(CASE, [KeptFile("film.dcm", b"pixels")], label="a case")
    outbox = Outbox(Place(tmp_path))
    put(outbox)
    assert outbox.deliver_due(FakePeer().send, stands=standing_in(lambda: store)) == 1


def test_waits_grow_from_try_to_try(outbox: Outbox, clock: Clock) -> None:
    parcel = put(outbox)
    for n in (1, 2, 3):
        outbox.deliver_due(later_send)
        found = outbox.parcel(parcel.id)
        assert found is not None
        assert found.next_try_at == clock.now + wait_after(n)
        clock.now = found.next_try_at
