"""Key images and views of a reading: kept, undone, and left out where they are damaged."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from dashboard import desks, keeping, key_images, reading, site, state
from mmcore.errors import StoredFileDamagedError
from mmcore.records import KeyImage
from mmcore.records.reading import PNG_SIGNATURE
from mmcore.store import Store
from tests.app import factory
from tests.app.conftest import Stage
from tests.app.desk import JANE, press


@dataclass(frozen=True)
class Begun:
    """A case that is kept and open, and two pictures that may go into its report."""

    session: state.Session
    work: state.CaseWork
    one: KeyImage
    two: KeyImage


@pytest.fixture
def begun(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Begun:
    session = state.Session()
    monkeypatch.setattr(state, "session", lambda: session)
    case = factory.case()
    keeping.keep_case(case, [("image.dcm", b"jane")], label="one", pack_name="phantom")
    work = state.open_case(case, "one")
    work.pack_name = "phantom"
    keeping.begin(work)
    one, two = (
        KeyImage(PNG_SIGNATURE + words, case.digest, 0, words.decode(), factory.TAKEN)
        for words in (b"one", b"two")
    )
    return Begun(session, work, one, two)


def test_a_damaged_picture_is_told_and_nothing_else_is_lost(
    begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, work, one, two = begun.session, begun.work, begun.one, begun.two
    desk = reading.desk(work)
    desk.key_images = (one, two)
    desk.viewer = {"images": {"stack": {"marks": []}}}
    desk.entry("nodule").confidence = 3
    desks.save(work)
    whole = Store.picture

    def picture(self: Store, digest: str) -> bytes:
        if digest == hashlib.sha256(one.png).hexdigest():
            raise StoredFileDamagedError(digest=digest, problem="gone")
        return whole(self, digest)

    monkeypatch.setattr(Store, "picture", picture)
    session.desks.clear()
    found = reading.desk(work)
    assert found.key_images == (two,)
    assert "can not be read any more and is left out: one" in session.told
    assert found.viewer == desk.viewer
    assert found.entry("nodule").confidence == 3


def test_key_images_and_views_are_kept_and_a_removal_is_undone(begun: Begun) -> None:
    session, work, one, two = begun.session, begun.work, begun.one, begun.two
    desk = reading.desk(work)
    desk.viewer = {"images": {"stack": {"marks": [{"kind": "length"}]}}}
    desk.key_images = (one, two)
    desks.save(work)
    key_images.remove(work, 0)
    desks.save(work)
    session.desks.clear()
    assert reading.desk(work).key_images == (two,)

    desk = reading.desk(work)
    key_images.remove(work, 0)
    desks.undo(work)
    assert (desk.key_images, desk.removed) == ((two,), None)
    session.desks.clear()
    found = reading.desk(work)
    assert (found.key_images, found.viewer) == ((two,), desk.viewer)


def test_an_undone_caption_is_drawn_as_it_was(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "concurrent")
    app = stage.open_case("jane", "review")
    (desk,) = app.session_state["consilium_session"].desks.values()
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    desk.key_images = (KeyImage(buffer.getvalue(), JANE, 0, "As told", factory.TAKEN),)
    app = app.run()
    app = app.text_area[0].set_value("By hand").run()
    assert desk.key_images[0].caption == "By hand"
    app = press(app, "undo")
    assert desk.key_images[0].caption == app.text_area[0].value == "As told"
