"""Averages over findings and classes, against scikit-learn and by law."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from mmcore.evaluate.aggregate import multiclass_figures, multilabel_figures
from mmcore.evaluate.metrics import finding_figures

RNG = np.random.default_rng(2)
LABELS = (RNG.random((200, 3)) < [0.5, 0.3, 0.1]).astype(float)
SCORES = np.clip(0.3 * LABELS + 0.7 * RNG.random((200, 3)), 0, 1)
POINTS = {"effusion": 0.5, "nodule": 0.4, "oedema": 0.6}


def test_macro_and_micro_are_scikit_learns() -> None:
    result = multilabel_figures(LABELS, SCORES, operating_points=POINTS, names=("auroc", "f1"))
    called = list(POINTS.values()) <= SCORES
    for average, figures in (("macro", result.macro), ("micro", result.micro)):
        assert figures["auroc"].value == pytest.approx(
            oracle.roc_auc_score(LABELS, SCORES, average=average)
        )
        assert figures["f1"].value == pytest.approx(
            oracle.f1_score(LABELS, called, average=average)
        )


def test_a_finding_has_the_same_figures_alone_and_among_others() -> None:
    together = multilabel_figures(LABELS, SCORES, operating_points=POINTS)
    alone = finding_figures(LABELS[:, 1], SCORES[:, 1], operating_point=0.4)
    assert together.per_finding["nodule"] == alone


def test_the_macro_average_is_over_findings_that_are_defined() -> None:
    labels = LABELS.copy()
    labels[:, 2] = np.nan
    result = multilabel_figures(labels, SCORES, operating_points=POINTS, names=("auroc",))
    both = [result.per_finding[f]["auroc"].value for f in ("effusion", "nodule")]
    assert result.averaged["auroc"] == 2
    assert result.macro["auroc"].value == pytest.approx(np.mean(both))
    assert np.isnan(result.per_finding["oedema"]["auroc"].value)


def test_averaging_alike_findings_of_one_patient_does_not_narrow_the_interval() -> None:
    labels, scores = LABELS[:, [0, 0]], SCORES[:, [0, 0]]
    result = multilabel_figures(labels, scores, operating_points={"a": 0.5, "b": 0.5})
    assert result.macro["auroc"] == result.per_finding["a"]["auroc"]


CLASSES = ("normal", "bacterial", "viral")
TRUTH = RNG.integers(0, 3, 240)
LOGITS = RNG.normal(size=(240, 3)) + np.eye(3)[TRUTH]
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)


def test_multi_class_figures_are_scikit_learns() -> None:
    result = multiclass_figures(TRUTH.astype(float), PROBABILITIES, classes=CLASSES)
    called = PROBABILITIES.argmax(1)
    assert result.confusion.tolist() == oracle.confusion_matrix(TRUTH, called).tolist()
    expected = {
        "accuracy": oracle.accuracy_score(TRUTH, called),
        "balanced_accuracy": oracle.balanced_accuracy_score(TRUTH, called),
        "macro_f1": oracle.f1_score(TRUTH, called, average="macro"),
        "weighted_f1": oracle.f1_score(TRUTH, called, average="weighted"),
        "macro_auroc": oracle.roc_auc_score(TRUTH, PROBABILITIES, multi_class="ovr"),
    }
    assert {n: f.value for n, f in result.figures.items()} == pytest.approx(expected)
    assert result.per_class["viral"]["f1"].value == pytest.approx(
        oracle.f1_score(TRUTH, called, average=None)[2]
    )
    assert all(f.low <= f.value <= f.high for f in result.figures.values())


def test_an_unknown_class_is_dropped_and_an_impossible_one_refused() -> None:
    labels = np.append(TRUTH, np.nan).astype(float)
    given = np.vstack([PROBABILITIES, [[1.0, 0.0, 0.0]]])
    assert multiclass_figures(labels, given, classes=CLASSES).confusion.sum() == 240
    labels[-1] = 3
    with pytest.raises(ValueError, match="not one of the 3 classes"):
        multiclass_figures(labels, given, classes=CLASSES)
