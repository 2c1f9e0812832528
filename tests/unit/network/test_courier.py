"""The courier: each peer is served in its own time, and the end of the server ends it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mmcore.errors import PeerError, StoreUnavailableError
from mmcore.network.courier import Courier
from mmcore.network.outbox import Outbox
from mmcore.network.parcels import Parcel, ParcelState, Standing
from mmcore.results.records import Made
from mmcore.store.place import Place
from tests.unit.network.test_outbox import put

SECONDS = 20.0


class Post:
    """Sends what it is given, but for ``stuck``: that peer answers nothing until it is let go."""

    def __init__(self) -> None:
        self.is_asked, self.lets_go = threading.Event(), threading.Event()
        self.got: list[str] = []

    def send(self, peer: str, objects: Sequence[Made]) -> Iterator[Made]:
        if peer == "stuck":
            self.is_asked.set()
            assert self.lets_go.wait(SECONDS)
            raise PeerError(peer=peer, problem="can not be reached", may_pass=True)
        for made in objects:
            self.got.append(made.sop_instance_uid)
            yield made


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(Place(tmp_path))


@pytest.fixture
def courier(outbox: Outbox, post: Post) -> Iterator[Courier]:
    made = Courier(outbox, lambda _: Standing.SEND, send=post.send)
    yield made
    post.lets_go.set()
    made.stop()


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


def state(outbox: Outbox, parcel: Parcel) -> ParcelState:
    found = outbox.parcel(parcel.id)
    assert found is not None
    return found.state


def test_a_peer_that_does_not_answer_holds_up_no_other(
    outbox: Outbox, post: Post, courier: Courier
) -> None:
    waits = put(outbox, peer="stuck")
    courier.start()
    assert post.is_asked.wait(SECONDS)
    for document in ("d1", "d2"):  # in one round and in the next
        sent = put(outbox, document=document)
        courier.look()
        until(lambda sent=sent: state(outbox, sent) is ParcelState.DELIVERED)  # type: ignore[misc]
    assert state(outbox, waits) is ParcelState.WAITING


def test_a_parcel_that_is_withdrawn_while_it_is_sent_holds_up_no_other(
    outbox: Outbox, post: Post, courier: Courier
) -> None:
    withdrawn = put(outbox, peer="stuck")
    courier.start()
    assert post.is_asked.wait(SECONDS)
    asking = threading.Thread(target=outbox.withdraw, args=(withdrawn.id,))
    asking.start()
    sent = put(outbox)
    courier.look()
    until(lambda: state(outbox, sent) is ParcelState.DELIVERED)
    post.lets_go.set()
    asking.join(SECONDS)
    assert state(outbox, withdrawn) is ParcelState.WITHDRAWN


def test_the_end_of_the_server_waits_for_one_parcel_and_not_for_all(
    outbox: Outbox, post: Post, courier: Courier
) -> None:
    parcels = [put(outbox, peer="stuck", case=f"{n}" * 64, document=f"d{n}") for n in range(3)]
    courier.start()
    assert post.is_asked.wait(SECONDS)
    ending = threading.Thread(target=courier.stop)
    ending.start()
    post.lets_go.set()
    ending.join(SECONDS)
    assert not ending.is_alive()
    tried = [found.attempts for one in parcels if (found := outbox.parcel(one.id)) is not None]
    assert sorted(tried) == [0, 0, 1]
    courier.stop()


def test_what_goes_wrong_with_one_peer_is_told_by_its_kind_and_tried_again(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[str] = []

    def send(peer: str, objects: Sequence[Made]) -> Iterator[Made]:
        tries.append(peer)
        if len(tries) == 1:
            raise RuntimeError("about Rivera")
        if len(tries) == 2:
            raise StoreUnavailableError(problem="the disk is full")
        yield from objects

    parcel = put(outbox)
    courier = Courier(outbox, lambda _: Standing.SEND, send=send)
    courier.start()
    try:
        for number in (1, 2, 3):
            until(lambda number=number: len(tries) == number)  # type: ignore[misc]
            outbox.try_again(parcel.id)
            courier.look()
        until(lambda: state(outbox, parcel) is ParcelState.DELIVERED)
    finally:
        courier.stop()
    assert "RuntimeError" in caplog.text
    assert "the disk is full" in caplog.text
    assert "Rivera" not in caplog.text
