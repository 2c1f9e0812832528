"""A demonstration patient from the card to the filed report, on one screen after the other."""

import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from playwright.sync_api import expect
from pydicom.pixels import apply_rescale
from pypdf import PdfReader

from mmcore import wording
from tests.browser.clinician import Clinician, number
from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _on_the_review_page(reviewed: Clinician) -> None:
    reviewed.settle()
    if reviewed.page.get_by_role("heading", name="Findings").count() == 0:
        reviewed.go_to("Review")
        reviewed.wait_for_explanation()
    reviewed.wait_for_image()
    reviewed.see("viewer-reset").click()


def _show_a_map(person: Clinician) -> None:
    """Choose findings until one has a map; at most three, as each takes seconds to explain."""
    scored = [row for row in person.findings() if row.gate != "withheld"]
    for row in scored[:3]:
        if not row.is_selected:
            person.choose(row)
        person.expect_shown("overlay-target", row.name)
        person.settle()
        if person.shown("overlay-shown") == "true":
            return
    pytest.skip("none of the first three findings of this case has a map to show")


def test_the_image_is_there_before_and_after_the_model_has_spoken(reviewed: Clinician) -> None:
    reviewed.wait_for_image()
    assert float(reviewed.shown("paint-ms")) < 1000
    expect(reviewed.see("research-banner")).to_be_visible()


def test_the_sides_of_the_patient_stand_at_the_edges_of_the_image(reviewed: Clinician) -> None:
    expect(reviewed.see("viewer-side-left")).to_have_text("R")
    expect(reviewed.see("viewer-side-right")).to_have_text("L")


def test_every_finding_shows_its_probability_and_its_gate(reviewed: Clinician) -> None:
    rows = reviewed.findings()
    assert rows
    assert sum(row.is_selected for row in rows) == 1
    for row in rows:
        assert row.gate in ("scored", "scored with caution", "withheld")
        if row.gate == "withheld":
            assert not re.search(r"\d", row.value), f"{row.name} is withheld, yet shows a number"
        else:
            assert re.search(r"\d", row.value)


def test_another_finding_brings_its_own_ledger_and_map(reviewed: Clinician) -> None:
    other = next(r for r in reviewed.findings() if not r.is_selected and r.gate != "withheld")
    reviewed.choose(other)
    reviewed.expect_shown("overlay-target", other.name)
    expect(reviewed.see("ledger-sentence")).to_be_visible()


def test_the_map_follows_its_controls_without_asking_the_server(reviewed: Clinician) -> None:
    _show_a_map(reviewed)
    with reviewed.without_the_server():
        reviewed.slide("overlay-opacity", 0.35)
        reviewed.expect_shown("overlay-opacity", "0.35")
        reviewed.slide("overlay-threshold", 0.5)
        reviewed.expect_shown("overlay-threshold", "0.5")
        for mode in ("for", "against", "both"):
            reviewed.see(f"viewer-overlay-mode-{mode}").click()
            reviewed.expect_shown("overlay-mode", mode)
        reviewed.see("viewer-overlay-detail").select_option("fine")
        reviewed.expect_shown("overlay-detail", "fine")
        reviewed.see("viewer-overlay-toggle").click()
        reviewed.expect_shown("overlay-shown", "false")
        reviewed.see("viewer-overlay-toggle").click()
        reviewed.expect_shown("overlay-shown", "true")


def test_the_image_is_still_drawn_in_a_tall_window_after_every_rerun(reviewed: Clinician) -> None:
    reviewed.page.set_viewport_size({"width": 1440, "height": 2300})
    try:
        for row in [row for row in reviewed.findings() if row.gate != "withheld"][:2]:
            reviewed.choose(row)
            reviewed.see("viewer-zoom-in").click()
            reviewed.settle()
            bright = reviewed.canvas.evaluate(
                """canvas => {
                  const { data } = canvas.getContext("2d")
                    .getImageData(0, canvas.height / 4, canvas.width, canvas.height / 2);
                  const greens = data.filter((v, n) => n % 4 === 1);
                  return greens.reduce((a, b) => a + b) / greens.length;
                }"""
            )
            assert bright > 30, "black under the map"
        reviewed.expect_shown("zoom", "1.56")
    finally:
        reviewed.page.set_viewport_size({"width": 1440, "height": 900})


