"""What is asked of a de-identification, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Dates(StrEnum):
    """What becomes of dates."""

    REMOVE = "remove"
    SHIFT = "shift"


class BurnedIn(StrEnum):
    """What becomes of pixels that may hold text."""

    APPROVE = "approve"  # a person has seen the picture and says where text is
    NONE = "none"  # nobody looks: what is likely to hold text is left out


class Reason(StrEnum):
    """Why a file is not in the de-identified case. A code never changes its meaning."""

    NOT_READ = "NOT_READ"
    KIND_NOT_HANDLED = "KIND_NOT_HANDLED"
    TEXT_NOT_APPROVED = "TEXT_NOT_APPROVED"
    TOO_MANY_VARIANTS = "TOO_MANY_VARIANTS"
    IDENTIFIER_LEFT = "IDENTIFIER_LEFT"


class SpanKind(StrEnum):
    """The kind of an identifier in text, as its placeholder says."""

    NAME = "NAME"
    DATE = "DATE"
    AGE = "AGE"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    ID = "ID"
    URL = "URL"
    ADDRESS = "ADDRESS"
    FACILITY = "FACILITY"


@dataclass(frozen=True, slots=True)
class SafePrivate:
    """A private attribute that is known to be harmless. PS3.15 E.3.10.

    creator: its private creator, exactly. group: odd. element: the last two hexadecimal digits.
    """

    creator: str
    group: int
    element: int

    @classmethod
    def from_text(cls, text: str) -> "SafePrivate":
        """Return what "CREATOR|group|element" names, hexadecimal. Raises ``ValueError``."""
        creator, group, element = text.split("|")
        made = cls(creator.strip(), int(group, 16), int(element, 16) & 0xFF)
        if not made.creator or not made.group % 2 or not 0 < made.group <= 0xFFFF:
            raise ValueError("a private attribute has a creator and an odd group")
        return made


@dataclass(frozen=True, slots=True)
class Options:
    """The choices that PS3.15 leaves to a site.

    dates: removed, or moved by an offset of the patient that keeps intervals (E.3.6).
    keeps_characteristics: sex, age (90 and more as 90), size and weight (E.3.5).
    keeps_descriptions: descriptions stay with the words that are known to be harmless (E.3.9).
    safe_private: private attributes that stay, if they are numbers (E.3.10).
    burned_in: how text in pixels is treated (E.3.1).
    loci: variants that a gene panel keeps, by their ids; empty for all of a small panel.
    """

    dates: Dates = Dates.REMOVE
    keeps_characteristics: bool = True
    keeps_descriptions: bool = True
    safe_private: tuple[SafePrivate, ...] = ()
    burned_in: BurnedIn = BurnedIn.APPROVE
    loci: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of stored pixels that holds text, in every frame.

    row, column: of its upper left pixel. confidence: 0 to 1; 1 where a person drew it.
    """

    row: int
    column: int
    rows: int
    columns: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive) of a text, and what they identify by.

    replacement: what stands there instead.
    """

    start: int
    end: int
    kind: SpanKind
    replacement: str


@dataclass(frozen=True, slots=True)
class CleanFile:
    """One file of the de-identified case.

    name: neutral, such as "image-001.dcm". number: of the source file, from 1 in the order given.
    changes: how many of each kind: "removed", "emptied", "replaced", "UID", "private", ...
    spans: in the source text of a note. masked: boxes that were blacked out.
    """

    name: str
    number: int
    kind: str
    data: bytes = field(repr=False)
    changes: Mapping[str, int]
    spans: tuple[Span, ...] = ()
    masked: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A source file that is not in the case, by its number, and why; no word of it is quoted."""

    number: int
    kind: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class DeidentifiedCase:
    """The files that may leave, and what was done to them."""

    pseudonym: str
    options: Options
    files: tuple[CleanFile, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class FoundText:
    """What a look at one image found, for a person to approve.

    digest: SHA-256 of the source file, under which the approval is given.
    needs_approval: whether the image is left out until somebody has.
    """

    number: int
    digest: str
    boxes: tuple[Box, ...]
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be done, before anything is written; nothing of it is for export.

    texts: of each note as it was, by the name of its new file; the spans of that lie in it.
    """

    case: DeidentifiedCase
    found_text: tuple[FoundText, ...]
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)


Approvals = Mapping[str, tuple[Box, ...]]
"""By digest of a source file: every box with text, as a person says who has looked at the image."""
