"""The frozen records that cross module borders: what came in, and what the model said of it.

Plain values and NumPy arrays only; no tensor and no library object leaves ``mmcore``. Absence is
``None`` or an empty tuple, never a zero that looks like data. Page, PDF, JSON and every export are
views of these same records, so they can not disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmcore.errors import RefusalCode

FloatArray = npt.NDArray[np.float32]
PixelArray = npt.NDArray[np.generic]


class Modality(StrEnum):
    """An input channel of the model; a DICOM modality such as CR is ``dicom_modality``."""

    IMAGE = "image"
    NOTE = "note"
    OBSERVATIONS = "observations"


class FileVerdict(StrEnum):
    """What became of one source file."""

    USED = "used"
    KEPT_ASIDE = "kept aside"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that was dropped in, and what became of it.

    name:   as the user named it, for display only; never a path that is opened or written.
    digest: SHA-256 of the bytes, lower-case hex.
    kind:   by content, not by name: "dicom", "note", "observations", "archive" or "unknown".
    code:   set exactly when the verdict is refused.
    reason: one sentence in words, without patient text; empty for a plain "used".
    """

    name: str
    digest: str
    size_bytes: int
    kind: str
    verdict: FileVerdict
    code: RefusalCode | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """Who the case is about, as the files say. Every field may be unknown."""

    patient_id: str | None = None
    name: str | None = None
    birth_date: date | None = None
    sex: Literal["F", "M", "O"] | None = None
    age_years: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A display window in modality values (HU for CT). DICOM PS3.3 C.11.2.1.2."""

    center: float
    width: float
    explanation: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One DICOM image instance with its decoded pixels.

    pixels: modality values, that is stored values after the modality LUT or rescale, polarity as
        stored: (frames, rows, columns) for grey, (frames, rows, columns, 3) uint8 RGB for colour.
        Integer dtype where rescale keeps integers, else float32. Always finite, never constant.
    is_inverted: MONOCHROME1, so low values are shown bright; displays and models invert.
    value_unit: "HU", or the Rescale Type, or "" where unknown.
    spacing_mm: (row, column) size of a pixel, or None where the file does not say.
    patient_orientation: where the rows and the columns run to in the patient, such as ("L", "F")
        for rows to the left and columns to the feet, or None. DICOM PS3.3 C.7.6.1.1.1.
    decoder: library and version that decompressed the pixels, e.g. "imagecodecs 2026.3.6".
    """

    digest: str
    sop_instance_uid: str
    sop_class_uid: str
    dicom_modality: str
    pixels: PixelArray
    is_inverted: bool = False
    value_unit: str = ""
    bits_stored: int = 16
    windows: tuple[Window, ...] = ()
    spacing_mm: tuple[float, float] | None = None
    body_part: str | None = None
    view_position: str | None = None
    laterality: str | None = None
    patient_orientation: tuple[str, str] | None = None
    acquired_at: datetime | None = None
    instance_number: int | None = None
    transfer_syntax_uid: str = ""
    decoder: str = ""
    notices: tuple[str, ...] = ()

    @property
    def is_color(self) -> bool:
        """Whether the pixels are RGB."""
        return self.pixels.ndim == 4


@dataclass(frozen=True, slots=True)
class Series:
    """Instances of one series, in display order."""

    series_uid: str
    dicom_modality: str
    description: str
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """One imaging study of the patient."""

    study_uid: str
    description: str
    started_at: datetime | None
    accession_number: str | None
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A headed part of a note: characters ``start`` to ``end`` (exclusive), heading included.

    kind: "history", "indication", "examination", "findings", "impression", "plan", "medication",
        "comparison" or "other".
    """

    title: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Note:
    """One clinical note. Offsets everywhere count characters of ``text``."""

    digest: str
    text: str
    sections: tuple[Section, ...] = ()
    authored_at: datetime | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One lab value or vital sign (FHIR's word), in the canonical UCUM unit of its LOINC code.

    comparator: "<" or ">" where the laboratory reported a bound; ``value`` is then the bound.
    given: value and unit exactly as the source stated them, before any conversion.
    """

    loinc: str
    display: str
    value: float
    unit: str
    time: datetime | None = None
    comparator: Literal["<", ">"] | None = None
    reference_low: float | None = None
    reference_high: float | None = None
    given: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One patient's inputs, whatever of them exists, with every source file accounted for.

    digest: SHA-256 over the sorted digests of the used files: the same files are the same case.
        Where no file could be used, over the digests of all files.
    notices: sentences about the case as a whole that a clinician must see (no patient text).
    """

    digest: str
    patient: Patient
    studies: tuple[Study, ...] = ()
    notes: tuple[Note, ...] = ()
    observations: tuple[Observation, ...] = ()
    files: tuple[SourceFile, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Every image instance of the case, in display order."""
        return tuple(i for study in self.studies for s in study.series for i in s.instances)


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
    operating_point: probability at and above which the finding is called present; None for a
        regression.
    """

    name: str
    display: str
    kind: Literal["finding", "regression"]
    logit: float
    probability: float | None
    interval: tuple[float, float]
    operating_point: float | None
    unit: str = ""

    @property
    def is_positive(self) -> bool | None:
        """Whether the finding is called present; None for a regression."""
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
    where: (row, column) in stored pixels; (start, end) characters of the note that the model read;
        (LOINC code, ISO time or "") for an observation; () for what is left of an image.
    signed: in logits, part of the modality's sum.
    """

    what: str
    where: tuple[float | str, ...]
    signed: float


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
    """A scored case as it is filed: the prediction and the explanation of every shown target."""

    case: Case
    prediction: Prediction
    explanations: Mapping[str, Explanation]