def test_dragging_moves_window_and_level_without_asking_the_server(reviewed: Clinician) -> None:
    center, width = (float(reviewed.shown(f"window-{fact}")) for fact in ("center", "width"))
    with reviewed.without_the_server():
        reviewed.drag(60, 0)
        reviewed.expect_change("window-width", f"{width:g}")
        assert float(reviewed.shown("window-width")) > width, "to the right widens"
        assert float(reviewed.shown("window-center")) == center
        reviewed.drag(0, -40)
        reviewed.expect_change("window-center", f"{center:g}")
        assert float(reviewed.shown("window-center")) < center, "up brightens"
        reviewed.expect_shown("preset", "")


def test_the_value_under_the_pointer_is_the_pixel_of_the_file(reviewed: Clinician) -> None:
    folder = ROOT / "assets" / "demo" / _open_demo_name(reviewed)
    dataset = pydicom.dcmread(folder / "image.dcm")
    pixels = np.asarray(apply_rescale(dataset.pixel_array, dataset))
    for across, down in ((0.5, 0.5), (0.31, 0.42), (0.66, 0.77)):
        row, column, value = reviewed.point_at(across, down)
        assert value == pixels[row, column]


def _open_demo_name(person: Clinician) -> str:
    """Return the folder of the demonstration patient whose file the viewer's corner names."""
    shown = person.see("viewer-top-left").inner_text()
    for path in sorted(ROOT.glob("assets/demo/*/image.dcm")):
        if str(pydicom.dcmread(path, stop_before_pixels=True).PatientID) in shown:
            return path.parent.name
    raise AssertionError(f"no demonstration patient is named in {shown!r}")


def test_a_measured_length_is_in_millimetres_of_the_file(reviewed: Clinician) -> None:
    dataset = pydicom.dcmread(
        ROOT / "assets" / "demo" / _open_demo_name(reviewed) / "image.dcm", stop_before_pixels=True
    )
    row, column, _ = reviewed.point_at(0.5, 0.5)
    reviewed.see("viewer-tool-length").click()
    reviewed.drag(120, 0)
    shown = json.loads(reviewed.shown("marks"))[-1]["words"]
    end_row, end_column = (int(v) for v in reviewed.shown("probe").split(",")[:2])
    reviewed.see("viewer-tool-window").click()
    assert shown.endswith(" mm")
    assert end_row == row
    spacing = float((dataset.get("PixelSpacing") or dataset.ImagerPixelSpacing)[1])
    assert number(shown) == pytest.approx((end_column - column) * spacing, abs=spacing + 0.05)


def test_keys_work_where_the_image_has_the_focus(reviewed: Clinician) -> None:
    _show_a_map(reviewed)
    with reviewed.without_the_server():
        reviewed.canvas.focus()
        inverted = reviewed.shown("inverted")
        reviewed.page.keyboard.press("i")
        reviewed.expect_change("inverted", inverted)
        reviewed.page.keyboard.press("o")
        reviewed.expect_shown("overlay-shown", "false")
        reviewed.page.keyboard.press("o")
        reviewed.expect_shown("overlay-shown", "true")
        reviewed.page.keyboard.press("+")
        reviewed.expect_shown("zoom", "1.25")
        reviewed.page.keyboard.press("-")
        reviewed.page.keyboard.press("-")
        reviewed.expect_shown("zoom", "0.8")
        reviewed.page.keyboard.press(" ")
        reviewed.expect_shown("zoom", "1")
        reviewed.expect_shown("inverted", inverted)


def test_the_wheel_scrolls_the_page_until_the_image_is_clicked(reviewed: Clinician) -> None:
    """Else whoever scrolls down to the note on the way magnifies the image into single pixels."""
    reviewed.see("viewer-zoom-in").focus()
    reviewed.point_at(0.5, 0.5)
    reviewed.page.mouse.wheel(0, 200)
    expect(reviewed.see("viewer")).not_to_be_in_viewport(ratio=1)
    reviewed.expect_shown("zoom", "1")
    reviewed.page.mouse.wheel(0, -400)
    expect(reviewed.see("viewer-tool")).to_be_in_viewport()
    reviewed.canvas.click()
    reviewed.page.mouse.wheel(0, -200)
    reviewed.expect_change("zoom", "1")


