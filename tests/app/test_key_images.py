"""Pictures from the screen in a case's report: added, told in words, taken out and put back."""

import base64
import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from dashboard import key_images, reading, state
from dashboard.state import CaseWork, Desk
from dashboard.viewer import Overlay, Picture, returns, stacks
from mmcore.records import MOST_KEY_IMAGES, Modality, Reading, ReadingMode, Window
from tests.app import factory

T = datetime(2026, 3, 3, 14, 5, tzinfo=UTC)
NO_MAP = Overlay("nodule", "Nodule", None)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> CaseWork:
    desk = Desk(Reading(ReadingMode.CONCURRENT))
    monkeypatch.setattr(reading, "desk", lambda _: desk)
    picture = factory.image(pixels=np.zeros((3, 64, 48), np.uint16), windows=(Window(40.0, 400.0),))
    return CaseWork(factory.case(picture=picture), "Jane")


def png(seed: int = 0) -> bytes:
    values = np.random.default_rng(seed).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def picture(work: CaseWork, seed: int = 0, **changes: object) -> Picture:
    values = {
        "png": png(seed), "stack": stacks.id_of(stacks.stacks_of(work.case)[0]), "frame": 1,
        "center": 40.0, "width": 400.0, "is_mapped": False, "mode": "both", "measures": (),
        "beside": "",
    } | changes  # fmt: skip
    return Picture(**values)  # type: ignore[arg-type] # values by name


def add(work: CaseWork, given: Picture, overlay: Overlay = NO_MAP) -> bool:
    return key_images.add(work, given, overlay, now=lambda: T)


def test_a_picture_is_kept_with_the_image_that_it_shows_and_its_words(work: CaseWork) -> None:
    parts = factory.FakeEngine()._parts(work.case, Modality.IMAGE, 1.0)
    given = picture(
        work, is_mapped=True, mode="for", measures=("Length, 23.4 mm",), beside="Prior · 2023"
    )
    assert add(work, given, Overlay("nodule", "Nodule", parts))
    (image,) = reading.desk(work).key_images
    assert (image.digest, image.frame, image.recorded_at) == (
        work.case.instances[0].digest, 1, T,
    )  # fmt: skip
    for words in ("Image 2 of 3", "W 400 L 40", "what speaks for Nodule", "Length, 23.4 mm",
                  "Beside: Prior · 2023"):  # fmt: skip
        assert words in image.caption
    assert "Doe" not in image.caption
    assert "PAT-0042" not in image.caption


def test_a_caption_names_the_finding_in_the_readers_language(
    work: CaseWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "language", lambda: "zh-Hans")
    parts = factory.FakeEngine()._parts(work.case, Modality.IMAGE, 1.0)
    given = picture(work, is_mapped=True, mode="against")
    assert add(work, given, Overlay("effusion", "Pleural effusion", parts))
    assert "反对“胸腔积液”的归因图" in reading.desk(work).key_images[0].caption


def test_the_map_of_another_method_stays_out_of_the_report(work: CaseWork) -> None:
    parts = factory.FakeEngine()._parts(work.case, Modality.IMAGE, 1.0)
    others = Overlay("nodule", "Nodule", parts, method="Random")
    assert not add(work, picture(work, is_mapped=True), others)
    assert reading.desk(work).key_images == ()
    assert add(work, picture(work, is_mapped=False), others), "the image without a map is ours"


def test_a_map_that_was_not_shown_is_not_told(work: CaseWork) -> None:
    add(work, picture(work, is_mapped=True))
    assert "Map" not in reading.desk(work).key_images[0].caption


@pytest.mark.parametrize(
    "changes", [{"stack": "another-1"}, {"frame": 3}, {"png": b"GIF89a"}, {"png": png()[:60]}]
)
def test_what_is_no_picture_of_this_case_is_refused(
    work: CaseWork, changes: dict[str, object]
) -> None:
    assert not add(work, picture(work, **changes))
    assert reading.desk(work).key_images == ()


def test_the_same_picture_is_taken_once_and_no_more_than_a_report_takes(work: CaseWork) -> None:
    for seed in (0, 0, *range(20)):
        add(work, picture(work, seed))
    assert len(reading.desk(work).key_images) == MOST_KEY_IMAGES
    assert key_images.left(work) == 0


def test_a_caption_is_the_readers_and_a_picture_taken_out_comes_back_in_its_place(
    work: CaseWork,
) -> None:
    for seed in range(3):
        add(work, picture(work, seed))
    key_images.say_of(work, 1, "  In my\nwords ")
    before = reading.desk(work).key_images
    assert before[1].caption == "In my words"
    key_images.remove(work, 1)
    assert reading.desk(work).key_images == (before[0], before[2])
    key_images.put_back(work)
    key_images.put_back(work)
    assert reading.desk(work).key_images == before


def test_a_written_report_is_dropped_when_its_pictures_change(work: CaseWork) -> None:
    for does in (
        lambda: add(work, picture(work)),
        lambda: key_images.say_of(work, 0, "Other words"),
        lambda: key_images.remove(work, 0),
        lambda: key_images.put_back(work),
    ):
        work.document = {"schema": "consilium.result/1"}
        does()
        assert work.document is None


def test_a_picture_comes_as_a_data_url_and_nothing_else_does() -> None:
    data = "data:image/png;base64," + base64.b64encode(png()).decode()
    sent = {"png": data, "stack": "a-1", "frame": 2, "center": 40, "width": 400, "mode": "no",
            "is_mapped": 1, "measures": ["a\nb", 3], "beside": None}  # fmt: skip
    found = returns.picture_of(sent)
    assert found == Picture(png(), "a-1", 2, 40.0, 400.0, False, "both", ("ab", ""), "")
    for wrong in (
        {"png": data.replace("image/png", "image/svg+xml")}, {"png": data + "!"}, {"frame": -1},
        {"center": float("inf")}, {"png": "data:image/png;base64," + "A" * 30_000_000},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"."):
            returns.picture_of(sent | wrong)
