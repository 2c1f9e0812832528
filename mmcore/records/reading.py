"""What a reader said of a case, before and after the model's answer was shown."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

CONFIDENCES = (1, 2, 3, 4, 5)
"""From 1, a guess, to 5, certain."""


class ReadingMode(StrEnum):
    """When the reader sees the model's answer."""

    CONCURRENT = "concurrent"
    READ_FIRST = "read-first"
    SECOND_READER = "second-reader"


class Presence(StrEnum):
    """What a reader says of a finding."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSURE = "unsure"


class Response(StrEnum):
    """What a reader makes of the model's answer."""

    AGREE = "agree"
    CHANGE = "change"
    REJECT = "reject"


class DecisionReason(StrEnum):
    """Why a reader changed their mind or rejected the answer: a closed list, to be counted."""

    OVERLOOKED = "overlooked"
    EVIDENCE = "evidence"
    OTHER_INPUT = "other-input"
    WRONG_PLACE = "wrong-place"
    ARTEFACT = "artefact"
    OTHER_DISEASE = "other-disease"
    KNOWN = "known"
    QUALITY = "quality"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Impression:
    """What the reader held of one finding at one time.

    confidence: one of ``CONFIDENCES``. recorded_at: with its time zone. is_blind: no model's answer
    on this case had been shown in the session before.
    """

    target: str
    presence: Presence
    confidence: int
    recorded_at: datetime
    is_blind: bool

    def __post_init__(self) -> None:
        if self.confidence not in CONFIDENCES:
            raise ValueError(f"confidence is one of {CONFIDENCES}, not {self.confidence}")
        if self.recorded_at.tzinfo is None:
            raise ValueError("a time needs its zone")


@dataclass(frozen=True, slots=True)
class ReaderDecision:
    """What the reader made of the model's answer on one finding.

    before: the impression until now; None where none was recorded. after: the impression from now
    on: a new one for a change, ``before`` for the others. reason: None for an agreement. text: in
    the reader's own words, needed where the reason is "other". decided_at: with its time zone.
    """

    target: str
    response: Response
    reason: DecisionReason | None
    text: str
    before: Impression | None
    after: Impression | None
    decided_at: datetime

    def __post_init__(self) -> None:
        if self.decided_at.tzinfo is None:
            raise ValueError("a time needs its zone")
        if (self.reason is None) is not (self.response is Response.AGREE):
            raise ValueError("a change or a rejection has a reason, an agreement has none")
        if self.reason is DecisionReason.OTHER and not self.text.strip():
            raise ValueError("another reason needs its words")
        if self.response is Response.CHANGE:
            if self.after is None or self.after == self.before:
                raise ValueError("a change needs a new impression")
        elif self.after != self.before:
            raise ValueError("only a change has a new impression")
        if any(i is not None and i.target != self.target for i in (self.before, self.after)):
            raise ValueError("the impressions are on another target")


MOST_KEY_IMAGES = 12
"""In one report: more pictures are an album."""
MOST_CAPTION = 600
"""Characters of the caption of a key image."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class KeyImage:
    """What a reader saw on the screen and put into the report, with what they say of it.

    png: the picture; it holds no patient's name. digest: of the DICOM instance that is shown.
    frame: of that instance, from 0 on. caption: in the reader's words. recorded_at: with its time
    zone.
    """

    png: bytes
    digest: str
    frame: int
    caption: str
    recorded_at: datetime

    def __post_init__(self) -> None:
        if not self.png.startswith(PNG_SIGNATURE):
            raise ValueError("a key image is a PNG")
        if len(self.caption) > MOST_CAPTION:
            raise ValueError(f"a caption has at most {MOST_CAPTION} characters")
        if self.frame < 0:
            raise ValueError(f"frames count from 0, not from {self.frame}")
        if self.recorded_at.tzinfo is None:
            raise ValueError("a time needs its zone")


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one reader recorded on one case about one model's answer, in order of time.

    revealed_at: when the model's answer was shown; None before that, and in concurrent reading,
    where it was never hidden. Nothing is ever overwritten: a second decision on a finding follows
    the first.
    """

    mode: ReadingMode
    impressions: tuple[Impression, ...] = ()
    revealed_at: datetime | None = None
    decisions: tuple[ReaderDecision, ...] = ()

    @property
    def is_revealed(self) -> bool:
        """Whether the model's answer may be shown."""
        return self.mode is ReadingMode.CONCURRENT or self.revealed_at is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was recorded."""
        return not (self.impressions or self.decisions)

    def held(self, target: str) -> Impression | None:
        """Return what the reader holds of a target now."""
        for decision in reversed(self.decisions):
            if decision.target == target:
                return decision.after
        return next((i for i in self.impressions if i.target == target), None)

    def reveal(self, impressions: tuple[Impression, ...], at: datetime) -> "Reading":
        """Return the reading with its impressions stored and the answer shown.

        Raises ``ValueError`` if it was shown already, or without an impression.
        """
        if self.is_revealed:
            raise ValueError("the model's answer is shown already")
        if not impressions:
            raise ValueError("an impression comes before the model's answer")
        return replace(self, impressions=impressions, revealed_at=at)

    def decide(self, decision: ReaderDecision) -> "Reading":
        """Return the reading with one more decision.

        Raises ``ValueError`` before the answer was shown, and where ``before`` is not what the
        reader holds.
        """
        if not self.is_revealed:
            raise ValueError("no decision is made on an answer that was not shown")
        if decision.before != self.held(decision.target):
            raise ValueError("the decision starts from another impression than the last one")
        return replace(self, decisions=(*self.decisions, decision))
