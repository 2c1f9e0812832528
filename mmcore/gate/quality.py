"""Whether an image is what a model of chest radiographs can read, by its pixels.

A header says PA chest while the film lies on its side, is a negative, or shows a hand. What gives
it away is measured on the square that the model reads and on the outline of the lungs; a softmax
over "good" and the faults it was taught (``mmcore.datasets.faults``) names the most likely one.
Few, plain measures and a linear model: what it learned can be read off its weights, and it needs no
second network.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, laplace
from scipy.special import softmax

from mmcore.language import Text, say

FloatArray = npt.NDArray[np.float32]
SIDE = 28  # rows and columns of the mean film that an image is compared with
GOOD = "good"
NEAR_END = 0.005  # of the range of grey values: counted as black or white
LUNG = 0.5  # probability
MEASURES = 42  # of ``measure``
FARTHEST = 8.0  # spreads among good films
TONES = (1, 5, 25, 50, 75, 95, 99)  # percentiles


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """What tells a good film from one with a fault.

    template: (28, 28) the mean film, standardised. sides: (D, 7, 7) weights of how what the model
    sees differs from what it sees in the mirror; their sum is positive for a film that is not
    mirrored. center, scale: (F,) of the measures among good films. weights: (C, F) and bias: (C,)
    of ``classes``, the first of which is "good". threshold: the probability of "good" below which
    a film is called faulty.
    """

    template: FloatArray
    sides: FloatArray
    center: FloatArray
    scale: FloatArray
    weights: FloatArray
    bias: FloatArray
    classes: tuple[str, ...]
    threshold: float

    @property
    def is_sound(self) -> bool:
        """Whether shapes fit together and every number is finite."""
        width = 2 * len(self.center)
        arrays = (self.template, self.sides, self.center, self.scale, self.weights, self.bias)
        return (
            all(bool(np.isfinite(array).all()) for array in arrays)
            and self.template.shape == (SIDE, SIDE)
            and self.sides.ndim == 3
            and self.scale.shape == self.center.shape == (MEASURES,)
            and bool((self.scale > 0).all())
            and self.weights.shape == (len(self.classes), width)
            and self.bias.shape == (len(self.classes),)
            and self.classes[:1] == (GOOD,)
            and {*self.classes[1:]} <= {*FORBIDDING, *DOUBTFUL}
            and 0.0 < self.threshold < 1.0
        )

    def judge(
        self,
        square: FloatArray,
        tones: FloatArray,
        lungs: FloatArray | None,
        asymmetry: FloatArray,
    ) -> tuple[str, float]:
        """Return the most likely fault, or "good", and the probability that the film is good.

        The arguments are those of ``measure``.
        """
        side = float((asymmetry * self.sides).sum())
        measured = measure(square, tones, lungs, side, self.template)
        chances = self.chances(measured[None])[0]
        if chances[0] >= self.threshold:
            return GOOD, float(chances[0])
        return self.classes[1 + int(chances[1:].argmax())], float(chances[0])

    def chances(self, measures: FloatArray) -> FloatArray:
        """Return (N, C) probabilities for (N, F) measures."""
        z = standard_measures(measures, self.center, self.scale) @ self.weights.T + self.bias
        result: FloatArray = softmax(z.astype(np.float64), axis=1).astype(np.float32)
        return result


def standard_measures(measures: FloatArray, center: FloatArray, scale: FloatArray) -> FloatArray:
    """Return (N, 2F) measures in units of their spread among good films, and their sizes.

    Cut at ``FARTHEST``, beyond which a measure says no more; the sizes let a linear model call both
    ends of a measure a fault.
    """
    z = np.clip((measures - center) / scale, -FARTHEST, FARTHEST)
    result: FloatArray = np.concatenate([z, np.abs(z)], axis=1).astype(np.float32)
    return result


def tones_of(frame: npt.NDArray[np.generic]) -> FloatArray:
    """Return (10,) how the grey values of a stored frame (rows, columns) are spread, in its range.

    Shares at the dark and at the light end, percentiles, and the share of padding-like flat rows or
    columns. Neither bit depth nor window matters.
    """
    values = frame.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    unit = (values - low) / max(high - low, 1e-6)
    flat_rows = (np.ptp(unit, axis=1) < NEAR_END).mean()
    flat_columns = (np.ptp(unit, axis=0) < NEAR_END).mean()
    return np.array(
        [
            (unit <= NEAR_END).mean(),
            (unit >= 1.0 - NEAR_END).mean(),
            *np.percentile(unit, TONES),
            flat_rows + flat_columns,
        ],
        np.float32,
    )


def measure(
    square: FloatArray,
    tones: FloatArray,
    lungs: FloatArray | None,
    side: float,
    template: FloatArray,
) -> FloatArray:
    """Return (F,) measures of one image; ``template`` is that of ``Quality``.

    square: (H, W) what the model reads, in any unit. tones: of ``tones_of``. lungs: (h, w)
    probability of lung over the square, or None for a model that outlines none. side: how sure the
    model is that left is left, from its asymmetry.
    """
    likeness = _likeness(shrink(square), template)
    return np.concatenate([tones, likeness, [side], _sharpness(square), _outline(lungs)]).astype(
        np.float32
    )


def shrink(square: FloatArray) -> FloatArray:
    """Return the (28, 28) means of an (H, W) square, standardised."""
    side = square.shape[0] // SIDE
    kept = square[: side * SIDE, : side * SIDE]
    small = kept.reshape(SIDE, side, SIDE, side).mean((1, 3))
    return standardised(small)


def standardised(values: npt.NDArray[np.floating]) -> FloatArray:
    """Return values of mean 0 and spread 1; all 0 where they do not differ."""
    spread = float(values.std())
    result: FloatArray = ((values - values.mean()) / (spread or 1.0)).astype(np.float32)
    return result


def _likeness(small: FloatArray, template: FloatArray) -> FloatArray:
    """Return (14,) correlations with the mean film: in its eight positions, and of each half.

    Between them: how much better it fits than in any other position.
    """
    turned = [np.rot90(t, k) for t in (template, template[:, ::-1]) for k in range(4)]
    likeness = [float((small * t).mean()) for t in turned]
    halves = [
        float((standardised(small[part]) * standardised(template[part])).mean()) for part in _PARTS
    ]
    others = max(likeness[1:4] + likeness[5:])
    return np.array([*likeness, likeness[0] - others, *halves], np.float32)


_HALF = SIDE // 2
_PARTS = (
    np.s_[:_HALF, :], np.s_[_HALF:, :], np.s_[:, :_HALF], np.s_[:, _HALF:],
    np.s_[_HALF // 2 : -_HALF // 2, _HALF // 2 : -_HALF // 2],
)  # fmt: skip


def _sharpness(square: FloatArray) -> FloatArray:
    """Return (6,) logarithms of how much detail there is, fine to coarse, along each axis."""
    image = standardised(square)
    rows, columns = np.diff(image, axis=0), np.diff(image, axis=1)
    fine = np.abs(laplace(image))
    coarse = gaussian_filter(image, 2.0)
    middle = image[56:-56, 56:-56] if min(image.shape) > 120 else image
    return np.log(
        1e-4
        + np.array(
            [
                np.abs(rows).mean(),
                np.abs(columns).mean(),
                np.median(fine),
                np.percentile(fine, 95),
                np.abs(image - coarse).mean(),
                np.median(np.abs(laplace(middle))),
            ]
        )
    ).astype(np.float32)


def _outline(lungs: FloatArray | None) -> FloatArray:
    """Return (11,) what the outline of the lungs says; zeros without one.

    Area in each half, how sure the outline is, how much of it lies at each border, its centre and
    its extent.
    """
    if lungs is None:
        return np.zeros(11, np.float32)
    lung = lungs >= LUNG
    rows, columns = lung.shape
    area = float(lung.mean())
    sure = float(np.abs(2 * lungs - 1).mean())
    left, right = float(lung[:, : columns // 2].mean()), float(lung[:, columns // 2 :].mean())
    edges = [float(e.mean()) for e in (lung[0], lung[-1], lung[:, 0], lung[:, -1])]
    if not lung.any():
        return np.array([0.0, 0.0, 0.0, sure, *edges, 0.5, 0.5, 0.0], np.float32)
    y, x = lung.nonzero()
    extent = (np.ptp(y) + 1) * (np.ptp(x) + 1) / (rows * columns)
    return np.array(
        [area, left, right, sure, *edges, y.mean() / rows, x.mean() / columns, extent], np.float32
    )


FORBIDDING: Mapping[str, Text] = {
    "inverted": say("it looks like a negative, with light and dark exchanged"),
    "turned": say("it looks turned by a quarter"),
    "upside-down": say("it looks upside down"),
    "cropped": say("a part of the chest looks cut off"),
    "small": say("the chest fills only a small part of it"),
    "screenshot": say("it looks like a picture of a screen and not like the film itself"),
    "no-chest": say("it does not look like a frontal film of a chest"),
}
"""Faults with which an image is not read, in words."""
DOUBTFUL: Mapping[str, Text] = {
    "mirrored": say("left and right look exchanged: a mirrored film, or a heart on the right"),
    "overexposed": say("the image looks overexposed, with detail lost in black"),
    "underexposed": say("the image looks underexposed, with detail lost in white"),
    "noisy": say("the image looks noisier than the films the model knows"),
    "blurred": say("the image looks blurred"),
}
"""Faults with which an image is read with caution, in words."""


def from_arrays(arrays: Mapping[str, npt.NDArray[np.generic]]) -> Quality | None:
    """Return what ``to_arrays`` wrote; None where it is not there."""
    if "quality_weights" not in arrays:
        return None
    found = {
        name: arrays[f"quality_{name}"].astype(np.float32)
        for name in ("template", "sides", "center", "scale", "weights", "bias")
    }
    classes = tuple(str(x) for x in arrays["quality_classes"])
    return Quality(**found, classes=classes, threshold=float(arrays["quality_threshold"]))


def to_arrays(quality: Quality) -> dict[str, npt.NDArray[np.generic]]:
    """Return the arrays that a pack stores."""
    return {
        "quality_template": quality.template,
        "quality_sides": quality.sides,
        "quality_center": quality.center,
        "quality_scale": quality.scale,
        "quality_weights": quality.weights,
        "quality_bias": quality.bias,
        "quality_classes": np.array(quality.classes),
        "quality_threshold": np.array(quality.threshold),
    }
