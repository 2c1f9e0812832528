"""A case inside the network: every modality encoded once, every coalition asked in one batch.

``Encoding`` holds one network on one device with what never changes between cases, its baselines
and reference patients. It has no lock and no cache of cases; those are the engine's.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmcore.errors import NonFiniteResultError
from mmcore.explain.shapley import coalition_presence
from mmcore.gate.novelty import unit
from mmcore.gate.quality import GOOD, Quality
from mmcore.modalities import Prepared
from mmcore.modalities.image import ImageEncoder, PreparedImage
from mmcore.model.calibration import Calibration
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import Pack
from mmcore.model.prepared import PreparedCase, network_input
from mmcore.records import FloatArray, Modality

SAME_ANSWER = 0.05  # logits by which another device or precision may differ from the release
_AT_ONCE = 8  # reference patients whose coalitions are asked in one batch
LUNGS = "lungs"  # the region of a segmentation that anatomy is named by


@dataclass(slots=True, eq=False)
class EncodedCase:
    """One case inside the network: embedded inputs and what the fusion reads, per modality.

    embeddings: (1, 2F) unit vectors for novelty. values: (2^M, K) calibrated coalition values. raw:
    (K,) the network's own outputs with everything that is there. answers_instead: (2^M, R, K) raw
    outputs with reference patients in place of the baseline, once they were asked for. kept: what
    the trials of parts encode once for all targets.
    """

    prepared: PreparedCase
    embedded: dict[Modality, Tensor]
    encoded: dict[Modality, Tensor]
    embeddings: dict[Modality, npt.NDArray[np.float32]]
    values: npt.NDArray[np.float64]
    raw: npt.NDArray[np.float64]
    seconds: float
    answers_instead: npt.NDArray[np.float64] | None = None
    kept: dict[Modality, dict[str, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class SeenImage:
    """What a network sees in one image.

    tokens: (1, T, D). lungs: (h, w) probability of lung; None for a network that outlines none.
    asymmetry: (D, 7, 7) as of ``ImageEncoder.asymmetry``.
    """

    tokens: Tensor
    lungs: FloatArray | None
    asymmetry: FloatArray


class KeptCases(OrderedDict[str, EncodedCase]):
    """The cases that were encoded last, by digest."""

    def found(self, digest: str) -> EncodedCase | None:
        """Return a kept case, which becomes the last to be let go; None if it is not there."""
        if digest not in self:
            return None
        self.move_to_end(digest)
        return self[digest]

    def keep(self, digest: str, case: EncodedCase, *, most: int) -> None:
        """Keep a case, and of all of them the last ``most``."""
        self[digest] = case
        while len(self) > most:
            self.popitem(last=False)


@dataclass(slots=True, eq=False)
class EncodedInputs:
    """What of a case is encoded so far; fields as in ``EncodedCase``."""

    inputs: dict[Modality, Prepared]
    encoded: dict[Modality, Tensor]
    embedded: dict[Modality, Tensor] = field(default_factory=dict)
    embeddings: dict[Modality, npt.NDArray[np.float32]] = field(default_factory=dict)


def see_image(network: FusionNetwork, embedded: Tensor) -> SeenImage:
    """Look at one image (1, C, H, W)."""
    return see_images(network, embedded)[0]


def see_images(network: FusionNetwork, embedded: Tensor) -> list[SeenImage]:
    """Look at several images (B, C, H, W)."""
    head = network.segmentation
    lungs: list[FloatArray | None] = [None] * len(embedded)
    regions = head.names if head is not None else ()
    if head is None or LUNGS not in regions:
        tokens = network.tokenise(Modality.IMAGE, embedded)
    else:
        tokens, maps = network.image_with_maps(embedded)
        drawn = head(tokens, maps)[:, regions.index(LUNGS)].float().sigmoid().cpu().numpy()
        lungs = list(drawn)
    encoder = cast(ImageEncoder, network.encoder(Modality.IMAGE))
    asymmetry = encoder.asymmetry(embedded, tokens).float().cpu().numpy()
    return [SeenImage(tokens[i : i + 1], lungs[i], asymmetry[i]) for i in range(len(embedded))]


def judge_image(quality: Quality | None, image: Prepared | None) -> tuple[str, float]:
    """Return the fault that a seen image looks like, or "good", and how likely "good" is.

    NaN where nothing was learned of it, and for anything but a radiograph.
    """
    if quality is None or not isinstance(image, PreparedImage):
        return GOOD, float("nan")
    if image.tones is None or image.asymmetry is None:
        return GOOD, float("nan")
    return quality.judge(image.values[0], image.tones, image.lungs, image.asymmetry)


def _alike(cases: Sequence[PreparedCase], modality: Modality) -> list[list[int]]:
    """Return the numbers of the cases that have the modality, by the shape of their arrays."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, case in enumerate(cases):
        if modality in case.inputs:
            shape = np.asarray(case.inputs[modality].values).shape
            groups.setdefault(shape, []).append(number)
    return list(groups.values())


