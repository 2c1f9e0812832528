"""What one file turned out to hold, before the files of a case are put together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mmcore.intake.moments import Moment
from mmcore.records import (
    Instance,
    Modality,
    Note,
    Observation,
    Patient,
    Recording,
    Variant,
    Window,
)

DIRECTORY = "DirectoryRecordSequence"
"""What the refusal of a DICOMDIR names: the index of a disc, which nothing is wrong with."""


DOCUMENTS = ("EncapsulatedDocument", "ContentSequence")
"""What the refusal of a DICOM object without pixels names if it holds a text that can be read."""

NOT_OF_A_PERSON = ("PreliminaryFlag", "ObserverType")
"""What the refusal of a report names that is not final, or that a device made."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a file says it is about. Anything it does not say is empty or ``None``.

    patient_ids: every record number the file gives; two files agree if they share one.
    """

    patient_ids: frozenset[str] = frozenset()
    name: str | None = None
    birth_date: date | None = None
    sex: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether the file says anything that can be compared."""
        return bool(self.patient_ids or self.name or self.birth_date)


@dataclass(frozen=True, slots=True)
class Plane:
    """One frame of a volume. position_mm: along the normal. Windows and spacing: of this frame."""

    position_mm: float
    acquired_at: Moment | None = None
    spacing_mm: tuple[float, float] | None = None
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ImagePart:
    """One image instance with the places it takes in the study tree.

    planes: one per frame where the frames are parallel slices of a volume, else empty.

    position_mm: distance along the series normal, for ordering slices; ``None`` if not stated.
    """

    instance: Instance
    identity: Identity
    patient: Patient
    study_uid: str
    series_uid: str
    study_description: str = ""
    series_description: str = ""
    series_number: int | None = None
    study_started_at: Moment | None = None
    accession_number: str | None = None
    position_mm: float | None = None
    planes: tuple[Plane, ...] = ()


@dataclass(frozen=True, slots=True)
class NotePart:
    """One note.

    hints: whom free text of uncertain order seems to name; it may raise a question and decides
        nothing.
    results: what its document holds in coded form, for ``observations_cda``.
    """

    note: Note
    identity: Identity
    patient: Patient
    notices: tuple[str, ...] = ()
    hints: Identity = field(default_factory=Identity)
    results: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ObservationsPart:
    """The observations of one file, and the notes that came with them.

    questions: one sentence per row or entry that was not used, by line or entry number.
    is_mapped: whether a person said what the columns hold.
    aside: what the file holds that is no fault and was not used, as a clause; "" if nothing.
    replaces: code and time of results that the file corrects or takes back, in other files too.
    """

    observations: tuple[Observation, ...]
    identity: Identity
    patient: Patient
    questions: tuple[str, ...] = ()
    notices: tuple[str, ...] = field(default=())
    notes: tuple[Note, ...] = ()
    is_mapped: bool = False
    aside: str = ""
    replaces: frozenset[tuple[str, Moment]] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class RecordingPart:
    """One sound recording."""

    recording: Recording
    identity: Identity
    patient: Patient


@dataclass(frozen=True, slots=True)
class VariantsPart:
    """The genotypes of one file.

    questions: one sentence per row that was not used, by line number.
    aside: what the file holds that is no fault and was not used, as a clause; "" if nothing.
    """

    variants: tuple[Variant, ...]
    identity: Identity
    patient: Patient
    questions: tuple[str, ...] = ()
    aside: str = ""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class AttachmentPart:
    """What the reader of a further modality made of one file; see ``readers``."""

    modality: Modality
    digest: str
    content: object
    identity: Identity
    patient: Patient = field(default_factory=Patient)


Part = ImagePart | NotePart | ObservationsPart | RecordingPart | VariantsPart | AttachmentPart
