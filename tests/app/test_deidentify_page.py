"""The De-identify page: nothing leaves that a person has not seen, and no identifier at all."""

import io
import json
import logging
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import deidentifying, keeping, services, site, state
from dashboard.services import DemoCase
from dashboard.state import CaseWork
from mmcore.deid.records import Box, Options
from mmcore.deid.secret import write_secret
from mmcore.store.place import DATA, KEEP_DAYS
from tests.app import factory
from tests.app.conftest import Stage, html
from tests.unit.deid.planted import Planted, add_pixels, base, planted_case, written

ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
PRINT = (slice(10, 20), slice(10, 60))


@pytest.fixture(scope="module")
def source() -> Planted:
    return planted_case()


def ultrasound() -> bytes:
    """Return an image with a row of strokes that looks like print."""
    dataset = base("US", ULTRASOUND)
    pixels = np.tile(np.arange(200, dtype=np.uint8), (160, 1))
    pixels[10:20, 10:60:3] = 255
    add_pixels(dataset, pixels, stored=8)
    return written(dataset)


def opened(stage: Stage, monkeypatch: pytest.MonkeyPatch, files: Sequence[tuple[str, bytes]],
           page: str = "deidentify") -> AppTest:  # fmt: skip
    """Open files as a demonstration patient would be, through the real intake."""

    def read_demo(demo: DemoCase) -> None:
        services.read_files(files, demo.title, "phantom")

    monkeypatch.setattr(services, "read_demo", read_demo)
    return stage.open_case("jane", page)


def work_of(app: AppTest) -> CaseWork:
    current: state.Session = app.session_state["consilium_session"]
    return current.cases[current.active_digest or ""]


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run(timeout=60)


def control(app: AppTest, start: str) -> Any:
    return next(b for b in app.button_group if b.key.startswith(start))


def read(app: AppTest) -> AppTest:
    return next(c for c in app.checkbox if c.key.startswith("deid-read-")).check().run()


def unzipped(app: AppTest) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(work_of(app).leaving.packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forms(value: str) -> list[bytes]:
    digits = re.sub(r"\D", "", value)
    found = [value.lower().encode(), value.lower().encode("utf-16-le")]
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}.*", value) or re.fullmatch(r"(19|20)\d{6}\d*", value):
        found.append(digits[:8].encode())
    return found


def test_a_case_whose_files_are_not_kept_says_so(stage: Stage) -> None:
    page = html(stage.open_case("jane", "deidentify"))
    assert "The files of this case are not kept" in page
    assert "deid-key" not in page


def test_no_identifier_is_in_the_zip_nor_in_the_log(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, source: Planted, caplog: pytest.LogCaptureFixture
) -> None:
    files = [(file.name, file.data) for file in source.files]
    with caplog.at_level(logging.DEBUG):
        app = opened(stage, monkeypatch, files)
        app = press(app, "deid-look")
        assert app.button(key="deid-make").disabled, "nobody has read the note yet"
        app = press(read(app), "deid-make")
    assert [b.label for b in app.download_button] == ["Download the zip"]
    inside = unzipped(app)
    assert set(inside) == {
        "image-001.dcm", "image-002.dcm", "note-001.txt", "observations-001.json",
        "variants-001.vcf", "recording-001.wav", "report.json",
    }  # fmt: skip
    name = deidentifying.download_name(work_of(app).leaving)
    out = b"\n".join([work_of(app).leaving.packed, *inside.values(), *(n.encode() for n in inside)])
    out = (out + name.encode() + caplog.text.encode()).lower()
    assert b"zqx" not in out
    assert [w for w, v in source.values.items() if any(f in out for f in forms(v))] == []
    assert json.loads(inside["report.json"])["schema"] == "consilium.deid/1"


def test_what_goes_is_struck_through_in_the_note_and_what_comes_is_marked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = b"Patient: Doe, Jane\nMRN: 4711-0815\n\n<b>Cough</b> for three days. Seen by Dr. Roe.\n"
    app = press(opened(stage, monkeypatch, [("note.txt", note)]), "deid-look")
    page = html(app)
    assert '<del class="co-gone">Doe, Jane</del><ins class="co-put">[NAME]</ins>' in page
    assert "&lt;b&gt;Cough&lt;/b&gt; for three days." in page


