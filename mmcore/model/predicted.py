"""From one target's calibrated output to what is said of it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mmcore.language import word
from mmcore.model.calibration import Calibration
from mmcore.model.config import TargetConfig
from mmcore.records import TargetPrediction


def predict_targets(
    targets: Sequence[TargetConfig],
    calibrations: Sequence[Calibration],
    *,
    values: npt.NDArray[np.float64],
    raw: npt.NDArray[np.float64],
    coalition: int,
) -> tuple[TargetPrediction, ...]:
    """Return the prediction of every target; values, raw: (K,), see ``predict_target``."""
    return tuple(
        predict_target(target, calibration, value=value, raw=own, coalition=coalition)
        for target, calibration, value, own in zip(
            targets, calibrations, values.tolist(), raw.tolist(), strict=True
        )
    )


def predict_target(
    target: TargetConfig, calibration: Calibration, *, value: float, raw: float, coalition: int
) -> TargetPrediction:
    """Return the prediction of one target.

    value: calibrated; raw: the network's own output. coalition: bit m is set when modality m is the
    patient's own; conformal sets and bands are kept per coalition, so that their coverage holds for
    patients of whom less is known too.
    """
    display = word(target.display)
    if target.kind == "regression":
        low, high = calibration.value_interval(value, coalition=coalition)
        interval = min(max(low, target.low), value), max(min(high, target.high), value)
        return TargetPrediction(
            target.name,
            word(target.display),
            "regression",
            value,
            None,
            interval,
            None,
            target.unit,
        )
    interval = calibration.probability_interval(raw)
    possible = calibration.prediction_set(raw, coalition=coalition)
    return TargetPrediction(
        target.name, display, "finding", value, calibration.probability(raw),
        interval, calibration.operating_point,
        prediction_set=None if possible is None else possible.value,
    )  # fmt: skip
