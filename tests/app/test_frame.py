"""What stands on every page."""

from pathlib import Path

import pytest

from dashboard import services
from dashboard.services import PackFacts
from tests.app.conftest import PAGE_FILES, Stage, html


@pytest.mark.parametrize("stem", PAGE_FILES)
def test_every_page_opens_under_the_research_banner(stage: Stage, stem: str) -> None:
    assert "Research use only. Not a medical device." in html(stage.open_page(stem))


@pytest.mark.parametrize("stem", PAGE_FILES)
def test_every_page_says_that_the_model_saw_only_simulated_patients(
    stage: Stage, stem: str
) -> None:
    assert "“Phantom” was trained on simulated patients" in html(stage.open_page(stem))


@pytest.mark.parametrize("stem", PAGE_FILES)
def test_every_page_names_a_model_of_real_patients(
    stage: Stage, stem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = PackFacts("thorax", "Thorax (films)", "1.3.0", False, Path("nowhere"))
    monkeypatch.setattr(services, "packs", lambda: (pack,))
    assert "The model in use: Thorax (films)." in html(stage.open_page(stem))


@pytest.mark.parametrize("stem", ["review", "report"])
def test_without_a_case_a_page_asks_for_one(stage: Stage, stem: str) -> None:
    page = html(stage.open_page(stem))
    assert "Open a case first" in page


def test_without_a_pack_cases_can_be_seen_but_are_not_scored(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "packs", lambda: ())
    page = html(stage.open_case("jane", "review"))
    assert "No model is installed" in page
    assert "pixels" in stage.shown
    assert 'data-testid="finding-' not in page


def test_the_model_warms_up_even_when_the_page_stops_early(stage: Stage) -> None:
    app = stage.open_page("review")
    assert not app.exception
    assert services._SHELF.engines["phantom"].result is stage.engine
