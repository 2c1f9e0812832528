"""The viewer inside the page: what passes between it, the page and the report."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from playwright.sync_api import expect
from pydicom.uid import generate_uid
from pypdf import PdfReader

from tests.browser.clinician import Clinician
from tests.browser.conftest import ROOT, NewClinician

pytestmark = pytest.mark.browser


@pytest.fixture
def at_the_image(reviewed: Clinician) -> Clinician:
    """Be on the review page, on a finding with a map."""
    if not reviewed.canvas.count():
        reviewed.go_to("Review")
    reviewed.wait_for_image()
    reviewed.wait_for_explanation()
    reviewed.settle()
    if reviewed.shown("overlay-shown") != "true":
        for row in [row for row in reviewed.findings() if row.gate != "withheld"]:
            reviewed.choose(row)
            reviewed.settle()
            if reviewed.see("region-1").count():
                break
    return reviewed


def test_pointing_at_a_row_lights_its_region_and_the_other_way_round(
    at_the_image: Clinician,
) -> None:
    reviewed = at_the_image
    row = reviewed.see("region-1")
    row.scroll_into_view_if_needed()
    reviewed.settle()  # charts may move what is below them
    with reviewed.without_the_server():
        row.hover()
        reviewed.expect_shown("lit", "1")
        reviewed.see("research-banner").hover()
        reviewed.expect_shown("lit", "")
        row.focus()
        reviewed.expect_shown("lit", "1")
        reviewed.page.keyboard.press("Enter")
        reviewed.expect_shown("overlay-shown", "true")
    row.blur()
    reviewed.page.mouse.wheel(0, -3000)
    expect(reviewed.see("viewer-tool")).to_be_in_viewport()
    reviewed.settle()
    box = reviewed.canvas.bounding_box()
    assert box is not None
    lit = reviewed.page.locator(".co-region.is-lit")
    for across in range(20, 80, 4):  # until the pointer meets a region that a row speaks of
        for down in range(20, 90, 5):
            reviewed.page.mouse.move(
                box["x"] + box["width"] * across / 100, box["y"] + box["height"] * down / 100
            )
            if lit.count():
                words = lit.first.locator("th").inner_text()
                expect(reviewed.see("viewer-tip")).to_contain_text(words)
                expect(reviewed.see("viewer-tip")).to_contain_text("% of the map")
                return
    pytest.fail("no region on the image lights a row")


def test_measurements_and_window_are_there_when_the_page_is_entered_again(
    at_the_image: Clinician,
) -> None:
    reviewed = at_the_image
    reviewed.see("viewer-tool-length").click()
    reviewed.drag(80, 40)
    reviewed.see("viewer-invert").click()
    reviewed.expect_shown("inverted", "true")
    marks = reviewed.shown("marks")
    assert "mm" in marks
    reviewed.go_to("Models")
    expect(reviewed.see("model-head")).to_be_visible()
    reviewed.go_to("Review")
    reviewed.wait_for_image()
    reviewed.expect_shown("marks", marks)
    reviewed.expect_shown("inverted", "true")
    reviewed.see("viewer-delete").click()
    reviewed.see("viewer-reset").click()
    reviewed.see("viewer-tool-window").click()


def test_what_is_on_the_screen_goes_into_the_report_with_its_caption(
    at_the_image: Clinician, tmp_path: Path
) -> None:
    reviewed = at_the_image
    reviewed.canvas.focus()
    reviewed.page.keyboard.press("k")
    expect(reviewed.see("key-images")).to_contain_text("1 of at most 12")
    caption = reviewed.page.get_by_label("Caption of picture 1")
    expect(caption).to_have_value(re.compile(r"W \d+ L \d+"))
    caption.fill("As before, in my words.")
    caption.press("Control+Enter")
    reviewed.press("Remove picture 1")
    expect(reviewed.see("key-images")).to_contain_text("0 of at most 12")
    reviewed.press("Put the removed picture back")
    expect(reviewed.see("key-images")).to_contain_text("1 of at most 12")
    expect(reviewed.page.get_by_label("Caption of picture 1")).to_have_value(
        "As before, in my words."
    )
    reviewed.report()
    expect(reviewed.see("report-key-images")).to_contain_text("As before, in my words.")
    (image,) = reviewed.download_json(tmp_path)["key_images"]
    assert image["caption"] == "As before, in my words."
    picture = Image.open(io.BytesIO(base64.b64decode(image["png"])))
    assert np.asarray(picture).std() > 20
    path = reviewed.download("Download PDF", tmp_path)
    pages = PdfReader(path).pages
    assert "As before, in my words." in pages[-1].extract_text()
    assert len(pages[-1].images) >= 1


def test_a_prior_study_of_the_patient_stands_beside_the_current_one(
    new_clinician: NewClinician, tmp_path: Path
) -> None:
    source = sorted(ROOT.glob("assets/demo/*/image.dcm"))[0]
    prior = pydicom.dcmread(source)
    prior.StudyInstanceUID, prior.SeriesInstanceUID = generate_uid(), generate_uid()
    prior.SOPInstanceUID = prior.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    prior.StudyDate = prior.AcquisitionDate = prior.ContentDate = prior.SeriesDate = "20190203"
    prior.SeriesDescription = "From before"
    path = tmp_path / "prior.dcm"
    prior.save_as(path)
    person = new_clinician().open()
    person.add([source, path])
    person.press("Review this case")
    person.wait_for_image()
    person.see("viewer-layout-2").click()
    second = person.see("viewer-2-canvas")
    expect(second).to_have_attribute("data-ready", "true")
    expect(person.see("viewer-second").locator("option:checked")).to_contain_text("3 Feb 2019")
    assert second.get_attribute("data-stack") != person.shown("stack")
    person.canvas.focus()
    person.page.keyboard.press("+")
    expect(second).to_have_attribute("data-zoom", "1.25")
