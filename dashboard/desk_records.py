"""A reader's desk for one case and one model: what was recorded there, and what lies unrecorded."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmcore.records import DecisionReason, KeyImage, Presence, Reading, Response
from mmcore.store import StoredDesk


@dataclass(slots=True)
class Entry:
    """What a reader has entered on one finding and not recorded yet."""

    presence: Presence | None = None
    confidence: int | None = None
    response: Response | None = None
    reason: DecisionReason | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """How a desk was between two changes: its entries that are not blank, and its pictures."""

    entries: dict[str, Entry] = field(default_factory=dict)
    key_images: tuple[KeyImage, ...] = ()


@dataclass(slots=True)
class History:
    """What can be undone and redone at a desk, last changes last.

    last: how the desk was when it was looked at last. round: counts up when entries change other
    than by their own widgets, which then are drawn anew.
    """

    past: list[Step] = field(default_factory=list)
    future: list[Step] = field(default_factory=list)
    last: Step = field(default_factory=Step)
    round: int = 0


@dataclass(slots=True)
class Desk:
    """What a reader recorded of one case about one model's answer, and what lies unrecorded.

    entries: by target name. key_images: what the reader put into the report from the screen.
    removed: the last of them that was taken out, with its place, until it is put back or another
    one goes. viewer: how the images were left, as plain JSON (``dashboard.viewer.returns``); empty
    before anything was. conclusion: what the reader concludes in their own words. addendum: what
    they are about to add to a signed report. history: what can be undone. saved, saved_reading:
    what of it is on the disk.
    """

    reading: Reading
    entries: dict[str, Entry] = field(default_factory=dict)
    key_images: tuple[KeyImage, ...] = ()
    removed: tuple[int, KeyImage] | None = None
    viewer: dict[str, Any] = field(default_factory=dict)
    conclusion: str = ""
    addendum: str = ""
    history: History = field(default_factory=History)
    saved: StoredDesk = field(default_factory=StoredDesk)
    saved_reading: Reading | None = None

    def entry(self, target: str) -> Entry:
        """Return the entry on one finding, a blank one on first use."""
        return self.entries.setdefault(target, Entry())


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON."""
    return {
        "presence": entry.presence,
        "confidence": entry.confidence,
        "response": entry.response,
        "reason": entry.reason,
        "text": entry.text,
    }


def image_json(image: KeyImage) -> dict[str, Any]:
    """Return a picture as JSON, which names its file by its SHA-256."""
    return {
        "picture": hashlib.sha256(image.png).hexdigest(),
        "digest": image.digest,
        "frame": image.frame,
        "caption": image.caption,
        "recorded_at": image.recorded_at.isoformat(),
    }


def entry_of(value: Mapping[str, Any]) -> Entry:
    """Return an entry from JSON; a word that this version does not know is left out."""
    return Entry(
        presence=_word(Presence, value.get("presence")),
        confidence=value.get("confidence"),
        response=_word(Response, value.get("response")),
        reason=_word(DecisionReason, value.get("reason")),
        text=value.get("text", ""),
    )


def _word(kind: Any, value: str | None) -> Any:
    return kind(value) if value in list(kind) else None
