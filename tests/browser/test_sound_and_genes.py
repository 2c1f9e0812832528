"""What a clinician does with a breath sound and reads of a gene panel, in a real browser."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.clinician import Clinician

pytestmark = pytest.mark.browser


def picture_of_the_sound(person: Clinician) -> str:
    """Return the picture that the spectrogram's axes stand around."""
    image = person.page.locator("[class*='st-key-sound-'] image")
    expect(image).to_have_count(1)  # a chart that was just drawn anew is there twice for a moment
    expect(image).to_be_visible()
    return str(image.get_attribute("href") or image.get_attribute("xlink:href"))


def test_the_sound_has_axes_a_player_and_a_map_that_can_be_switched_off(
    reviewed: Clinician,
) -> None:
    reviewed.page.get_by_role("tab", name="Sound").click()
    chart = reviewed.page.locator("[class*='st-key-sound-']")
    for words in ("seconds", "hertz", "1000", "2000"):
        expect(chart.get_by_text(words, exact=True)).to_be_visible()
    player = reviewed.page.locator("audio")
    expect(player).to_be_visible()
    reviewed.page.wait_for_function("document.querySelector('audio').duration > 1")
    switch = reviewed.page.get_by_text("Show the map")
    expect(switch).to_be_visible()
    with_map = picture_of_the_sound(reviewed)
    switch.click()
    reviewed.page.wait_for_function(
        "before => document.querySelector(\"[class*='st-key-sound-'] image\")"
        "?.getAttribute('href') !== before",
        arg=with_map,
    )
    assert picture_of_the_sound(reviewed) != with_map
    switch.click()
    expect(reviewed.page.get_by_text("log-odds per cell")).to_be_visible()


def test_the_sounds_moments_add_up_to_its_contribution(reviewed: Clinician, tmp_path: Path) -> None:
    shown = next(row for row in reviewed.findings() if row.is_selected)
    reviewed.page.get_by_role("tab", name="Sound").click()
    rows = reviewed.table("Strongest moments of the sound")
    assert re.search(r"\d to \d.* s, \d+ to \d+ Hz", rows[0][0])
    listed = sum(float(row[1].replace("\u2212", "-")) for row in rows)
    reviewed.report()
    document = reviewed.download_json(tmp_path)
    target = next(t for t in document["targets"] if t["name"] == shown.name)
    part = target["parts"]["recording"]
    assert listed == pytest.approx(part["sum"], abs=0.005 * len(rows) + 1e-9)
    reviewed.go_to("Review")
    reviewed.wait_for_explanation()


def test_variants_are_those_of_the_file_with_a_sentence_that_claims_nothing(
    reviewed: Clinician, tmp_path: Path
) -> None:
    reviewed.page.get_by_role("tab", name="Gene panel").click()
    expect(reviewed.see("no-claim")).to_contain_text("No clinical claim is made")
    rows = [row for row in reviewed.table("Variants with their contributions") if row[0]]
    reviewed.report()
    case = json.loads(reviewed.download("Download JSON", tmp_path).read_text("utf-8"))["case"]
    assert {(row[0], row[1]) for row in rows} == {
        (v["gene"], v["variant_id"]) for v in case["variants"]
    }
    assert len(rows) == case["panel"]["called"]
    reviewed.go_to("Review")
    reviewed.wait_for_explanation()
