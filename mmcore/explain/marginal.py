"""The function whose parts are sought: a modality's Shapley-weighted marginal, as of its input."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmcore.explain.shapley import coalition_presence, shapley_weight
from mmcore.model.calibration import Calibration
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """What explaining one target of one encoded case needs.

    values: (2^M,) calibrated coalition values. reference_values: (2^M, R) the same with reference
    patients in place of the baseline. embedded, encoded: (1, ...) tensors of the case; baseline:
    encoded baselines. calibration: from the network's raw output to the calibrated value.
    reference_inputs: (R, ...) network inputs of the reference patients. kept: by modality, what
    trials of parts encode once per case. is_as_released: whether the network answers for reference
    patients as it did when its pack was made; None where the pack does not say.
    """

    network: FusionNetwork
    target: str
    column: int
    calibration: Calibration
    values: npt.NDArray[np.float64]
    reference_values: npt.NDArray[np.float64]
    present: tuple[Modality, ...]
    embedded: Mapping[Modality, Tensor]
    encoded: Mapping[Modality, Tensor]
    baseline: Mapping[Modality, Tensor]
    internal_batch_size: int
    reference_inputs: Mapping[Modality, npt.NDArray[np.generic]] = field(default_factory=dict)
    kept: dict[Modality, dict[str, Tensor]] = field(default_factory=dict)
    is_as_released: bool | None = None


class Marginal:
    """g_m of one modality m: what its input adds to the coalitions of ``present`` others.

        g_m(x) = sum over S without m of w(S) * f(S + {m: x})

    The terms v(S) do not depend on x and are left out: only changes of g_m are ever looked at.
    Coalitions that differ in absent modalities alone are the same and are merged.
    """

    def __init__(self, ledger: Ledger, modality: Modality, present: tuple[Modality, ...]) -> None:
        self._ledger, self._modality = ledger, modality
        modalities = ledger.network.modalities
        self._player = modalities.index(modality)
        weights: dict[tuple[bool, ...], float] = {}
        for row in coalition_presence(len(modalities)):
            if not row[self._player]:
                others = tuple(bool(row[i]) and m in present for i, m in enumerate(modalities))
                weight = shapley_weight(int(row.sum()), len(modalities))
                weights[others] = weights.get(others, 0.0) + weight
        device = ledger.baseline[modality].device
        self._coalitions = torch.tensor(list(weights), device=device).long()
        self._weights = torch.tensor(list(weights.values()), device=device)
        self._others = {
            m: torch.cat([ledger.baseline[m], ledger.encoded[m]])
            if m in present
            else ledger.baseline[m]
            for m in modalities
        }

    def ask(self, encoded: Tensor, *, column: int | None = None) -> Tensor:
        """Return (C, n, K) raw outputs of (n, T, F) encoded inputs in every coalition of others."""
        count, points = len(self._coalitions), len(encoded)
        choice = self._coalitions.repeat_interleave(points, 0)
        choice[:, self._player] = torch.arange(points, device=choice.device).repeat(count)
        raw = self._ledger.network.decide_each(
            {**self._others, self._modality: encoded}, choice, self._ledger.baseline, column=column
        )
        return raw.reshape(count, points, -1)

    def weigh(self, raw: Tensor) -> Tensor:
        """Return (n,) values of g_m for the ledger's target from what ``ask`` returned."""
        calibrated = self._ledger.calibration.apply_tensor(raw[..., self._ledger.column].float())
        result: Tensor = torch.einsum("cn,c->n", calibrated, self._weights.to(calibrated))
        return result


def weighted_marginal(
    ledger: Ledger, modality: Modality, encode: Callable[[Modality, Tensor], Tensor]
) -> Callable[[Tensor], Tensor]:
    """Return g_m: (n, ...) to (n,) calibrated logits.

    The input is what ``encode`` turns into encoded tokens: embedded inputs of ``modality`` for
    ``network.encode``, its tokens for ``network.project``.
    """
    marginal = Marginal(ledger, modality, ledger.present)
    return lambda x: marginal.weigh(marginal.ask(encode(modality, x), column=ledger.column))