def test_the_ledger_adds_up_to_the_probability_in_the_list(reviewed: Clinician) -> None:
    rows = reviewed.findings()
    finding = next((r for r in rows if "%" in r.value and r.is_selected), None)
    if finding is None:
        finding = next(r for r in rows if "%" in r.value)
        reviewed.choose(finding)
    expect(reviewed.see("ledger-sentence")).to_be_visible()
    reviewed.page.get_by_role("tab", name="Numbers").click()
    first, *steps, last = reviewed.table(f"Ledger of {finding.display}")
    assert [first[0], last[0]] == ["Starting point", "This patient"]
    levels = [number(row[1]) for row in (first, *steps)]
    logit = number(last[1])
    assert sum(levels) == pytest.approx(logit, abs=0.005 * (len(levels) + 1) + 1e-9)
    low, high = (1 / (1 + math.exp(-(logit + edge))) for edge in (-0.005, 0.005))
    possible = {wording.probability_text(p, decimals=_decimals(finding.value)) for p in (low, high)}
    shown = number(finding.value)
    assert min(map(number, possible)) <= shown <= max(map(number, possible))


def _decimals(percentage: str) -> int:
    whole = re.search(r"\.(\d+)", percentage)
    return len(whole.group(1)) if whole else 0


def test_page_pdf_and_json_say_the_same_of_every_finding(
    reviewed: Clinician, tmp_path: Path
) -> None:
    rows = {row.name: row for row in reviewed.findings()}
    reviewed.report()
    document = reviewed.download_json(tmp_path)
    path = reviewed.download("Download PDF", tmp_path)
    pdf = _flat("\n".join(page.extract_text() for page in PdfReader(path).pages))
    preview = {row[0]: row for row in reviewed.table("Findings")}
    gates = {gate["target"]: gate["verdict"] for gate in document["gate"]}
    assert rows.keys() == {target["name"] for target in document["targets"]}
    for target in document["targets"]:
        row, filed = rows[target["name"]], preview[target["display"]]
        assert row.gate == gates[target["name"]]
        assert target["display"] in pdf
        if row.gate == "withheld":
            assert target["probability"] is target["logit"] is None
            assert not re.search(r"\d", filed[2])
            continue
        if target["kind"] == "finding":
            expected = wording.probability_beside(target["probability"], target["operating_point"])[
                0
            ]
            assert row.value == expected
            assert row.called == target["call"]
            logistic = 1 / (1 + math.exp(-target["logit"]))
            assert logistic == pytest.approx(target["probability"], abs=1e-6)
            words = wording.probability_words(target["probability"])
            assert f"{target['display']} {expected}" in pdf or f"{expected} {words}" in pdf
        assert filed[2].startswith(row.value), "the page and the filed report differ"
        assert filed[1].lower().startswith(row.called)
        total = target["base"] + sum(c["signed"] for c in target["contributions"])
        assert total == pytest.approx(target["logit"], abs=1e-3)


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_download_names_hold_nothing_of_the_patient(
    reviewed: Clinician, tmp_path: Path
) -> None:
    reviewed.report()
    names = [reviewed.download(f"Download {kind}", tmp_path).name for kind in ("PDF", "JSON")]
    for name in names:
        assert re.fullmatch(r"consilium-[0-9a-f]{16}-[\w.-]+-[0-9a-f]{8}\.(pdf|json)", name)


def test_every_page_fits_the_window(reviewed: Clinician, tmp_path: Path) -> None:
    """Also takes the pictures of the documentation: ``make screenshots`` runs this test alone."""
    folder = Path(os.environ.get("CONSILIUM_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    marks = {"intake": "files-table", "review": "ledger-sentence", "report": "report-preview",
             "models": "model-head"}  # fmt: skip
    links = {"intake": "Cases", "review": "Review", "report": "Report", "models": "Models"}
    for name, mark in marks.items():
        reviewed.go_to(links[name])
        expect(reviewed.see(mark)).to_be_visible()
        if name == "review":
            reviewed.wait_for_image()
        reviewed.page.mouse.move(1439, 899)  # off every control, so that none is lit
        reviewed.page.wait_for_timeout(700)  # charts and the sticky header
        reviewed.settle()
        reviewed.page.screenshot(path=folder / f"{name}.png")
        reach = reviewed.page.evaluate("document.documentElement.scrollWidth")
        assert reach <= 1440, f"{name} is wider than the window"
    reviewed.go_to("Review")
    reviewed.wait_for_explanation()
    reviewed.wait_for_image()
    reviewed.see("theme-light").click()
    reviewed.page.wait_for_timeout(4000)  # the charts are drawn anew on the server
    reviewed.page.mouse.move(1439, 899)
    reviewed.page.screenshot(path=folder / "review-light.png")
    reviewed.see("theme-dark").click()
