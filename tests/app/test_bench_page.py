"""The bench page shows what was measured, beside its controls, and how to measure it again."""

import json
from pathlib import Path
from typing import Any

import pytest

from dashboard import charts, scorecards
from tests.app.conftest import Stage, html


def figure(value: float | None) -> dict[str, Any]:
    around = {"low": None, "high": None} if value is None else {"low": value - 0.1, "high": value}
    return {"value": value, **around, "patients": 9, "cases": 12}


def row(method: str, modality: str = "image", **figures: float | None) -> dict[str, Any]:
    made = {name: figure(value) for name, value in figures.items()}
    return {"method": method, "display": method.title(), "modality": modality, "figures": made}


def card(**more: Any) -> dict[str, Any]:
    return {
        "schema": "consilium.bench/1",
        "pack": {"name": "phantom", "version": "1.0.0", "digest": "d", "is_simulated": True},
        "data": {"kind": "simulated", "seed": 4242, "cases": 9},
        "device": "cpu",
        "patients": 9,
        "explained": 12,
        "rows": [row("ledger", pointing=0.9, mass=0.5), row("control_edges", pointing=0.2)],
        "shares": {
            "modalities": ["image"],
            "figures": {
                n: figure(0.25)
                for n in ("error", "recovered", "error_image", "mean_model_image",
                          "mean_causal_image", "correlation_image")
            },
        },
        "release": {
            "randomised": [row("head", signed=-0.25, absolute=None)],
            "pairs": 1,
            "null": {"largest": 0.0, "checked": 7},
        },
        "seconds": 90.0,
        "command": "python -m mmcore bench --pack phantom --cases 9",
        **more,
    }  # fmt: skip


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(scorecards, "FOLDER", tmp_path)
    return tmp_path


def write(folder: Path, made: dict[str, Any]) -> None:
    (folder / "phantom.json").write_text(json.dumps(made), "utf-8")


def test_without_a_scorecard_the_page_says_how_to_make_one(stage: Stage, folder: Path) -> None:
    page = html(stage.open_page("bench"))
    assert "No scorecard yet" in page
    assert "python -m mmcore bench" in page


def test_a_file_of_another_schema_is_no_scorecard(stage: Stage, folder: Path) -> None:
    write(folder, card(schema="consilium.bench/2"))
    assert "No scorecard yet" in html(stage.open_page("bench"))


def test_figures_stand_beside_their_controls_with_their_meaning(stage: Stage, folder: Path) -> None:
    write(folder, card())
    app = stage.open_page("bench")
    page = html(app)
    assert "12 targets that were there and called, in 9 simulated patients of seed 4242" in page
    assert "0.9 (0.8 to 0.9)" in page
    assert ">Control_Edges</th>" in page
    captions = " ".join(c.value for c in app.caption)
    assert "It does not say that the rest of the map is right." in captions
    assert "25 % (15 to 25)" in captions
    assert "\u22120.25 (\u22120.35 to \u22120.25)" in page
    assert [c.value for c in app.code] == ["python -m mmcore bench --pack phantom --cases 9"]
    assert not app.warning


def test_a_scorecard_of_another_version_says_so(stage: Stage, folder: Path) -> None:
    made = card()
    made["pack"]["version"] = "0.9.0"
    write(folder, made)
    app = stage.open_page("bench")
    html(app)
    assert "0.9.0" in app.warning[0].value


def test_real_radiographs_have_no_causal_model_to_compare_with(stage: Stage, folder: Path) -> None:
    data = {"kind": "open radiographs", "images": 3, "is_all": False}
    write(folder, card(data=data, shares=None))
    page = html(stage.open_page("bench"))
    assert "3 radiographs of 9 patients" in page
    assert "Shares against the causal model" not in page


def test_every_installed_scorecard_can_be_drawn(stage: Stage) -> None:
    app = stage.open_page("bench")
    html(app)
    assert app.code or "No scorecard yet" in html(app)


def test_kinds_of_dots_differ_in_shape_and_the_axis_holds_every_interval() -> None:
    kinds = ("own", "other", "control")
    drawn = charts.dots([charts.Dot(k, 0.5, -0.5, 1.5, k) for k in kinds])
    assert len({trace.marker.symbol for trace in drawn.data}) == 3
    low, high = drawn.layout.xaxis.range
    assert low < -0.5
    assert high > 1.5
