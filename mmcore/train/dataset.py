"""What a network is trained on: examinations prepared once, batches, augmentation, dropout."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmcore.datasets.labelled import REGION_SIZE, LabelledCase
from mmcore.errors import ConfigError
from mmcore.loinc import OBSERVATION_TYPES
from mmcore.modalities.image import ImageEncoder, warp
from mmcore.modalities.note import prepare_note
from mmcore.modalities.observations import encode_values
from mmcore.modalities.recording import as_model_input
from mmcore.modalities.variants import panel_values
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.model.prepared import prepare_case
from mmcore.records import Modality
from mmcore.simulate.labs import HEALTHY, LAB_DELAY
from mmcore.train.coalitions import draw_coalitions
from mmcore.train.cohort import CODES, LOCI, SOUND_HZ, Cohort

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One batch: network inputs by modality, presence (B, M), and what is to be learned.

    labels: (B, K) float32, regressions in units of their scale [0, 1]; NaN where unknown. regions:
    (B, R, h, w) covered fraction, NaN where nobody outlined the region; None without segmentation.
    patients: (B,) int64, the same number for examinations of one patient; it means nothing beyond
    the batch. coalitions: (B, C, M) bool, subsets of the presence that are learned too. evidence:
    (B, 1 + M, K) log-odds of a teacher, of knowing nothing and then what each modality adds; NaN
    where it says nothing.
    """

    inputs: dict[Modality, Tensor]
    presence: Tensor
    labels: Tensor
    regions: Tensor | None
    patients: Tensor
    coalitions: Tensor | None = None
    evidence: Tensor | None = None

    def taught(self) -> Tensor | None:
        """Return (B, 1 + C, K) log-odds that the teacher gives: of the presence, of each subset."""
        if self.evidence is None:
            return None
        shown = self.presence[:, None]
        if self.coalitions is not None:
            shown = torch.cat([shown, self.coalitions], dim=1)
        return self.evidence[:, :1] + shown.to(self.evidence.dtype) @ self.evidence[:, 1:]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """N examinations prepared for one model configuration.

    inputs: per modality (N, ...), images as uint8 over the range of ``square_image`` or of the CT
    window; rows of absent ones are zeros. presence: (N, M) bool. labels: (N, K) as in ``Batch``.
    regions: (N, R, h, w) uint8, covered fraction times 255; known: (N, R) bool, whether it was
    outlined. patients: whose examination each is. subgroups: (N,) words per name, such as the view
    of the image. evidence: (N, 1 + M, K) as in ``Batch``, None without a teacher.
    """

    config: ModelConfig
    inputs: Mapping[Modality, Tensor]
    presence: Tensor
    labels: Tensor
    regions: Tensor | None
    known: Tensor | None
    patients: tuple[str, ...]
    subgroups: Mapping[str, tuple[str, ...]]
    evidence: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Tensor) -> Batch:
        """Return the rows as they are, every modality that was there present."""
        inputs = {
            m: self._image(stored[rows]) if m is Modality.IMAGE else _widened(stored[rows])
            for m, stored in self.inputs.items()
        }
        regions: Tensor | None = None
        if self.regions is not None and self.known is not None:
            regions = self.regions[rows].float() / 255.0
            regions = regions.masked_fill(~self.known[rows][:, :, None, None], torch.nan)
        people = [self.patients[row] for row in rows.tolist()]
        numbers = {patient: number for number, patient in enumerate(dict.fromkeys(people))}
        patients = torch.tensor([numbers[patient] for patient in people])
        evidence = None if self.evidence is None else self.evidence[rows]
        presence, labels = self.presence[rows], self.labels[rows]
        return Batch(inputs, presence, labels, regions, patients, evidence=evidence)

    def mean_image(self) -> Tensor:
        """Return the (C, H, W) mean image: the baseline input of the image modality."""
        there = self.presence[:, list(self.inputs).index(Modality.IMAGE)].nonzero()[:, 0]
        total = torch.zeros(self.inputs[Modality.IMAGE].shape[1:], dtype=torch.float64)
        for start in range(0, len(there), 512):
            total += self.inputs[Modality.IMAGE][there[start : start + 512]].double().sum(0)
        return self._image((total / max(len(there), 1))[None])[0].contiguous()

    def subset(self, rows: Sequence[int]) -> "TrainingSet":
        """Return some of the examinations, in the given order."""
        chosen = torch.tensor(list(rows), dtype=torch.long)
        return TrainingSet(
            config=self.config,
            inputs={m: x[chosen] for m, x in self.inputs.items()},
            presence=self.presence[chosen],
            labels=self.labels[chosen],
            regions=None if self.regions is None else self.regions[chosen],
            known=None if self.known is None else self.known[chosen],
            patients=tuple(self.patients[i] for i in rows),
            subgroups={k: tuple(v[i] for i in rows) for k, v in self.subgroups.items()},
            evidence=None if self.evidence is None else self.evidence[chosen],
        )

    def strata(self, subgroup: str) -> Tensor | None:
        """Return (N,) the number of each examination's word for ``subgroup``, or None for ""."""
        if not subgroup:
            return None
        words = self.subgroups.get(subgroup)
        if words is None:
            raise ConfigError(key="training.strata", problem=f"{subgroup!r} is no subgroup")
        order = sorted(set(words))
        return torch.tensor([order.index(word) for word in words])

    def _image(self, stored: Tensor) -> Tensor:
        """Return (B, C, H, W) standardised images of stored ones (B, H, W), or of (B, S, H, W)."""
        image = self.config.image
        assert image is not None  # only models that read images store them
        standard = (stored.float() / 255.0 - image.mean) / image.std
        if image.slices > 1:
            return standard
        return standard[:, None].expand(-1, image.in_chans, -1, -1)


