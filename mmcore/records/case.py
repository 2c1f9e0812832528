"""What came in: one patient's files as a case of frozen records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmcore.errors import RefusalCode
from mmcore.language import Text, say
from mmcore.records.modality import Modality

PixelArray = npt.NDArray[np.generic]


class FileVerdict(StrEnum):
    """What became of one source file."""

    USED = "used"
    KEPT_ASIDE = "kept aside"
    REFUSED = "refused"


class Precision(StrEnum):
    """How exactly a time is known: it is the first moment of a second, hour, day, month or year."""

    CLOCK = "clock"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"

    @property
    def has_clock(self) -> bool:
        """Whether the time of day is known."""
        return self in (Precision.CLOCK, Precision.HOUR)

    @property
    def has_day(self) -> bool:
        """Whether at least the day is known."""
        return self.has_clock or self is Precision.DAY


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that was dropped in, and what became of it.

    name:   as the user named it, for display only; never a path that is opened or written.
    digest: SHA-256 of the bytes, lower-case hex.
    kind:   by content, not by name: "dicom", "note", "observations", "recording", "variants",
        "archive" or "unknown".
    code:   set exactly when the verdict is refused.
    reason: one sentence in words, without patient text; empty for a plain "used".
    is_nameless: whether it was used without saying whose it is, beside files that do or also do
        not.
    """

    name: str
    digest: str
    size_bytes: int
    kind: str
    verdict: FileVerdict
    code: RefusalCode | None = None
    reason: str = ""
    is_nameless: bool = False


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
    precision: of ``acquired_at``; for times see ``Case``.
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
    precision: Precision = Precision.CLOCK

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
    """One clinical note. Offsets everywhere count characters of ``text``.

    precision: of ``authored_at``.
    """

    digest: str
    text: str
    sections: tuple[Section, ...] = ()
    authored_at: datetime | None = None
    title: str = ""
    precision: Precision = Precision.CLOCK


@dataclass(frozen=True, slots=True)
class Observation:
    """One lab value or vital sign (FHIR's word), in the canonical UCUM unit of its LOINC code.

    comparator: "<" or ">" where the laboratory reported a bound; ``value`` is then the bound.
    given: value and unit exactly as the source stated them, before any conversion.
    precision: of ``time``.
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
    precision: Precision = Precision.CLOCK

    @property
    def is_dated(self) -> bool:
        """Whether at least the day is known, so that it has a place in a course of values."""
        return self.time is not None and self.precision.has_day


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One sound recording of the patient, such as breath sounds or a cough.

    samples: (N,) float32 in [-1, 1], one channel, never constant. sample_rate_hz: of ``samples``.
    site: where it was taken, as the file says, such as "posterior left lower"; "" if it does not.
    precision: of ``recorded_at``.
    """

    digest: str
    samples: npt.NDArray[np.float32]
    sample_rate_hz: int
    site: str = ""
    recorded_at: datetime | None = None
    title: str = ""
    notices: tuple[str, ...] = ()
    precision: Precision = Precision.CLOCK

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class Variant:
    """One called variant of a gene panel (VCF 4.3), as the laboratory reported it.

    variant_id: the record's own identifier, such as an rs number, else "chrom:pos:ref>alt".
    copies: of the alternate allele in the genotype, 1 or 2 (0 where the panel says reference).
    effect: the predicted consequence as the file states it (Sequence Ontology term such as
        "missense_variant"), "" if it does not. No claim about a disease is made of it.
    """

    variant_id: str
    gene: str
    chromosome: str
    position: int
    reference: str
    alternate: str
    copies: int
    effect: str = ""
    digest: str = ""


class ContradictionKind(StrEnum):
    """What two statements in a case do not agree on."""

    PATIENT = "patient"
    SIDE = "side"
    VIEW = "view"
    BODY_PART = "body part"
    VALUE = "value"
    IMAGE = "image"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two statements that can not both be right; a person has to say which is.

    words: a clause that names both sources. files: their names, as in ``SourceFile.name``.
    """

    kind: ContradictionKind
    words: str
    files: tuple[str, ...] = ()

    @property
    def sentence(self) -> Text:
        """The words as a sentence of their own."""
        return say("Contradiction: {words}.", words=self.words)


@dataclass(frozen=True, slots=True)
class Case:
    """One patient's inputs, whatever of them exists, with every source file accounted for.

    Every time in it reads as the clock on the wall of the site. It has a time zone, the site's,
    exactly where its source states one; without the zone two of them can be compared as they stand.

    digest: SHA-256 over the sorted digests of the used files: the same files are the same case.
        Where no file could be used, over the digests of all files.
    attachments: what files of any further modality hold, as their own reader gave it.
    notices: sentences about the case as a whole that a clinician must see (no patient text).
    contradictions: what the files do not agree on, all in one place.
    as_of: the time that a prediction speaks of: when the key image was taken, else the latest item.
        ``None`` if nothing has a time.
    """

    digest: str
    patient: Patient
    studies: tuple[Study, ...] = ()
    notes: tuple[Note, ...] = ()
    observations: tuple[Observation, ...] = ()
    recordings: tuple[Recording, ...] = ()
    variants: tuple[Variant, ...] = ()
    attachments: Mapping[Modality, tuple[object, ...]] = field(default_factory=dict)
    files: tuple[SourceFile, ...] = ()
    notices: tuple[str, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    as_of: datetime | None = None

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Every image instance of the case, in display order."""
        return tuple(i for study in self.studies for s in study.series for i in s.instances)

    @property
    def has_used_files(self) -> bool:
        """Whether any file could be used; else there is nothing to review."""
        return any(file.verdict is FileVerdict.USED for file in self.files)
