"""Both themes can be read: contrasts worked out as WCAG 2.2 says, on every surface there is."""

import re
import tomllib

import numpy as np
import pytest

from dashboard import palette, theme
from dashboard.palette import Palette
from dashboard.viewer import SOURCE

THEMES = [pytest.param(palette.DARK, id="dark"), pytest.param(palette.LIGHT, id="light")]
BLACK = "#000000"  # under every image and spectrogram, in both themes
STRONGEST_SHADE = 0.4  # of a phrase's colour in its ground, in consilium.css


def _luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(color: str, ground: str, share: float) -> str:
    """Return so much of a colour in the rest of its ground, as CSS color-mix does in sRGB."""
    pairs = ((int(color[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def test_black_and_white_differ_by_21_as_wcag_says() -> None:
    assert contrast(BLACK, "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("look", THEMES)
def test_words_can_be_read_on_every_surface(look: Palette) -> None:
    for words in look.words:
        for surface in look.surfaces:
            assert contrast(words, surface) >= 4.5, (words, surface)


@pytest.mark.parametrize("look", THEMES)
def test_what_is_drawn_stands_out_from_every_surface(look: Palette) -> None:
    for drawn in (*look.drawn, look.accent, look.in_favour, look.against):
        for surface in look.surfaces:
            assert contrast(drawn, surface) >= 3.0, (drawn, surface)
    assert contrast(look.band, look.track) >= 3.0, "an interval on its scale"
    assert contrast(look.caution, look.track) >= 3.0, "an operating point on its scale"


@pytest.mark.parametrize("look", THEMES)
def test_buttons_and_verdicts_can_be_read(look: Palette) -> None:
    assert contrast(look.on_accent, look.accent) >= 4.5
    assert contrast(look.background, look.text) >= 4.5, "what is called present"


@pytest.mark.parametrize("look", THEMES)
def test_the_note_can_be_read_under_its_strongest_shade(look: Palette) -> None:
    css = theme.STYLE_SHEET.read_text("utf-8")
    assert f"calc(var(--strength) * {100 * STRONGEST_SHADE:.0f}%)" in css
    for color in (look.in_favour, look.against):
        shaded = mixed(color, look.surface, STRONGEST_SHADE)
        assert contrast(look.text, shaded) >= 4.5
        assert contrast(color, shaded) >= 3.0, "the line under a phrase"


def test_evidence_stands_out_on_the_black_of_an_image() -> None:
    for color in (palette.FOR, palette.AGAINST):
        assert contrast(color, BLACK) >= 4.5


def test_the_viewer_draws_evidence_in_the_same_two_colours() -> None:
    script = (SOURCE / "overlay.js").read_text("utf-8")
    for name, color in (("FOR_RGB", palette.FOR), ("AGAINST_RGB", palette.AGAINST)):
        found = re.search(rf"{name} = \[(\d+), (\d+), (\d+)\]", script)
        assert found
        assert "#" + "".join(f"{int(v):02x}" for v in found.groups()) == color


def test_streamlits_own_parts_have_the_colours_of_the_palette() -> None:
    path = theme.STYLE_SHEET.parents[2] / ".streamlit" / "config.toml"
    themes = tomllib.loads(path.read_text("utf-8"))["theme"]
    for look, told in ((palette.DARK, themes["dark"]), (palette.LIGHT, themes["light"])):
        assert told["primaryColor"] == look.accent
        assert told["backgroundColor"] == look.background
        assert told["textColor"] == look.text
        assert told["borderColor"] == look.border_strong
        for surface in (told["backgroundColor"], told["secondaryBackgroundColor"]):
            assert contrast(told["textColor"], surface) >= 4.5
            assert contrast(told["linkColor"], surface) >= 4.5


def test_no_colour_stands_in_the_style_sheets_that_the_palette_does_not_hold() -> None:
    """A fixed one would be right in one theme alone; black and its shades are for images."""
    css = theme.STYLE_SHEET.read_text("utf-8")
    assert re.findall(r"(?<![\w&-])#(?!000\b)[0-9a-f]{3,8}\b", css) == []
    assert re.findall(r"rgba?\((?!0, 0, 0)[^)]*\)", css) == []


def test_a_page_without_a_browser_is_drawn_in_the_dark_theme() -> None:
    assert theme.colors() is palette.DARK
