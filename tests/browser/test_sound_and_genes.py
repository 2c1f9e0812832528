"""What a clinician does with a breath sound and reads of a gene panel, in a real browser."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.clinician import Clinician

pytestmark = pytest.mark.browser


def show_the_sound(person: Clinician) -> None:
    person.wait_for_explanation()
    person.page.get_by_role("tab", name="Sound").click()
    person.see("player-place").scroll_into_view_if_needed()
    expect(person.see("player-place")).to_be_visible()
    expect(person.see("player")).to_have_attribute("data-time", re.compile(r"\d"))
    person.settle()


def second(person: Clinician) -> float:
    """Return where the playhead says it is."""
    return float(str(person.see("player").get_attribute("data-time")))


def place_of_the_head(person: Clinician) -> float:
    """Return where the playhead is drawn: 0 at the start of the pictures, 1 at their end."""
    place, head = (person.see(f"player-{part}").bounding_box() for part in ("place", "head"))
    assert place is not None
    assert head is not None
    return (head["x"] + head["width"] / 2 - place["x"]) / place["width"]


def test_the_sound_has_axes_and_a_map_that_can_be_switched_off(reviewed: Clinician) -> None:
    show_the_sound(reviewed)
    player = reviewed.see("player")
    for words in ("seconds", "hertz", "1000", "2000"):
        expect(player.get_by_text(words, exact=True)).to_be_visible()
    expect(player).to_have_attribute("data-map", "true")
    expect(reviewed.see("player-mapped")).to_be_visible()
    with reviewed.without_the_server():
        reviewed.see("player-map").uncheck()
        expect(reviewed.see("player-mapped")).to_be_hidden()
        expect(reviewed.see("player-picture")).to_be_visible()
        reviewed.see("player-map").check()
        expect(reviewed.see("player-mapped")).to_be_visible()
    expect(reviewed.page.get_by_text("log-odds per cell")).to_be_visible()


def test_the_playhead_runs_over_the_pictures_while_the_sound_plays(reviewed: Clinician) -> None:
    show_the_sound(reviewed)
    with reviewed.without_the_server():
        reviewed.see("player-play").click()
        expect(reviewed.see("player")).to_have_attribute("data-playing", "true")
        expect(reviewed.see("player")).not_to_have_attribute("data-time", "0.000")
        early = second(reviewed)
        expect(reviewed.see("player")).not_to_have_attribute("data-time", f"{early:.3f}")
        reviewed.see("player-play").click()
        expect(reviewed.see("player")).to_have_attribute("data-playing", "false")
    assert 0 < early < second(reviewed)
    expect(reviewed.see("player-clock")).to_have_text(re.compile(rf"^{second(reviewed):.1f} of "))
    length = float(str(reviewed.see("player-place").get_attribute("aria-valuemax")))
    assert place_of_the_head(reviewed) == pytest.approx(second(reviewed) / length, abs=0.005)


def test_a_click_into_the_spectrogram_and_the_keys_jump_there(reviewed: Clinician) -> None:
    show_the_sound(reviewed)
    place = reviewed.see("player-place")
    box = place.bounding_box()
    assert box is not None
    length = float(str(place.get_attribute("aria-valuemax")))
    with reviewed.without_the_server():
        place.click(position={"x": 0.5 * box["width"], "y": 60})
        assert second(reviewed) == pytest.approx(length / 2, abs=0.02 * length)
        here = second(reviewed)
        place.press("ArrowRight")
        assert second(reviewed) == pytest.approx(min(here + 0.5, length))
        place.press("Home")
        assert second(reviewed) == 0
        place.press(" ")
        expect(reviewed.see("player")).to_have_attribute("data-playing", "true")
        place.press(" ")
        expect(reviewed.see("player")).to_have_attribute("data-playing", "false")


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
