"""Charts are well-formed, the same every time, say in words what they show, and hide no number."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import numpy as np
import pytest

from mmcore.evaluate import plots
from mmcore.evaluate.curves import agreement, precision_recall_curve, reliability, roc_curve
from mmcore.evaluate.resample import Figure
from mmcore.evaluate.svg import WIDTH, Axis, Chart, round_ticks

SVG = "{http://www.w3.org/2000/svg}"
RNG = np.random.default_rng(0)
SCORES = RNG.random(120)
LABELS = (RNG.random(120) < SCORES).astype(float)
NOWHERE = Figure(float("nan"), float("nan"), float("nan"))
SUBSETS = {"all": Figure(0.9, 0.8, 0.95), "image": Figure(0.7, 0.6, 0.8), "note": NOWHERE}

CHARTS: dict[str, Callable[[], str]] = {
    "reliability": lambda: plots.reliability_svg(reliability(LABELS, SCORES), title="Nodule <1 cm"),
    "roc": lambda: plots.roc_svg(roc_curve(LABELS, SCORES), title="ROC"),
    "precision-recall": lambda: plots.precision_recall_svg(
        precision_recall_curve(LABELS, SCORES), title="PR"
    ),
    "missing inputs": lambda: plots.missing_inputs_svg(
        SUBSETS, {"all": 2, "image": 1, "note": 1}, title="Missing", label="AUROC"
    ),
    "rows": lambda: plots.figure_rows_svg(SUBSETS, title="Subgroups", label="AUROC"),
    "agreement": lambda: plots.agreement_svg(agreement(LABELS, SCORES), title="BA", unit="points"),
    "scatter": lambda: plots.scatter_svg(LABELS, SCORES, title="Scatter"),
}


def drawn(svg: str, kind: str) -> list[ElementTree.Element]:
    return [e for e in ElementTree.fromstring(svg).iter() if e.get("class") == kind]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_names_and_describes_itself(name: str) -> None:
    root = ElementTree.fromstring(CHARTS[name]())
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.findtext(f"{SVG}title")
    assert len(root.findtext(f"{SVG}desc") or "") > 40


@pytest.mark.parametrize("name", CHARTS)
def test_the_same_numbers_give_the_same_bytes_and_fetch_nothing(name: str) -> None:
    svg = CHARTS[name]()
    assert svg == CHARTS[name]()
    assert "nan" not in svg
    assert "inf" not in svg
    assert svg.count("http") == 1  # the namespace alone
    assert "prefers-color-scheme:dark" in svg


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_is_drawn_outside_the_chart(name: str) -> None:
    root = ElementTree.fromstring(CHARTS[name]())
    for element in root.iter():
        for pair in (element.get("points") or "").split():
            column, row = (float(x) for x in pair.split(","))
            assert 0 <= column <= WIDTH
            assert 0 <= row <= float(root.get("height") or 0)


def test_a_point_is_where_its_numbers_say() -> None:
    chart = Chart("t", "d", x=Axis("x", 0, 1), y=Axis("y", 0, 2))
    for x, y in ((0.0, 0.0), (1.0, 2.0), (0.5, 1.0)):
        chart.dot(x, y)
    places = [
        (float(e.get("cx") or 0), float(e.get("cy") or 0)) for e in drawn(chart.render(), "dot")
    ]
    (left, bottom), (right, top), middle = places
    assert middle == pytest.approx(((left + right) / 2, (bottom + top) / 2))
    assert top < bottom


def test_every_bin_is_a_point_and_no_other() -> None:
    svg = CHARTS["reliability"]()
    assert len(drawn(svg, "dot")) == len(reliability(LABELS, SCORES))


def test_a_figure_that_is_not_defined_is_said_not_drawn() -> None:
    svg = CHARTS["rows"]()
    assert len(drawn(svg, "dot")) == 2
    assert "note: not defined" in svg


def test_a_curve_that_is_not_defined_anywhere_leaves_an_empty_frame() -> None:
    svg = plots.roc_svg(roc_curve(np.zeros(5), np.arange(5) / 5), title="Nobody has it")
    assert not drawn(svg, "line")
    assert "not defined" in svg


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (-2.4, 2.7, (-2.0, 0.0, 2.0)),
        (0.6, 1.0, (0.6, 0.7, 0.8, 0.9, 1.0)),
        (0.0, 1200.0, (0.0, 500.0, 1000.0)),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert round_ticks(low, high) == pytest.approx(ticks)


def test_an_axis_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="an axis from"):
        Axis("x", 1.0, float("nan"))
