"""Overlap of masks by hand."""

import numpy as np
import pytest

from mmcore.evaluate.segmentation import dice, iou, mean_figure, segmentation_figures

TRUTH = np.array([[1, 1, 0], [0, 0, 0]], dtype=bool)
DRAWN = np.array([[0, 1, 1], [0, 0, 1]], dtype=bool)
EMPTY = np.zeros((2, 3), dtype=bool)


def test_overlap_by_hand() -> None:
    assert dice(TRUTH, DRAWN) == pytest.approx(2 / 5)
    assert iou(TRUTH, DRAWN) == pytest.approx(1 / 4)


def test_nothing_drawn_where_nothing_is_does_not_raise_the_mean() -> None:
    figures = segmentation_figures([TRUTH, EMPTY], [TRUTH, EMPTY])
    assert figures["dice"].value == 1.0
    mixed = segmentation_figures([TRUTH, EMPTY, TRUTH], [TRUTH, EMPTY, EMPTY])
    assert mixed["iou"].value == 0.5


def test_masks_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="can not be compared"):
        dice(TRUTH, DRAWN.T)


def test_images_of_one_patient_are_drawn_together() -> None:
    values = np.array([0.0, 1.0])
    figure = mean_figure(values, groups=np.array(["a", "a"]))
    assert (figure.value, figure.low, figure.high) == (0.5, 0.5, 0.5)