def test_an_image_with_text_stays_here_until_a_person_has_judged_and_approved_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = press(opened(stage, monkeypatch, [("us.dcm", ultrasound())]), "deid-look")
    assert "1 image stays here, because nobody has approved it." in html(app)
    approve = next(b for b in app.button if b.key.startswith("deid-approve-"))
    assert approve.disabled, "a box has no verdict yet"
    app = press(read(app), "deid-make")
    assert set(unzipped(app)) == {"report.json"}

    app = control(app, "deid-box-").set_value(True).run()
    assert work_of(app).leaving.approved == set(), "a verdict is not an approval"
    app = press(app, approve.key)
    assert not app.download_button, "what was made before the approval is not offered"
    app = press(read(app), "deid-make")
    image = pydicom.dcmread(io.BytesIO(unzipped(app)["image-001.dcm"]))
    assert (image.pixel_array[PRINT] == 0).all()
    assert image.BurnedInAnnotation == "NO"

    app = control(app, "deid-box-").set_value(False).run()
    assert work_of(app).leaving.approved == set(), "another verdict takes the approval back"
    assert not app.download_button


def test_a_box_that_is_no_text_is_not_masked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = press(opened(stage, monkeypatch, [("us.dcm", ultrasound())]), "deid-look")
    app = control(app, "deid-box-").set_value(False).run()
    app = press(app, next(b.key for b in app.button if b.key.startswith("deid-approve-")))
    app = press(read(app), "deid-make")
    image = pydicom.dcmread(io.BytesIO(unzipped(app)["image-001.dcm"]))
    assert (image.pixel_array[10:20, 10:60:3] == 255).all()


def cine(frames: int) -> bytes:
    """Return a loop of which one frame has a row of strokes that looks like print."""
    dataset = base("US", "1.2.840.10008.5.1.4.1.1.3.1")
    pixels = np.tile(np.arange(200, dtype=np.uint8), (frames, 160, 1))
    pixels[frames - 1, 10:20, 10:60:3] = 255
    add_pixels(dataset, pixels[0], stored=8)
    dataset.NumberOfFrames, dataset.PixelData = frames, pixels.tobytes()
    dataset["PixelData"].VR = "OB"
    return written(dataset)


@pytest.mark.parametrize("in_one", [True, False])
def test_a_loop_is_approved_only_once_every_frame_was_on_the_page(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, in_one: bool
) -> None:
    app = press(opened(stage, monkeypatch, [("us.dcm", cine(3))]), "deid-look")
    for group in [b.key for b in app.button_group if b.key.startswith("deid-box-")]:
        app = control(app, group).set_value(True).run()

    def approve() -> Any:
        return next(b for b in app.button if b.key.startswith("deid-approve-"))

    (found,) = work_of(app).leaving.preview.found_text  # type: ignore[union-attr] # it was made
    assert approve().disabled
    assert "2 frames were not looked at yet" in html(app)
    with pytest.raises(ValueError, match="frame"):
        deidentifying.approve(work_of(app).leaving, found)
    if in_one:
        app = next(x for x in app.toggle if x.key.startswith("deid-all-")).set_value(True).run()
    else:
        for number in (3, 2):
            assert approve().disabled
            slider = next(s for s in app.slider if s.key.startswith("deid-frame-"))
            app = slider.set_value(number).run()
    assert "deid-frames-left" not in html(app)
    app = press(app, approve().key)
    assert found.digest in work_of(app).leaving.approved


