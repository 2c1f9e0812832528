"""Operating points by hand: which threshold each rule picks and what it achieves there."""

import numpy as np
import pytest

from mmcore.evaluate.curves import wilson
from mmcore.train.operating import choose_thresholds, cut_thresholds, operating_points

PROBABILITIES = np.arange(20, 0, -1) / 40.0  # 0.5, 0.475, ... 0.025
LABELS = np.array([1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0.0])


def test_thresholds_lie_between_what_is_called_and_what_is_not() -> None:
    assert cut_thresholds(np.array([0.2, 0.6, 0.2])).tolist() == pytest.approx([0.8, 0.4, 0.2])


def test_each_rule_by_hand() -> None:
    # Ten have it. Calling the first 8 finds 7 with one false alarm among ten: the best sum, and the
    # last cut with a specificity of 90 %. Nine of ten are found with the 13th call.
    points = choose_thresholds(PROBABILITIES, LABELS)
    assert points["youden"] == pytest.approx((PROBABILITIES[7] + PROBABILITIES[8]) / 2)
    assert points["specific_90"] == points["youden"]
    assert points["sensitive_90"] == pytest.approx((PROBABILITIES[12] + PROBABILITIES[13]) / 2)
    assert points["sensitive_95"] == pytest.approx((PROBABILITIES[18] + PROBABILITIES[19]) / 2)
    assert points["specific_95"] == pytest.approx((PROBABILITIES[3] + PROBABILITIES[4]) / 2)


def test_what_a_point_achieves_is_counted_with_an_interval() -> None:
    point = operating_points(PROBABILITIES, LABELS)["youden"]
    assert point.sensitivity is not None
    assert point.specificity is not None
    assert (point.sensitivity.value, point.specificity.value) == (0.7, 0.9)
    assert (point.sensitivity.low, point.sensitivity.high) == wilson(7, 10)
    assert point.threshold_interval is not None
    low, high = point.threshold_interval
    assert low <= point.threshold <= high


def test_promised_levels_are_kept_on_the_patients_they_were_chosen_on() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels = (rng.random(200) < 0.2).astype(float)
        probabilities = np.round(np.clip(0.2 * labels + 0.8 * rng.random(200), 0, 1), 2)
        points = operating_points(probabilities, labels)
        for name, level in (("90", 0.9), ("95", 0.95)):
            sensitive, specific = points[f"sensitive_{name}"], points[f"specific_{name}"]
            assert sensitive.sensitivity is not None
            assert specific.specificity is not None
            assert sensitive.sensitivity.value >= level
            assert specific.specificity.value >= level
        assert points["sensitive_95"].threshold <= points["sensitive_90"].threshold
        assert points["specific_90"].threshold <= points["specific_95"].threshold


def test_a_model_that_can_not_be_specific_calls_nobody_rather_than_all() -> None:
    probabilities = np.full(10, 0.6)
    point = operating_points(probabilities, (np.arange(10) < 5).astype(float))["specific_90"]
    assert point.threshold == pytest.approx(0.8)
    assert point.sensitivity is not None
    assert point.sensitivity.value == 0.0


def test_one_class_alone_has_no_operating_point() -> None:
    with pytest.raises(ValueError, match="with and rows without"):
        operating_points(PROBABILITIES, np.zeros(20))
