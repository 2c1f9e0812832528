"""The comparison of fusions says what was measured, and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest

from mmcore.errors import ConfigError
from mmcore.evaluate.fusions import About, Measured, Row, make_row, scores
from mmcore.evaluate.fusions_page import BEGIN, END, Conditions, missing_svg, write_page
from mmcore.evaluate.metrics import auroc
from mmcore.model.config import TargetConfig

FINDINGS = ("nodule", "edema")
TRUTH = np.random.default_rng(3).random((60, 2)) < 0.4
CONDITIONS = Conditions("one", "0123456789ab", FINDINGS, 1, 30, 2, 60)


def measured(
    *, skill: float = 1.0, extra: TargetConfig | None = None, truth: np.ndarray = TRUTH
) -> Measured:
    """Return a model of film and note: coalition 1 has the film, 2 the note, 3 both."""
    rng = np.random.default_rng(5)
    targets = [TargetConfig(name, name.title()) for name in FINDINGS]
    values = rng.normal(size=(len(truth), 4, 2))
    values[:, 1] += skill * 0.5 * truth
    values[:, 2] += skill * truth
    values[:, 3] += skill * 2.0 * truth
    labels = truth.astype(np.float64)
    if extra is not None:
        targets.append(extra)
        values = np.concatenate([values, values[:, :, :1]], axis=2)
        labels = np.concatenate([labels, labels[:, :1]], axis=1)
    noisy = {"film + noise": values[:, 1]}
    return Measured(tuple(targets), ("image", "note"), values, labels, noisy)


def about(name: str = "one") -> About:
    return About(name, name.title(), "0123456789ab", "concat", 1000, 1.5, 1, 3.0, 1.0)


def row(name: str = "one", *, skill: float = 1.0) -> Row:
    default = scores(measured(), FINDINGS)
    return make_row(about(name), measured(skill=skill), findings=FINDINGS, default=default)


def mean_auroc(coalition: int) -> float:
    said = measured().values[:, coalition]
    return float(np.mean([auroc(TRUTH[:, k].astype(float), said[:, k]) for k in range(2)]))


def test_macro_auroc_is_the_mean_over_findings_with_all_inputs() -> None:
    assert row().auroc.value == pytest.approx(mean_auroc(3))


def test_one_missing_is_the_mean_over_the_subsets_that_lack_one() -> None:
    assert row().missing[1].value == pytest.approx((mean_auroc(1) + mean_auroc(2)) / 2)
    assert row().subsets["note"] == pytest.approx(mean_auroc(2))


def test_a_model_does_not_differ_from_itself() -> None:
    gap = row().difference
    assert gap is not None
    assert (gap.value, gap.low, gap.high) == (0.0, 0.0, 0.0)


def test_a_model_that_knows_nothing_is_worse_by_the_paired_interval() -> None:
    gap = row("other", skill=0.0).difference
    assert gap is not None
    assert gap.high < 0.0


def test_a_target_of_one_input_alone_is_a_task_and_not_compared() -> None:
    extra = TargetConfig("nodule_image", "", label="nodule", inputs=("image",))
    made = make_row(about(), measured(extra=extra), findings=FINDINGS, default=None)
    assert made.auroc == row().auroc
    assert list(made.tasks) == ["image task: macro AUROC"]


def test_a_model_without_a_compared_finding_is_refused() -> None:
    with pytest.raises(ConfigError, match="cardiomegaly"):
        scores(measured(), (*FINDINGS, "cardiomegaly"))


def test_a_row_survives_json_up_to_five_decimals() -> None:
    back = Row.from_mapping(json.loads(json.dumps(row().to_mapping())))
    assert back.about == row().about
    assert back.missing[1].value == pytest.approx(row().missing[1].value, abs=1e-5)
    assert back.difference is not None
    assert (back.difference.low, back.difference.high) == (0.0, 0.0)


def test_renewing_the_page_leaves_what_is_written_around_the_figures(tmp_path: Path) -> None:
    page, folder = tmp_path / "page.md", tmp_path / "page"
    folder.mkdir()
    page.write_text(f"# Title\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\n## Why\n\nAfter.\n", "utf-8")
    write_page(page, folder, [row(), row("two", skill=0.0)], CONDITIONS)
    text = page.read_text("utf-8")
    assert text.startswith("# Title\n\nBefore.\n")
    assert text.endswith("## Why\n\nAfter.\n")
    assert "old" not in text
    assert f"{row().auroc.value:.3f}" in text
    assert "worse than `one`: `two`" in text


def test_the_same_figures_give_the_same_page(tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        (tmp_path / name / "page").mkdir(parents=True)
        write_page(tmp_path / name / "page.md", tmp_path / name / "page", [row()], CONDITIONS)
        pages.append((tmp_path / name / "page.md").read_text("utf-8"))
    assert pages[0] == pages[1]


def test_the_chart_names_every_line_apart_from_the_others() -> None:
    drawn = missing_svg([row("first"), row("second")])
    ends = [
        line for line in drawn.splitlines() if line.endswith((">first</text>", ">second</text>"))
    ]
    heights = [float(line.split('y="')[1].split('"')[0]) for line in ends]
    assert len(heights) == 2
    assert abs(heights[0] - heights[1]) >= 12.0