def test_a_person_adds_a_box_by_numbers(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = press(opened(stage, monkeypatch, [("us.dcm", ultrasound())]), "deid-look")
    for name, value in {"top": 150, "rows": 40, "left": 100, "columns": 20}.items():
        next(n for n in app.number_input if n.key.startswith(f"deid-{name}-")).set_value(value)
    app = next(b for b in app.button if b.label == "Add this box").click().run()
    (added,) = work_of(app).leaving.added.values()
    assert added == [Box(150, 100, 10, 20)], "cut at the edge of the image"
    assert "Box 2: rows 150 to 159, columns 100 to 119" in [b.label for b in app.button_group]
    digest = next(iter(work_of(app).leaving.added))
    assert deidentifying.verdict(work_of(app).leaving, digest, added[0]) is True


def test_who_has_not_read_after_all_gets_no_zip(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = press(opened(stage, monkeypatch, [("n.txt", b"Cough for three days.\n")]), "deid-look")
    app = press(read(app), "deid-make")
    assert app.download_button
    app = next(c for c in app.checkbox if c.key.startswith("deid-read-")).uncheck().run()
    assert not app.download_button


def test_other_options_ask_for_another_look(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = press(opened(stage, monkeypatch, [("n.txt", b"Cough for three days.\n")]), "deid-look")
    assert 'data-testid="deid-preview"' in html(app)
    app = next(x for x in app.toggle if x.key.endswith("-words")).set_value(False).run()
    page = html(app)
    assert 'data-testid="deid-preview"' not in page
    assert "The options have changed" in page
    app = press(app, "deid-look")
    assert work_of(app).leaving.asked == Options(keeps_descriptions=False)


def test_a_line_that_is_no_private_number_is_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(stage, monkeypatch, [("n.txt", b"Cough for three days.\n")])
    area = next(a for a in app.text_area if a.key.endswith("-private"))
    app = area.set_value("ACME 1.0|0018|0c").run()
    assert "A line is no private number" in html(app), "the group is even"
    assert not [b for b in app.button if b.key == "deid-look"]


def test_the_key_is_the_sites_or_one_of_this_session_and_the_page_says_which(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = [("n.txt", b"MRN: 4711-0815\nCough for three days.\n")]

    def pseudonym() -> str:
        app = press(opened(stage, monkeypatch, files), "deid-look")
        preview = work_of(app).leaving.preview
        assert preview is not None
        assert preview.case.pseudonym in html(app)
        return preview.case.pseudonym

    assert pseudonym() != pseudonym()
    assert "one was made for this session" in html(opened(stage, monkeypatch, files))
    write_secret(tmp_path / "key")
    monkeypatch.setenv(site.DEID_KEY_FILE, str(tmp_path / "key"))
    assert "made with the key of this site" in html(opened(stage, monkeypatch, files))
    assert pseudonym() == pseudonym()
    (tmp_path / "key").write_text("zqx is no key")
    page = html(opened(stage, monkeypatch, files))
    assert site.DEID_KEY_FILE in page
    assert "zqx" not in page


def test_the_files_come_from_the_store_where_the_site_keeps_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DATA, str(tmp_path / "data"))
    monkeypatch.delenv(KEEP_DAYS)
    app = opened(stage, monkeypatch, [("n.txt", b"Cough for three days.\n")])
    assert work_of(app).files == (), "not twice"
    app = press(read(press(app, "deid-look")), "deid-make")
    assert set(unzipped(app)) == {"note-001.txt", "report.json"}
    kept = keeping.store()
    assert kept is not None
    kept.remove(work_of(app).case.digest)
    kept.purge()
    assert "are not kept" in html(app.run())


def test_nothing_of_the_models_answer_is_on_the_page_while_readers_read_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(case: object) -> None:
        raise AssertionError("the page asked the model")

    monkeypatch.setenv(site.READING, "read-first")
    monkeypatch.setattr(stage.engine, "predict", predict)
    app = opened(stage, monkeypatch, [("n.txt", b"Cough for three days.\n")])
    page = html(press(read(press(app, "deid-look")), "deid-make"))
    assert not [t.display for t in factory.TARGETS if t.display in page]


def test_two_zips_of_the_same_files_are_the_same_bytes() -> None:
    from mmcore.deid.records import CleanFile, DeidentifiedCase

    case = DeidentifiedCase(
        "P-X", Options(), (CleanFile("note-001.txt", 1, "note", b"Cough.", {}),), ()
    )
    assert deidentifying.packed(case) == deidentifying.packed(case)
