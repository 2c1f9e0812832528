"""What the model said of a case: prediction, ledger and parts as frozen records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmcore.records.case import Case
from mmcore.records.modality import Modality
from mmcore.records.reading import KeyImage, Reading

FloatArray = npt.NDArray[np.float32]


class GateVerdict(StrEnum):
    """Whether a target may be scored for this case."""

    SCORED = "scored"
    CAUTION = "scored with caution"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class TargetGate:
    """The trust verdict on one target, with its reason in words.

    helps_most: the missing modality that would move this target most, or None.
    """

    target: str
    verdict: GateVerdict
    reason: str = ""
    helps_most: Modality | None = None


@dataclass(frozen=True, slots=True)
class PackIdentity:
    """Which model spoke: recorded with every result.

    is_simulated: trained on simulated patients alone, so it says nothing about a real one.
    """

    name: str
    version: str
    digest: str
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class TargetPrediction:
    """What the model says of one target.

    kind: "finding" (probability of presence) or "regression" (a value in ``unit``).
    logit: calibrated log-odds for a finding, so probability = 1 / (1 + exp(-logit)); for a
        regression the predicted value itself. The ledger adds up to exactly this number.
    probability: in (0, 1); None for a regression.
    interval: 90 % interval from the bootstrap of the calibration, in probability (finding) or in
        ``unit`` (regression). It does not cover what the network itself may have learned wrongly.
    operating_point: probability at and above which the finding is called; None for a regression.
    prediction_set: what can not be excluded at 90 % coverage per class (split-conformal): "both"
        means that the model can not tell. None where it was never measured.
    """

    name: str
    display: str
    kind: Literal["finding", "regression"]
    logit: float
    probability: float | None
    interval: tuple[float, float]
    operating_point: float | None
    unit: str = ""
    prediction_set: Literal["present", "absent", "both", "neither"] | None = None

    @property
    def is_positive(self) -> bool | None:
        """Whether it reaches its operating point; None for a regression. See ``mmcore.calls``."""
        if self.probability is None or self.operating_point is None:
            return None
        return self.probability >= self.operating_point


@dataclass(frozen=True, slots=True)
class Contribution:
    """How one modality moved one target's logit away from the base.

    signed: exact Shapley value over modalities, in logits; positive raises the logit.
    share:  ``|signed|`` over the sum of ``|signed|`` of all modalities, in [0, 1].
    band:   5th and 95th percentile of ``signed`` when reference patients replace the baseline.
    """

    modality: Modality
    signed: float
    share: float
    band: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Interaction:
    """Pairwise Shapley interaction index of two modalities, in logits."""

    a: Modality
    b: Modality
    value: float


@dataclass(frozen=True, slots=True)
class PartItem:
    """One named piece of evidence inside a modality.

    what:  region, quoted phrase or observation, in words.
    where: (row, column) in stored pixels, with the number of the slice from 1 on where there are
        several; (start, end) characters of the note that the model read;
        (LOINC code, ISO time or "") for an observation; () for what is left of an image.
    signed: in logits, part of the modality's sum.
    mark: what a reader must know of it, e.g. "negated", "history", "outside the lungs"; or "".
    """

    what: str
    where: tuple[float | str, ...]
    signed: float
    mark: str = ""


@dataclass(frozen=True, slots=True)
class PartTest:
    """One test that a modality's parts were put to for this case.

    name: e.g. "completeness", "deletion", "insertion", "stability", "anatomy". value, limit: what
    was measured and the bound that it had to keep, in the unit that ``words`` say. passed: None
    where the test says nothing of this case, with the reason in ``words``.
    """

    name: str
    passed: bool | None
    value: float
    limit: float
    words: str


@dataclass(frozen=True, slots=True)
class Place:
    """How much of an image's evidence lies in one place, in logits.

    name: e.g. "left lower zone", "heart and mediastinum", "outside the lungs", "text marker".
    positive: sum of the cells that raise the logit, >= 0. negative: of those that lower it, <= 0.
    is_outside: the place is outside the patient's lungs and mediastinum.
    """

    name: str
    positive: float
    negative: float
    is_outside: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What inside one modality made its contribution. Sums to it, up to ``completeness_error``.

    sum:                logits, sum over all parts, not only ``top``.
    completeness_error: ``sum`` minus the modality's signed contribution, in logits.
    passed:             whether the part passed its tests and may be shown.
    reason:             why not, in words; empty when passed.
    items:              image: the strongest regions for and against and the rest; note: every
                        clause; observations: every value. They sum to ``sum``; largest
                        ``|signed|`` first.
    overlay:            image only: signed logits per overlay cell, (56, 56) float32 for a
                        model image of 224 x 224; or None.
    overlay_box:        image only: the part of the stored image that the overlay covers, as
                        (row, column, rows, columns) in stored pixels.
    overlay_stack:      series of slices only: (S, rows, columns), an overlay for each slice that
                        was read; ``overlay`` is then None, as one of them would not be the whole.
    overlay_of:         digest of the instance on which each of the stack lies.
    tests:              what the parts were put to; ``passed`` is False if any of them failed.
    places:             image only: where the evidence lies, largest first; positive and negative
                        parts of all places sum to ``sum``. Empty where no anatomy is known.
    """

    modality: Modality
    sum: float
    completeness_error: float
    passed: bool
    reason: str
    items: tuple[PartItem, ...]
    n_steps: int
    overlay: FloatArray | None = None
    overlay_box: tuple[float, float, float, float] | None = None
    overlay_stack: FloatArray | None = None
    overlay_of: tuple[str, ...] = ()
    tests: tuple[PartTest, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """One target's ledger: base plus contributions is the logit, parts sum to contributions.

    coalitions: v(S) in logits for every coalition S of ``modalities``; index bit m is set when
        ``modalities[m]`` is the patient's own. coalitions[0] is ``base``, the last is ``logit``.
    """

    target: str
    base: float
    logit: float
    modalities: tuple[Modality, ...]
    contributions: tuple[Contribution, ...]
    interactions: tuple[Interaction, ...]
    coalitions: npt.NDArray[np.float64]
    parts: Mapping[Modality, Parts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Everything the model says of one case, before any explanation is asked for.

    present: the modalities of the model that the case has; the others are at their baseline.
    device: e.g. "cpu" or "cuda:0"; ``notices`` say when it fell back.
    """

    case_digest: str
    pack: PackIdentity
    device: str
    present: tuple[Modality, ...]
    missing: tuple[Modality, ...]
    targets: tuple[TargetPrediction, ...]
    gate: tuple[TargetGate, ...]
    timings: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def target(self, name: str) -> TargetPrediction:
        """Return the prediction of one target. Raises ``KeyError`` if there is none."""
        for prediction in self.targets:
            if prediction.name == name:
                return prediction
        raise KeyError(name)

    def gate_of(self, name: str) -> TargetGate:
        """Return the trust verdict on one target. Raises ``KeyError`` if there is none."""
        for verdict in self.gate:
            if verdict.target == name:
                return verdict
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Result:
    """A scored case as it is filed: the prediction and the explanation of every shown target.

    reading: what a reader recorded of the case; None where nobody did.
    key_images: what a reader put into the report from the screen, in order.
    conclusion: what the reader concludes in their own words, or "".
    """

    case: Case
    prediction: Prediction
    explanations: Mapping[str, Explanation]
    reading: Reading | None = None
    key_images: tuple[KeyImage, ...] = ()
    conclusion: str = ""