def _widened(stored: Tensor) -> Tensor:
    return stored.float() if stored.is_floating_point() else stored.long()


def scaled_labels(config: ModelConfig, labels: npt.NDArray[np.float64]) -> Tensor:
    """Return (N, K) labels with regressions in units of their scale."""
    scaled = labels.copy()
    for column, target in enumerate(config.targets):
        if target.kind == "regression":
            scaled[:, column] = (labels[:, column] - target.low) / (target.high - target.low)
    return torch.from_numpy(scaled).float()


def from_cases(
    cases: Iterable[LabelledCase], config: ModelConfig, tokenizer: "Tokenizer | None"
) -> TrainingSet:
    """Prepare labelled cases exactly as the engine prepares a clinician's case."""
    blank = {m: e.baseline_input() for m, e in _encoders(config).items()}
    rows: dict[Modality, list[npt.NDArray[np.generic]]] = {m: [] for m in config.modalities}
    presence, labels, regions, known = [], [], [], []
    patients: list[str] = []
    subgroups: dict[str, list[str]] = {}
    names = config.segmentation.regions if config.segmentation is not None else ()
    for labelled in cases:
        prepared = prepare_case(labelled.case, config, tokenizer).inputs
        for modality, stored in rows.items():
            own = prepared[modality].values if modality in prepared else blank[modality].numpy()
            stored.append(_stored_image(own, config) if modality is Modality.IMAGE else own)
        presence.append([m in prepared for m in config.modalities])
        labels.append([labelled.labels.get(t.truth, np.nan) for t in config.targets])
        outlined = [labelled.regions.get(name) for name in names]
        regions.append([np.zeros(REGION_SIZE, np.uint8) if x is None else x for x in outlined])
        known.append([x is not None for x in outlined])
        patients.append(labelled.patient)
        for name, word in labelled.subgroups.items():
            subgroups.setdefault(name, [""] * (len(patients) - 1)).append(word)
        for name in subgroups.keys() - labelled.subgroups.keys():
            subgroups[name].append("")
    if not patients:
        raise ValueError("there are no cases to learn from")
    return TrainingSet(
        config=config,
        inputs={m: torch.from_numpy(np.stack(stored)) for m, stored in rows.items()},
        presence=torch.tensor(presence),
        labels=scaled_labels(config, np.array(labels, dtype=np.float64)),
        regions=torch.from_numpy(np.array(regions)) if names else None,
        known=torch.tensor(known) if names else None,
        patients=tuple(patients),
        subgroups={name: tuple(words) for name, words in subgroups.items()},
    )


def _encoders(config: ModelConfig) -> dict[Modality, ImageEncoder]:
    with torch.device("cpu"):
        network = FusionNetwork(config)
    return {m: cast(ImageEncoder, network.encoder(m)) for m in config.modalities}


def _stored_image(values: npt.NDArray[np.generic], config: ModelConfig) -> npt.NDArray[np.uint8]:
    """Return an image (H, W), or slices (S, H, W), in 256 steps of the model's range."""
    assert config.image is not None
    shown = values if config.image.slices > 1 else values[0]  # channels repeat each other
    unit = shown.astype(np.float32) * config.image.std + config.image.mean
    stored: npt.NDArray[np.uint8] = np.rint(unit.clip(0.0, 1.0) * 255.0).astype(np.uint8)
    return stored