class Encoding:
    """One network on one device, with its encoded baselines and reference patients.

    baseline: (1, T, F) by modality. references: (R, T, F) by modality.
    """

    def __init__(self, pack: Pack, network: FusionNetwork, device: torch.device) -> None:
        self.network, self.device = network, device
        self.calibrations: tuple[Calibration, ...] = tuple(
            pack.calibration[target.name] for target in pack.config.targets
        )
        with torch.no_grad():
            self.baseline, self.references = self._constants(pack)
            self.is_as_released = self.answers_as_released(pack)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The model's inputs, in the order of the coalition bits."""
        return self.network.modalities

    def present(self, prepared: PreparedCase) -> tuple[Modality, ...]:
        """Return the modalities of the model that the case has."""
        return tuple(m for m in self.modalities if m in prepared.inputs)

    def encode(self, prepared: PreparedCase) -> EncodedCase:
        """Encode each modality once and ask the fusion about all coalitions.

        Raises ``NonFiniteResultError`` if any answer is not a number.
        """
        return self.encode_all([prepared])[0]

    def encode_all(self, cases: Sequence[PreparedCase]) -> list[EncodedCase]:
        """Encode several cases, those inputs together that have one shape.

        Raises ``NonFiniteResultError`` if any answer of any of them is not a number.
        """
        started = time.perf_counter()
        encoded = [EncodedInputs(dict(case.inputs), dict(self.baseline)) for case in cases]
        with torch.no_grad():
            for modality in self.modalities:
                for rows in _alike(cases, modality):
                    self._encode_rows(modality, [encoded[row] for row in rows])
            raw = [self._coalitions(one.encoded, self.baseline) for one in encoded]
        outputs = [one.double().cpu().numpy() for one in raw]
        seconds = (time.perf_counter() - started) / len(cases)
        return [
            self._finished(replace(case, inputs=one.inputs), one, output, seconds)
            for case, one, output in zip(cases, encoded, outputs, strict=True)
        ]

    def _encode_rows(self, modality: Modality, rows: Sequence["EncodedInputs"]) -> None:
        """Encode one modality of several cases, whose arrays have one shape."""
        network = self.network
        arrays = [np.asarray(row.inputs[modality].values) for row in rows]
        values = torch.from_numpy(np.stack(arrays)).to(self.device)
        embedded = network.embed(modality, values)
        if isinstance(rows[0].inputs[modality], PreparedImage):
            seen = see_images(network, embedded)
            tokens = torch.cat([one.tokens for one in seen])
            for row, one in zip(rows, seen, strict=True):
                image = cast(PreparedImage, row.inputs[modality])
                row.inputs[modality] = replace(image, lungs=one.lungs, asymmetry=one.asymmetry)
        else:
            tokens = network.tokenise(modality, embedded)
        projected = network.project(modality, tokens)
        summaries = network.summarise(modality, values, tokens).float().cpu().numpy()
        for number, row in enumerate(rows):
            own = slice(number, number + 1)
            row.embedded[modality] = embedded[own]
            row.encoded[modality] = projected[own]
            row.embeddings[modality] = unit(summaries[own])

    def _finished(
        self,
        prepared: PreparedCase,
        case: "EncodedInputs",
        outputs: npt.NDArray[np.float64],
        seconds: float,
    ) -> EncodedCase:
        values_of = [c.apply(outputs[:, i]) for i, c in enumerate(self.calibrations)]
        answers = np.stack(values_of, axis=1)
        if not np.isfinite(answers).all():
            raise NonFiniteResultError(what="the network's output for this case")
        return EncodedCase(
            prepared, case.embedded, case.encoded, case.embeddings, answers, outputs[-1], seconds
        )

    def band(self, case: EncodedCase, column: int) -> npt.NDArray[np.float64]:
        """Return (2^M, R) calibrated values with reference patients in place of the baseline.

        The network is asked once for all targets.
        """
        if case.answers_instead is None:
            count = len(next(iter(self.references.values())))
            with torch.no_grad():
                found = [
                    self._instead(case, slice(first, first + _AT_ONCE))
                    for first in range(0, count, _AT_ONCE)
                ]
            case.answers_instead = torch.cat(found, dim=1).double().cpu().numpy()
        return self.calibrations[column].apply(case.answers_instead[..., column])

    def _instead(self, case: EncodedCase, some: slice) -> Tensor:
        """Return (2^M, n, K) raw outputs with ``some`` of the reference patients."""
        present = self.present(case.prepared)
        coalitions = torch.from_numpy(coalition_presence(len(self.modalities))).to(self.device)
        variants, count = {}, 0
        for modality in self.modalities:
            others = self.references[modality][some]
            count, own = len(others), case.encoded[modality]
            own = own.expand(count, *own.shape[1:])
            variants[modality] = torch.cat([others if modality in present else own, own])
        number = torch.arange(count, device=self.device)
        choice = coalitions.long()[:, None] * count + number[:, None]
        raw = self.network.decide_each(variants, choice.flatten(0, 1), self.baseline)
        return raw.reshape(len(coalitions), count, -1)

    def _coalitions(
        self, own: Mapping[Modality, Tensor], instead: Mapping[Modality, Tensor]
    ) -> Tensor:
        """Return (2^M, K) raw outputs for every combination of own and other modalities."""
        presence = torch.from_numpy(coalition_presence(len(self.modalities))).to(self.device)
        variants = {m: torch.cat([instead[m], own[m]]) for m in self.modalities}
        return self.network.decide_each(variants, presence.long(), self.baseline)

    @torch.no_grad()
    def answers_as_released(self, pack: Pack) -> bool | None:
        """Say whether reference patients get the answers that were stored with the pack.

        None where the pack does not say. In full precision, as the answers were: autocast alone
        moves them by most of the allowance.
        """
        if pack.reference.answers is None:
            return None
        baseline, references = self.baseline, self.references
        with torch.autocast(self.device.type, enabled=False):
            if any(x.dtype is not torch.float32 for x in references.values()):
                baseline, references = self._constants(pack)
            raw = self.network.decide(references, baseline).float().cpu().numpy()
        return bool(np.abs(raw - pack.reference.answers).max() <= SAME_ANSWER)  # NaN is not

    def _constants(self, pack: Pack) -> tuple[dict[Modality, Tensor], dict[Modality, Tensor]]:
        """Return the encoded baselines and reference patients."""
        baseline = {m: self._batch(m, self.network.baseline(m)[None]) for m in self.modalities}
        patients = pack.reference.patients
        references = {m: self._batch(m, network_input(patients[m.value])) for m in self.modalities}
        return baseline, references

    def _batch(self, modality: Modality, inputs: Tensor) -> Tensor:
        return self.network.encode(modality, self.network.embed(modality, inputs.to(self.device)))
