"""Who can not see colours, use a pointer or bear motion reads the same pages (WCAG 2.2 AA)."""

import json
import re
from importlib import resources
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.clinician import Clinician

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = {
    "Cases": "files-table",
    "Review": "ledger-sentence",
    "Report": "report-preview",
    "Models": "model-head",
    "Bench": "theme",
}
MOST_TABS = 220
PATIENCE_MS = 240_000  # the report explains every finding of a case that is new to it
_FOCUS = """() => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  if (!one || one === document.body) return null;
  const drawn = (e) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(e);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 1;
  };
  const box = one.getBoundingClientRect();
  let shown = false;
  for (let e = one, up = 0; e && up < 6; e = e.parentElement ?? e.getRootNode().host, up += 1) {
    const around = e.getBoundingClientRect();  // an outline far around it shows something else
    if (around.height <= box.height + 60 && drawn(e)) shown = true;
  }
  window.__seen ??= new Map();
  if (!window.__seen.has(one)) window.__seen.set(one, window.__seen.size);
  return {
    number: window.__seen.get(one), shown,
    what: `${one.tagName} ${one.getAttribute("data-testid") ?? ""} ${one.className}`.slice(0, 90),
  };
}"""


def barriers(person: Clinician) -> list[str]:
    """Return what axe-core finds on the page once it is whole, each with its first places."""
    person.settle()
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    person.page.evaluate(axe)
    found: dict[str, Any] = person.page.evaluate(
        "tags => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })", TAGS
    )
    assert found["passes"], "axe-core looked at nothing"
    return [
        f"{v['id']}: {v['help']} at {json.dumps([n['target'] for n in v['nodes'][:3]])}"
        for v in found["violations"]
    ]


def scheme(person: Clinician) -> str:
    return str(
        person.page.evaluate(
            "getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme"
        )
    )


def light_up(person: Clinician, theme: str) -> None:
    """Choose a theme, unless it is the one on the screen."""
    expect(person.see(f"theme-{theme}")).to_have_attribute("aria-checked", re.compile("true|false"))
    if scheme(person) != theme:
        person.see(f"theme-{theme}").click()
        person.page.wait_for_function(
            "wanted => getComputedStyle(document.querySelector('[data-testid=stApp]'))"
            ".colorScheme === wanted",
            arg=theme,
        )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", list(PAGES))
def test_no_page_has_a_barrier_that_axe_can_find(
    reviewed: Clinician, name: str, theme: str
) -> None:
    reviewed.go_to(name)
    expect(reviewed.see(PAGES[name])).to_be_visible(timeout=PATIENCE_MS)
    light_up(reviewed, theme)
    if name != "Review":
        assert barriers(reviewed) == []
        return
    reviewed.wait_for_image()
    reviewed.settle()
    for tab in reviewed.page.get_by_role("tab").all():
        tab.click()
        assert barriers(reviewed) == [], tab.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_way_out_of_the_hospital_has_no_barrier_that_axe_can_find(
    reviewed: Clinician, theme: str
) -> None:
    reviewed.go_to("Cases")
    reviewed.go_to("De-identify this case")
    expect(reviewed.see("deid-key")).to_be_visible()
    light_up(reviewed, theme)
    assert barriers(reviewed) == []
    if reviewed.see("deid-preview").count() == 0:
        reviewed.press("See what would change")
    expect(reviewed.see("deid-preview")).to_be_visible()
    expect(reviewed.see("deid-note").first).to_be_visible()
    assert barriers(reviewed) == []


