"""What goes into an object and what comes out, as plain records."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Plain = str | float | int
AI_NOT_VERIFIED = "AI-derived, not verified"
AI_SIGNED = "AI-derived, in a signed reading"
"""What every object says of itself, before and after its reading was signed."""


class Kind(StrEnum):
    """What can be made of a result. Each kind has a series of its own in the patient's study."""

    PDF = "pdf"
    SR = "sr"
    MAP = "map"
    CAPTURE = "capture"
    KEY_OBJECTS = "key-objects"
    STATE = "state"
    FHIR = "fhir"


SERIES: Mapping[Kind, tuple[int, str]] = {
    Kind.PDF: (9001, "report"),
    Kind.SR: (9002, "structured report"),
    Kind.MAP: (9003, "evidence map"),
    Kind.CAPTURE: (9004, "evidence overlay"),
    Kind.KEY_OBJECTS: (9005, "key images"),
    Kind.STATE: (9006, "display as read"),
}
"""Series number, and what the series description says it holds."""


@dataclass(frozen=True, slots=True)
class Head:
    """The header of one source instance, without its pixels.

    digest: SHA-256 of the file. frames: 1 for an instance that is no multi-frame image. values: by
    DICOM keyword, the attributes that an object of the same patient and study repeats; each checked
    against its value representation, in UTF-8. has_modality_lut: stored values become modality
    values by a table, not by slope and intercept.
    """

    digest: str
    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    dicom_modality: str
    rows: int
    columns: int
    frames: int
    values: Mapping[str, tuple[Plain, ...]]
    has_modality_lut: bool = False

    def text(self, keyword: str) -> str:
        """Return the first value of an attribute as text, or ""."""
        found = self.values.get(keyword, ())
        return str(found[0]) if found else ""

    def numbers(self, keyword: str, *, length: int) -> tuple[float, ...] | None:
        """Return exactly ``length`` numbers, or None where the source does not state them."""
        found = self.values.get(keyword, ())
        return tuple(float(v) for v in found) if len(found) == length else None


@dataclass(frozen=True, slots=True)
class Mark:
    """A measurement on an image.

    kind: "length", "angle", "rectangle" or "ellipse". points: (row, column) in stored pixels, where
    the centre of the first pixel is (0.5, 0.5); of a rectangle or ellipse two opposite corners.
    """

    kind: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Display:
    """How a reader left one image on the screen.

    digest: of the instance. center, width: the window, in modality values. turn: (a, b, c, d), a
    step of (x, y) on the upright image is seen as (a x + b y, c x + d y). is_inverted: light and
    dark changed, against how the image is meant to be shown.
    """

    digest: str
    center: float
    width: float
    turn: tuple[int, int, int, int] = (1, 0, 0, 1)
    is_inverted: bool = False
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Earlier:
    """A structured report of an earlier version of the result that a peer already holds."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Made:
    """One finished object.

    name: a file name that holds nothing of the patient. media_type: "application/dicom" or
    "application/fhir+json". Of the latter the series is the identifier of the report, by which a
    later version replaces it, and the other UIDs of series and instance are "".
    """

    kind: Kind
    name: str
    data: bytes
    media_type: str = "application/dicom"
    study_uid: str = ""
    series_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