def from_cohort(cohort: Cohort, config: ModelConfig, tokenizer: "Tokenizer | None") -> TrainingSet:
    """Prepare a simulated cohort for the targets and inputs of ``config``."""
    inputs: dict[Modality, Tensor] = {}
    if config.image is not None:
        inputs[Modality.IMAGE] = torch.from_numpy(cohort.images)
    if config.note is not None:
        if tokenizer is None:
            raise ValueError("a model of notes needs a tokenizer")
        ids = [prepare_note(text, tokenizer, config.note).token_ids for text in cohort.notes]
        inputs[Modality.NOTE] = torch.from_numpy(np.stack(ids))
    if config.observations is not None:
        inputs[Modality.OBSERVATIONS] = torch.from_numpy(_observations(cohort, config))
    if recording := config.inputs.get(Modality.RECORDING):
        heard = [
            as_model_input(s / np.float32(32767.0), SOUND_HZ, recording) for s in cohort.sounds
        ]
        inputs[Modality.RECORDING] = torch.from_numpy(np.stack(heard))
    if variants := config.inputs.get(Modality.VARIANTS):
        columns = [LOCI.index(locus) for locus in variants.loci]
        inputs[Modality.VARIANTS] = torch.from_numpy(panel_values(cohort.copies[:, columns]))
    labels = np.stack([cohort.label(target.truth) for target in config.targets], axis=1)
    regions: Tensor | None = None
    if config.segmentation is not None:
        shown = [cohort.outlines(name) for name in config.segmentation.regions]
        regions = torch.from_numpy(np.stack(shown, axis=1))
    count = len(labels)
    return TrainingSet(
        config=config,
        inputs={m: inputs[m] for m in config.modalities},
        presence=torch.ones(count, len(config.modalities), dtype=torch.bool),
        labels=scaled_labels(config, labels),
        regions=regions,
        known=None if regions is None else torch.ones(regions.shape[:2], dtype=torch.bool),
        patients=tuple(str(i) for i in range(count)),
        subgroups={},
    )


def _observations(cohort: Cohort, config: ModelConfig) -> npt.NDArray[np.float32]:
    """Return (N, J, S, 3) model input, number for number as ``prepare_observations`` makes it."""
    section = config.observations
    assert section is not None
    result = np.zeros((len(cohort.values), len(section.codes), section.history, 3), np.float32)
    is_lab = np.array([not OBSERVATION_TYPES[code].is_vital for code in CODES])
    delay = LAB_DELAY.total_seconds()
    newest = np.where((cohort.observed & is_lab).any(1), delay, 0.0)
    is_read = cohort.earlier_observed & (cohort.earlier_minutes <= 60 * section.history_hours)
    for row, code in enumerate(section.codes):
        column = CODES.index(code)
        digits = HEALTHY[code].decimals  # undoes the rounding to float32
        for patient in np.flatnonzero(cohort.observed[:, column]):
            age = float(newest[patient] - delay * is_lab[column])
            course = [(round(float(cohort.values[patient, column]), digits), age)]
            for place in np.flatnonzero(is_read[patient, column]):
                value = round(float(cohort.earlier[patient, column, place]), digits)
                minutes = int(cohort.earlier_minutes[patient, column, place])
                course.append((value, age + 60.0 * minutes))
            result[patient, row] = encode_values(
                course[: section.history], section.scales[code], history=section.history
            )
    return result


def augment(
    batch: Batch,
    network: FusionNetwork,
    *,
    modality_dropout: float,
    generator: torch.Generator,
    coalitions: int = 0,
) -> Batch:
    """Return the batch as another examination of the same patients might have come.

    Every encoder changes its own input; an image is moved together with its outlines. Then
    modalities drop out, and of what stays ``coalitions`` subsets are drawn. Now and then nothing
    of a patient is left: the ledger's base is then a trained answer too, what the network says of a
    patient of whom it knows nothing.
    """
    inputs: dict[Modality, Tensor] = {}
    regions = batch.regions
    for modality, own in batch.inputs.items():
        encoder = network.encoder(modality)
        moved = own
        if isinstance(encoder, ImageEncoder):
            theta = encoder.draw_warp(len(own), generator)
            moved = warp(own, theta, padding="border")
            if regions is not None:
                unknown = regions.isnan()
                regions = warp(regions.nan_to_num(), theta, padding="zeros")
                regions = regions.masked_fill(unknown, torch.nan)
        inputs[modality] = encoder.augment(moved, generator)
    stays = torch.rand(batch.presence.shape, generator=generator) >= modality_dropout
    presence = batch.presence & stays
    subsets = draw_coalitions(presence, coalitions, generator) if coalitions else None
    return replace(batch, inputs=inputs, presence=presence, regions=regions, coalitions=subsets)
