"""With reading first, nothing of the model's answer reaches the browser before the reading."""

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Response, WebSocket, expect

from dashboard import messages
from dashboard.viewer.packing import unpack
from mmcore.records import ReadingMode
from mmcore.wording import interval_text, signed_text
from tests.browser.clinician import Clinician
from tests.browser.conftest import people, serving

pytestmark = pytest.mark.browser

REVEAL = messages.REVEAL[ReadingMode.READ_FIRST]
FINDING = re.compile(r": what do you see\?$")


class Arrivals:
    """Every byte that reached a page: frames of its socket, and bodies of its requests."""

    def __init__(self, person: Clinician) -> None:
        self._frames: list[bytes] = []
        self._responses: list[Response] = []
        person.page.on("websocket", self._listen)
        person.page.on("response", lambda response: self._responses.append(response))

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._keep)

    def _keep(self, payload: str | bytes) -> None:
        self._frames.append(payload.encode() if isinstance(payload, str) else payload)

    def take(self) -> list[bytes]:
        """Return what arrived since the last call; every body must be readable."""
        bodies = [r.body() for r in self._responses if r.status == 200]
        taken = [*self._frames, *bodies]
        self._frames.clear()
        self._responses.clear()
        return taken


@pytest.fixture(scope="module")
def reading_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("reading-first") / "server.log"
    with serving(log, {"CONSILIUM_READING": "read-first"}) as url:
        yield url


@pytest.fixture
def reader(browser: Browser, reading_server: str) -> Iterator[Clinician]:
    made = people(browser, reading_server)
    yield next(made)()
    next(made, None)


def overlays(arrived: list[bytes]) -> list[np.ndarray]:
    """Return every signed map among what arrived for the viewer."""
    found = []
    for bytes_ in arrived:
        for match in re.finditer(rb'\{"stack": "[^"]*", "number": ', bytes_):
            message = bytes_[match.start() - 4 :]
            length = int.from_bytes(message[:4], "little")
            if b'"overlay": {"dtype"' in message[: 4 + length]:
                found.append(unpack(message)[1]["overlay"])
    return found


def secrets_of(document: dict[str, Any]) -> dict[str, list[bytes]]:
    """Return what the answer would look like on the wire, as shown and as stored, by target."""
    told: dict[str, list[bytes]] = {}
    for target in document["targets"]:
        if target["logit"] is None:
            continue
        shown = [signed_text(target["logit"]), repr(target["logit"])[:7]]
        if target["probability"] is not None:
            shown.append(f"90% interval {interval_text(*target['interval'])}")
            shown.append(repr(target["probability"])[:7])
        numbers = (target["logit"], target["probability"] or math.e, target["base"])
        told[target["name"]] = [text.encode() for text in shown] + [
            struct.pack("<d", number) for number in numbers if number is not None
        ]
    return told


def read_every_finding(reader: Clinician) -> int:
    """Say of every finding that it is absent, and how sure one is."""
    reader.settle()
    groups = reader.page.get_by_role("radiogroup", name=FINDING)
    count = groups.count()
    for number in range(count):
        done = f"{number + 1} of {count} findings read."
        groups.nth(number).get_by_text("Absent", exact=True).click()
        sure = reader.page.get_by_role("radiogroup", name=re.compile("how sure")).nth(number)
        sure.get_by_text("4", exact=True).click()
        expect(reader.see("reading-progress")).to_have_text(done)
    return count


def test_no_byte_of_the_answer_arrives_before_the_reading_is_saved(
    reader: Clinician, tmp_path: Path
) -> None:
    arrivals = Arrivals(reader)
    reader.open()
    reader.open_demo()
    reader.press("Review this case")
    expect(reader.see("how-to-read")).to_be_visible()
    reader.wait_for_image()
    reader.go_to("Report")
    expect(reader.page.get_by_text(messages.READ_FIRST)).to_be_visible()
    reader.go_to("Review")
    reader.wait_for_image()
    count = read_every_finding(reader)
    assert count >= 5
    reader.settle()
    reader.page.wait_for_timeout(2000)  # for what might follow
    before = arrivals.take()

    reader.press(REVEAL)
    reader.wait_for_explanation()
    expect(reader.see("ledger-sentence")).to_be_visible()
    for row in reader.findings():
        reader.choose(row)
    expect(reader.canvas).to_have_attribute("data-ready", "true")
    after = arrivals.take()
    reader.report()
    document = reader.download_json(tmp_path)

    assert sum(map(len, before)) > 100_000, "the inputs themselves were caught"
    early, late = b"\0".join(before), b"\0".join(after)
    secrets = secrets_of(document)
    assert secrets
    for name, looks in secrets.items():
        assert not [look for look in looks if look in early], name
        assert [look for look in looks if look in late], f"{name} is never caught at all"
    assert overlays(before) == []
    maps = overlays(after)
    assert maps, "the map is never caught at all"
    for values in maps:
        middle = values[len(values) // 2].astype("<f4").tobytes()
        assert np.abs(values).max() > 0
        assert middle not in early
    for part in (b"ledger-sentence", b'data-called="', b"co-ev for"):
        assert part not in early, part
        assert part in late, part
    assert document["reading"]["mode"] == "read-first"
    assert len(document["reading"]["impressions"]) == count
    assert all(i["is_blind"] for i in document["reading"]["impressions"])


def test_a_reading_survives_a_visit_to_other_pages(reader: Clinician) -> None:
    reader.open()
    reader.open_demo()
    reader.press("Review this case")
    group = reader.page.get_by_role("radiogroup", name=FINDING).first
    group.get_by_text("Unsure", exact=True).click()
    expect(reader.see("reading-progress")).to_contain_text("1 not complete")
    reader.go_to("Models")
    expect(reader.see("reading-progress")).to_have_count(0)
    reader.go_to("Review")
    expect(reader.see("reading-progress")).to_contain_text("1 not complete")
    expect(reader.page.get_by_role("button", name=REVEAL)).to_be_disabled()


@pytest.fixture
def second_reader(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinician]:
    log = tmp_path_factory.mktemp("second-reader") / "server.log"
    with serving(log, {"CONSILIUM_READING": "second-reader"}) as url:
        made = people(browser, url)
        yield next(made)()
        next(made, None)


def test_a_second_reader_is_answered_after_one_impression(
    second_reader: Clinician, tmp_path: Path
) -> None:
    reader = second_reader
    reveal = messages.REVEAL[ReadingMode.SECOND_READER]
    reader.open()
    reader.open_demo()
    reader.press("Review this case")
    expect(reader.see("how-to-read")).to_be_visible()
    expect(reader.page.get_by_role("button", name=reveal)).to_be_disabled()
    expect(reader.see("ledger-sentence")).to_have_count(0)
    group = reader.page.get_by_role("radiogroup", name=FINDING).nth(1)
    group.get_by_text("Present", exact=True).click()
    sure = reader.page.get_by_role("radiogroup", name=re.compile("how sure")).nth(1)
    sure.get_by_text("3", exact=True).click()
    reader.press(reveal)
    reader.wait_for_explanation()
    expect(reader.see("ledger-sentence")).to_be_visible()
    reader.report()
    reading = reader.download_json(tmp_path)["reading"]
    assert reading["mode"] == "second-reader"
    assert [(i["presence"], i["confidence"]) for i in reading["impressions"]] == [("present", 3)]
