"""Whether the model shares a decision among its inputs as the causal model does.

The simulator gives the log-odds that an ideal reader takes from each source (``causal``), which
are the Shapley values of the sources in an additive game. The model's are in its ledger. Compared
are shares: |signed| over the sum of |signed| of all inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmcore.engine import Engine
from mmcore.evaluate.resample import FloatArray, Resampled, ratio, resample
from mmcore.explain.shapley import shapley_values
from mmcore.records import Modality
from mmcore.simulate import FINDINGS, PhantomPatient
from mmcore.simulate.evidence import KNOWN, log_likelihood_ratio

CLOSE = 0.1  # by which a share may differ and still be called recovered


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Signed contributions of one finding of one patient, in logits, in the order of modalities.

    model: Shapley values of the network. causal: log-likelihood ratios of the causal model.
    """

    patient: str
    finding: str
    modalities: tuple[Modality, ...]
    model: FloatArray
    causal: FloatArray


def shares_of(
    engine: Engine, phantom: PhantomPatient, values: npt.NDArray[np.float64], *, patient: str
) -> list[Shares]:
    """Return what model and causal model say of every finding of a simulated patient.

    values: (2^M, K) coalition values of the engine. Empty for a pack with an input that the causal
    model has no term for.
    """
    modalities = engine.modalities
    if any(m not in KNOWN for m in modalities):
        return []
    signed = shapley_values(values)
    targets = [t.name for t in engine.pack.config.targets]
    observations = engine.pack.config.observations
    reads_course = observations is not None and observations.history > 1
    return [
        Shares(
            patient,
            str(finding),
            modalities,
            signed[:, targets.index(finding)],
            np.array(
                [
                    log_likelihood_ratio(phantom, finding, m, reads_course=reads_course)
                    for m in modalities
                ]
            ),
        )
        for finding in FINDINGS
        if finding in targets
        and engine.pack.config.inputs_of(engine.pack.config.targets[targets.index(finding)])
        == modalities
    ]


def normalised(signed: FloatArray) -> FloatArray:
    """Return the (..., M) shares of (..., M) contributions; 0 where nothing contributes."""
    size = np.abs(signed)
    total = size.sum(-1, keepdims=True)
    result: FloatArray = np.divide(size, total, out=np.zeros_like(size), where=total > 0.0)
    return result


def compare(rows: Sequence[Shares], *, seed: int = 0) -> dict[str, Resampled]:
    """Return the figures over all rows, with a bootstrap over patients.

    error_M: mean absolute difference of the share of input M. correlation_M: of the signed
    contributions (Pearson). mean_model_M, mean_causal_M: mean shares. error: mean over inputs.
    recovered: part of the rows in which every share is within 0.1. strongest: part of the rows in
    which the same input has the largest share.
    """
    model = np.stack([row.model for row in rows])
    truth = np.stack([row.causal for row in rows])
    ours, theirs = normalised(model), normalised(truth)
    miss = np.abs(ours - theirs)
    columns = {
        "error": miss.mean(1),
        "recovered": (miss <= CLOSE).all(1).astype(float),
        "strongest": (ours.argmax(1) == theirs.argmax(1)).astype(float),
    }
    for i, modality in enumerate(rows[0].modalities):
        columns[f"error_{modality.value}"] = miss[:, i]
        columns[f"mean_model_{modality.value}"] = ours[:, i]
        columns[f"mean_causal_{modality.value}"] = theirs[:, i]

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        total = weights.sum(1)
        figures = {name: ratio(weights @ column, total) for name, column in columns.items()}
        for i, modality in enumerate(rows[0].modalities):
            x, y = model[:, i], truth[:, i]
            mean_x, mean_y = weights @ x / total, weights @ y / total
            cross = weights @ (x * y) / total - mean_x * mean_y
            spread = (weights @ x**2 / total - mean_x**2) * (weights @ y**2 / total - mean_y**2)
            figures[f"correlation_{modality.value}"] = ratio(cross, np.sqrt(np.maximum(spread, 0)))
        return figures

    groups = np.array([row.patient for row in rows])
    return resample(statistic, rows=len(rows), groups=groups, seed=seed)
