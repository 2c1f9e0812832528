"""Another method's map on the review page: on request, labelled, with what it costs."""

from typing import Any

import numpy as np
import pytest

from mmcore.errors import MethodNotApplicableError
from mmcore.explain.methods import MethodResult
from mmcore.records import Case, Modality, PartItem, Parts
from tests.app.conftest import Stage, html

EMPTY = np.zeros((56, 56), np.float32)


class Compared:
    """What the engine answers when another method is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def not_applicable(self, case: Case, target: str, modality: Modality) -> dict[str, str]:
        return {"deep_lift": "it has no rule for SiLU", "occlusion": ""}

    def explain_with(
        self, case: Case, target: str, modality: Modality, method: str
    ) -> MethodResult:
        self.asked.append(method)
        if method == "deep_lift":
            raise MethodNotApplicableError(
                method=method, modality=modality.value, reason="it has no rule for SiLU"
            )
        marked = EMPTY.copy()
        marked[3, 4] = 0.75
        parts = Parts(
            Modality.IMAGE, 0.75, 0.125, passed=True, reason="", n_steps=0,
            items=(PartItem("there", (3.0, 4.0), 0.75),), overlay=marked,
            overlay_box=(0.0, 0.0, 64.0, 48.0),
        )  # fmt: skip
        return MethodResult(method, "stored", parts, 0.625, 2.5, 197, 0)


@pytest.fixture
def compared(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Compared:
    answers = Compared()
    monkeypatch.setattr(stage.engine, "not_applicable", answers.not_applicable, raising=False)
    monkeypatch.setattr(stage.engine, "explain_with", answers.explain_with, raising=False)
    return answers


def choose(app: Any, method: str) -> Any:
    (selector,) = (box for box in app.selectbox if box.label == "Method of the map")
    return selector.set_value(method).run()


def test_nothing_but_our_own_method_runs_unasked(stage: Stage, compared: Compared) -> None:
    page = html(stage.open_case("jane", "review"))
    assert compared.asked == []
    assert "method-note" not in page


def test_a_chosen_method_shows_its_map_its_label_and_its_cost(
    stage: Stage, compared: Compared
) -> None:
    app = stage.open_case("jane", "review")
    before = stage.shown["viewer"][1]["overlay"].copy()
    page = html(choose(app, "occlusion"))
    after = stage.shown["viewer"][1]["overlay"]
    assert not np.array_equal(before, after)
    assert after[3, 4] == 0.75
    assert stage.shown["viewer"][0]["overlay"]["method"] == "Occlusion"
    assert compared.asked == ["blended", "occlusion"]
    for words in (
        "For comparison only",
        "Occlusion",
        "was not tested",
        "2.5 s",
        "197 passes",
        "can not go into the report",
    ):
        assert words in page
    assert "it has no rule for SiLU" in page


def test_a_method_that_does_not_apply_leaves_our_map_and_says_why(
    stage: Stage, compared: Compared
) -> None:
    app = stage.open_case("jane", "review")
    before = stage.shown["viewer"][1]["overlay"].copy()
    page = html(choose(app, "deep_lift"))
    assert np.array_equal(before, stage.shown["viewer"][1]["overlay"])
    assert "DeepLIFT does not apply here: it has no rule for SiLU" in page


def test_what_was_said_and_tested_of_our_map_is_not_shown_under_anothers(
    stage: Stage, compared: Compared
) -> None:
    app = stage.open_case("jane", "review")
    ours = ('data-testid="says-image"', 'data-testid="regions"')
    page = html(app)
    assert all(words in page for words in ours)
    assert "not-of-method" not in page
    page = html(choose(app, "occlusion"))
    assert not any(words in page for words in ours)
    assert "of our own map, not of that by Occlusion" in page
    page = html(choose(app, "deep_lift"))
    assert all(words in page for words in ours), "which does not apply: the map is ours"
