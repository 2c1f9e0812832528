"""From a cohort to the tensors of one batch, with augmentation and modality dropout."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from mmcore.model.config import ModelConfig
from mmcore.model.inputs import STANDARD_RANGE, prepare_note
from mmcore.records import Modality
from mmcore.train.cohort import CODES, Cohort

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LOGARITHMIC = frozenset({"6690-2", "1988-5", "33959-8", "33762-6", "67151-1", "2532-0", "2039-6",
                         "2160-0"})  # fmt: skip
"""Observations whose healthy distribution is skewed: standardised after the logarithm."""


def measure_scales(cohort: Cohort, codes: Sequence[str]) -> dict[str, list[object]]:
    """Return, per code, ["linear" or "log", mean, standard deviation] over the observed values."""
    scales: dict[str, list[object]] = {}
    for code in codes:
        column = CODES.index(code)
        values = cohort.values[cohort.observed[:, column], column].astype(np.float64)
        kind = "log" if code in LOGARITHMIC else "linear"
        if kind == "log":
            values = np.log(np.maximum(values, 1e-6))
        scales[code] = [kind, round(float(values.mean()), 6), round(float(values.std()), 6)]
    return scales


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One batch: network inputs by modality, presence (B, M), and what is to be learned.

    findings (B, F) and severity (B,) in [0, 1]; location (B, F, 56, 56) covered fraction.
    """

    inputs: dict[Modality, Tensor]
    presence: Tensor
    findings: Tensor
    severity: Tensor
    location: Tensor


class CohortTensors:
    """A cohort prepared once for one model configuration."""

    def __init__(self, cohort: Cohort, config: ModelConfig, tokenizer: "Tokenizer") -> None:
        if config.image is None or config.note is None or config.observations is None:
            raise ValueError("a cohort trains models of image, note and observations")
        self._image = config.image
        self.images = torch.from_numpy(cohort.images)
        self.notes = torch.from_numpy(
            np.stack([prepare_note(t, tokenizer, config.note).token_ids for t in cohort.notes])
        )
        self.observations = torch.from_numpy(_observations(cohort, config))
        self.findings = torch.from_numpy(cohort.findings).float()
        self.severity = torch.from_numpy(cohort.severity) / 10.0
        self.location = torch.from_numpy(cohort.location)

    def __len__(self) -> int:
        return len(self.images)

    def image(self, rows: Tensor) -> Tensor:
        """Return (B, C, H, W) standardised images of ``rows``."""
        scaled = self.images[rows].float() / 255.0
        standard = (scaled - self._image.mean) / self._image.std
        return standard[:, None].expand(-1, self._image.in_chans, -1, -1)

    def mean_image(self) -> Tensor:
        """Return the (C, H, W) mean image: the baseline input of the image modality."""
        total = torch.zeros(self.images.shape[1:], dtype=torch.float64)
        for start in range(0, len(self), 512):
            total += self.images[start : start + 512].double().sum(0)
        mean = (total / len(self) / 255.0 - self._image.mean) / self._image.std
        return mean.float()[None].expand(self._image.in_chans, -1, -1).contiguous()

    def batch(self, rows: Tensor) -> Batch:
        """Return the rows as they are, every modality present."""
        return Batch(
            {
                Modality.IMAGE: self.image(rows),
                Modality.NOTE: self.notes[rows],
                Modality.OBSERVATIONS: self.observations[rows],
            },
            torch.ones(len(rows), 3, dtype=torch.bool),
            self.findings[rows],
            self.severity[rows],
            self.location[rows].float() / 255.0,
        )


def _observations(cohort: Cohort, config: ModelConfig) -> npt.NDArray[np.float32]:
    """Return (N, J, 2) standardised values and masks, as ``prepare_observations`` would."""
    if config.observations is None:
        raise ValueError("the model reads no observations")
    result = np.zeros((len(cohort.values), len(config.observations.codes), 2), dtype=np.float32)
    for row, code in enumerate(config.observations.codes):
        kind, mean, deviation = config.observations.scales[code]
        values = cohort.values[:, CODES.index(code)].astype(np.float64)
        if kind == "log":
            values = np.log(np.maximum(values, 1e-6))
        observed = cohort.observed[:, CODES.index(code)]
        z = ((values - float(mean)) / float(deviation)).clip(-STANDARD_RANGE, STANDARD_RANGE)
        result[:, row, 0] = np.where(observed, z, 0.0)
        result[:, row, 1] = observed
    return result


def augment(batch: Batch, *, modality_dropout: float, generator: torch.Generator) -> Batch:
    """Return the batch as another examination of the same patients might have come.

    Image: small rotation, shift, zoom, contrast, brightness and noise. Note: 5 % of tokens become
    padding. Observations: 10 % more are missing, values jitter. Then modalities drop out.
    """
    image = batch.inputs[Modality.IMAGE]
    count = len(image)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape or (count,), generator=generator) * (high - low) + low

    angle, zoom = uniform(-0.08, 0.08), uniform(0.94, 1.08)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = zoom * angle.cos(), -zoom * angle.sin()
    theta[:, 1, 0], theta[:, 1, 1] = zoom * angle.sin(), zoom * angle.cos()
    theta[:, :, 2] = uniform(-0.08, 0.08, count, 2)
    moved = _warp(image, theta, padding="border")
    location = _warp(batch.location, theta, padding="zeros")
    contrast, shift = uniform(0.8, 1.2, count, 1, 1, 1), uniform(-0.3, 0.3, count, 1, 1, 1)
    noise = torch.randn(moved.shape, generator=generator) * uniform(0.0, 0.08, count, 1, 1, 1)
    moved = moved * contrast + shift + noise

    notes = batch.inputs[Modality.NOTE]
    notes = notes.masked_fill(uniform(0.0, 1.0, *notes.shape) < 0.05, 0)

    observations = batch.inputs[Modality.OBSERVATIONS]
    kept = (uniform(0.0, 1.0, *observations.shape[:2]) > 0.1).float()[..., None]
    jitter = torch.randn(observations.shape[:2], generator=generator)[..., None] * 0.05
    mask = observations[..., 1:]
    observations = torch.cat([(observations[..., :1] + jitter) * mask, mask], dim=2) * kept

    # Now and then nothing of a patient is left: the ledger's base is then a trained answer too,
    # what the network says of a patient of whom it knows nothing.
    present = uniform(0.0, 1.0, count, 3) >= modality_dropout
    inputs = {
        Modality.IMAGE: moved,
        Modality.NOTE: notes,
        Modality.OBSERVATIONS: observations,
    }
    return Batch(inputs, present, batch.findings, batch.severity, location)


def _warp(maps: Tensor, theta: Tensor, *, padding: str) -> Tensor:
    grid = functional.affine_grid(theta, list(maps.shape), align_corners=False)
    return functional.grid_sample(maps, grid, padding_mode=padding, align_corners=False)