def test_the_choice_of_theme_survives_a_reload_and_keeps_the_case(reviewed: Clinician) -> None:
    reviewed.go_to("Review")
    reviewed.wait_for_explanation()
    for theme in ("light", "dark"):
        reviewed.see(f"theme-{theme}").click()
        expect(reviewed.see(f"theme-{theme}")).to_have_attribute("aria-checked", "true")
        expect(reviewed.see("ledger-sentence")).to_be_visible()
        expect(reviewed.switcher).to_be_visible()
    keys = reviewed.page.evaluate("Object.entries(localStorage)")
    kept = {key: value for key, value in keys if "heme" in key}
    assert kept["consilium-theme"] == "dark"
    assert all(json.loads(v) == "Dark" for k, v in kept.items() if k.startswith("stActiveTheme-"))
    assert len(kept) > len(PAGES), "one for each page's address, for a reload anywhere"


def test_a_change_of_theme_closes_no_menu_that_is_open(reviewed: Clinician) -> None:
    reviewed.go_to("Models")
    light_up(reviewed, "dark")
    menu = reviewed.page.locator(".st-key-account").get_by_role("button")
    menu.click()
    expect(reviewed.see("account")).to_be_visible()
    for theme, key in (("dark", "ArrowRight"), ("light", "ArrowLeft")):
        reviewed.see(f"theme-{theme}").evaluate("button => button.focus()")
        reviewed.page.keyboard.press(key)
        reviewed.page.wait_for_function(
            "left => getComputedStyle(document.querySelector('[data-testid=stApp]'))"
            ".colorScheme !== left",
            arg=theme,
        )
        expect(reviewed.see("account")).to_be_visible()
    menu.click()
    expect(reviewed.see("account")).to_have_count(0)


def test_everything_the_keyboard_reaches_shows_that_it_has_the_focus(reviewed: Clinician) -> None:
    reviewed.go_to("Review")
    reviewed.wait_for_explanation()
    reviewed.wait_for_image()
    reviewed.settle()
    reviewed.page.evaluate("document.activeElement?.blur(); window.__seen = new Map()")
    unseen, numbers = [], []
    for _ in range(MOST_TABS):
        reviewed.page.keyboard.press("Tab")
        told = reviewed.page.evaluate(_FOCUS)
        if told is None or (numbers and told["number"] == numbers[0]):
            break
        numbers.append(told["number"])
        if not told["shown"]:
            unseen.append(told["what"])
    else:
        pytest.fail(f"the end of the page is not reached with {MOST_TABS} tabs")
    assert unseen == []
    assert len(set(numbers)) == len(numbers), "the focus went round in a part of the page"
    assert len(numbers) > 30


def test_a_link_skips_the_header_and_the_image(reviewed: Clinician) -> None:
    reviewed.go_to("Review")
    reviewed.wait_for_explanation()
    reviewed.settle()
    link = reviewed.page.get_by_role("link", name="Skip to the findings")
    link.focus()
    box = link.bounding_box()
    assert box is not None
    assert box["y"] >= 0, "seen once it has the focus"
    reviewed.page.keyboard.press("Enter")
    expect(reviewed.page.locator("#co-findings")).to_be_focused()
    expect(reviewed.see("ledger-sentence")).to_be_visible()


def test_phrases_are_gone_to_by_button_and_by_key(reviewed: Clinician) -> None:
    reviewed.go_to("Review")
    reviewed.wait_for_explanation()
    reviewed.page.get_by_role("tab", name="Note").click()
    for row in reviewed.findings():  # until the note says more than one thing of one
        reviewed.choose(row)
        reviewed.settle()
        if reviewed.see("note-text").count() and _count(reviewed) >= 2:
            break
    expect(reviewed.see("phrase-after")).to_be_enabled()
    with reviewed.without_the_server():
        reviewed.see("phrase-after").click()
        for rank in (0, 1, 0):
            phrase = reviewed.see("note-text").locator(f"[data-rank='{rank}']")
            expect(phrase).to_be_focused()
            tip = str(phrase.get_attribute("data-tip"))
            expect(reviewed.see("phrase-place")).to_have_text(
                f"{rank + 1} of {_count(reviewed)}: {tip}"
            )
            reviewed.page.keyboard.press("n" if rank == 0 else "p")


def _count(person: Clinician) -> int:
    return person.see("note-text").locator("[data-rank]").count()
