"""A report counts what is known, resamples patients, and prints what is not defined as such."""

from dataclasses import replace

import numpy as np
import pytest

from mmcore.evaluate.outputs import Outputs, Overlap
from mmcore.evaluate.report import as_json, as_markdown, figures
from tests.tiny import tiny_engine

PATIENTS, MODALITIES, TARGETS = 40, 5, 7


def outputs() -> Outputs:
    """Return made-up outputs: the first finding is told by every coalition, the others by none."""
    rng = np.random.default_rng(0)
    labels = (rng.random((PATIENTS, TARGETS)) < 0.5).astype(float)
    values = rng.normal(size=(PATIENTS, 2**MODALITIES, TARGETS))
    values[:, :, 0] = (labels[:, :1] - 0.5) * 4.0
    return Outputs(
        values=values,
        labels=labels,
        patients=np.array([f"p{i // 2}" for i in range(PATIENTS)]),
        subgroups={"view": np.array(["PA", "AP"] * (PATIENTS // 2))},
        outlines={
            "effusion": Overlap(np.array([0.5, 1.0]), np.array([0.4, 1.0]), np.array(["a", "b"]))
        },
        skipped=3,
    )


def test_a_finding_that_is_told_perfectly_has_an_area_of_one_with_every_input() -> None:
    report = figures(tiny_engine(), outputs())
    assert len(report.subsets) == 1 + 5 + 5
    for subset in report.subsets.values():
        assert subset["consolidation"]["auroc"].value == 1.0


def test_counts_say_on_how_many_patients_a_figure_rests() -> None:
    known = outputs()
    known.labels[10:, 1] = np.nan
    counts = figures(tiny_engine(), known).counts
    assert counts["cases"] == 40
    assert counts["patients"] == 20
    assert counts["skipped"] == 3
    assert counts["labelled effusion"] == 10
    assert counts["outlined effusion"] == 2


def test_a_target_that_nobody_is_labelled_for_is_left_out_not_invented() -> None:
    known = outputs()
    known.labels[:, 2] = np.nan
    report = figures(tiny_engine(), known)
    assert "pneumothorax" not in report.subsets["all"]
    assert "pneumothorax" not in as_markdown(report)


def test_figures_are_also_given_within_every_subgroup() -> None:
    views = as_json(figures(tiny_engine(), outputs()))["subgroups"]["view"]  # type: ignore[index]
    assert views["consolidation"]["AP"]["n"] == 20
    assert views["consolidation"]["PA"]["auroc"]["value"] == 1.0


def test_outlines_are_averaged_over_images() -> None:
    report = figures(tiny_engine(), outputs())
    assert report.outlines["effusion"]["dice"].value == pytest.approx(0.75)


def test_a_figure_that_is_not_defined_is_printed_as_such_in_every_table() -> None:
    nobody = outputs()
    nobody.labels[:, 3] = 0.0
    text = as_markdown(figures(tiny_engine(), replace(nobody, outlines={})))
    assert "nan" not in text
    assert "| nodule | n/a | n/a |" in text
