"""One clinical note: its text, its headed sections and whom it names."""

import re
from datetime import date
from typing import Any, Literal

from mmcore.intake.moments import Moment, from_plain, leading_iso, moment_of, stated
from mmcore.intake.parts import Identity, NotePart
from mmcore.intake.text import decode_text
from mmcore.records import Note, Patient, Section

KINDS: dict[str, str] = {
    **dict.fromkeys(
        ("history", "past medical history", "medical history", "history of present illness", "hpi",
         "pmh", "past history", "clinical history", "family history", "social history",
         "presenting complaint", "chief complaint", "subjective", "anamnesis"),
        "history",
    ),
    **dict.fromkeys(
        ("indication", "indications", "reason for exam", "reason for examination",
         "reason for study", "clinical information", "clinical indication", "clinical question"),
        "indication",
    ),
    **dict.fromkeys(
        ("examination", "exam", "physical examination", "physical exam", "on examination",
         "objective", "vital signs", "vitals", "technique", "procedure"),
        "examination",
    ),
    **dict.fromkeys(
        ("findings", "finding", "results", "laboratory", "labs", "imaging", "report"), "findings"
    ),
    **dict.fromkeys(
        ("impression", "impressions", "assessment", "conclusion", "conclusions", "diagnosis",
         "diagnoses", "opinion", "summary", "assessment and plan"),
        "impression",
    ),
    **dict.fromkeys(
        ("plan", "recommendation", "recommendations", "management", "disposition", "follow-up",
         "follow up"),
        "plan",
    ),
    **dict.fromkeys(
        ("medication", "medications", "current medications", "home medications", "drugs",
         "medications on admission", "discharge medications"),
        "medication",
    ),
    **dict.fromkeys(("comparison", "comparisons", "prior studies", "compared with"), "comparison"),
    **dict.fromkeys(("allergies", "addendum", "course", "hospital course"), "other"),
}  # fmt: skip

_MARKUP = r"[ \t]{0,8}(?:[#*_]{1,6}[ \t]{0,4})?"
# A known heading before a colon or alone on its line, or unknown capitals before a colon.
_HEADING = re.compile(
    rf"^{_MARKUP}(?:(?P<known>{'|'.join(sorted(map(re.escape, KINDS), key=len, reverse=True))})"
    r"[ \t]{0,4}[*_]{0,3}(?::[*_]{0,3}|[ \t]{0,40}$)"
    r"|(?P<capitals>[A-Z][A-Z /&-]{2,48}):)",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_LINES = 15
_LABEL = re.compile(
    r"(?:^|(?<=[ \t;,|]))(?P<label>patient name|patient id|patient|name|mrn|medical record number"
    r"|record number|hospital number|date of birth|birth date|dob|date|dictated|authored"
    r")[ \t]*:[ \t]*",
    re.IGNORECASE,
)
_ID_LABELS = ("patient id", "mrn", "medical record number", "record number", "hospital number")
_BIRTH_LABELS = ("date of birth", "birth date", "dob")
_COMPACT = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2}):(\d{2}))?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?[ T](\d{1,2}):(\d{2}))?")
_TITLE_CHARACTERS = 80
_SEXES: dict[str, Literal["F", "M", "O"]] = {"F": "F", "M": "M", "O": "O"}


def read_note(data: bytes, *, digest: str, title: str) -> NotePart:
    """Return the note in ``data``.

    Raises ``FileRefusedError`` (TOO_LARGE or BAD_TEXT).
    """
    text, notices = decode_text(data)
    identity, moment = read_identity(text)
    authored_at, precision = stated(moment)
    note = Note(
        digest=digest,
        text=text,
        sections=find_sections(text),
        authored_at=authored_at,
        precision=precision,
        title=title[:_TITLE_CHARACTERS],
    )
    return NotePart(note, identity, _patient_of(identity), notices)


def note_part(found: dict[str, Any], *, digest: str, title: str) -> NotePart:
    """Return the note that the decoding process found in a document, from its JSON.

    title: the name of the file, where the document has no title of its own.
    """
    said = identity_of(found)
    authored_at, precision = stated(from_plain(found["authored_at"]))
    note = Note(
        digest=digest,
        text=found["text"],
        sections=tuple(Section(*section) for section in found["sections"]),
        authored_at=authored_at,
        precision=precision,
        title=(found["title"] or title)[:_TITLE_CHARACTERS],
    )
    notices = tuple(found["notices"])
    if found["is_hint"]:
        return NotePart(note, Identity(), Patient(), notices, hints=said)
    hints = identity_of(found["hints"]) if "hints" in found else Identity()
    results = tuple(found.get("results", ()))
    return NotePart(note, said, _patient_of(said), notices, hints, results)


def identity_of(found: dict[str, Any]) -> Identity:
    """Return whom the message of the decoding process names."""
    born = found["birth_date"]
    return Identity(
        frozenset(found["patient_ids"]),
        found["patient_name"],
        date.fromisoformat(born) if born else None,
        found["sex"],
    )


def _patient_of(identity: Identity) -> Patient:
    return Patient(
        patient_id=min(identity.patient_ids, default=None),
        name=identity.name,
        birth_date=identity.birth_date,
        sex=_SEXES.get(identity.sex or ""),
    )


def find_sections(text: str) -> tuple[Section, ...]:
    """Return the headed parts of a note in order; they cover it from the first heading on.

    What stands before the first heading becomes a section without title. A note without any
    heading has no sections.
    """
    found = [match for match in _HEADING.finditer(text) if _is_heading(match)]
    if not found:
        return ()
    sections = []
    if text[: found[0].start()].strip():
        sections.append(Section("", "other", 0, found[0].start()))
    stops = [*(match.start() for match in found[1:]), len(text)]
    for match, stop in zip(found, stops, strict=True):
        title = (match["known"] or match["capitals"]).strip()
        kind = KINDS.get(title.lower(), "other")
        sections.append(Section(title, kind, match.start(), stop))
    return tuple(sections)


def _is_heading(match: re.Match[str]) -> bool:
    """Drop "the word alone": IGNORECASE made ``capitals`` match any sentence with a colon."""
    capitals = match["capitals"]
    if capitals is None:
        return True
    return bool(capitals.isupper() and not _LABEL.match(f"{capitals}:"))


def read_identity(text: str) -> tuple[Identity, Moment | None]:
    """Return whom a text is about and its date, from "Patient: ...", "MRN: ..." and the like.

    Only the first lines are read.
    """
    ids: set[str] = set()
    name: str | None = None
    birth_date: date | None = None
    authored_at: Moment | None = None
    for line in text[:4096].split("\n")[:_HEADER_LINES]:
        labels = list(_LABEL.finditer(line))
        stops = [match.start() for match in labels[1:]] + [len(line)]
        for match, stop in zip(labels, stops, strict=False):
            label, value = match["label"].lower(), line[match.end() : stop].strip(" \t;,|*")
            value = re.split(r"\t|  +|[;|(]", value)[0].strip(" ,*")
            if label in _ID_LABELS and re.fullmatch(r"[\w./-]{1,40}", value):
                ids.add(value)
            elif label in _BIRTH_LABELS:
                birth_date = parse_date(value) or birth_date
            elif label in ("date", "dictated", "authored"):
                authored_at = authored_at or parse_time(value)
            elif name is None and label.startswith(("patient", "name")) and _is_name(value):
                name = value
    return Identity(frozenset(ids), name, birth_date), authored_at


def _is_name(value: str) -> bool:
    """Whether "Patient: ..." goes on with a name and not with "54-year-old man with cough"."""
    words = [word for word in re.split(r"[ ,^.]+", value) if word]
    return (
        2 <= len(words) <= 6
        and len(value) <= 64
        and not any(character.isdigit() for character in value)
        and not any(word[0].islower() for word in words if len(word) > 3)
    )


def parse_time(text: str) -> Moment | None:
    """Return the moment that a text begins with, if it can be read in one way only.

    ISO 8601 to the day at least, with or without its dashes, or day.month.year.
    """
    if found := leading_iso(text):
        return found
    if match := _COMPACT.match(text):
        return moment_of(*match.groups())
    if match := _DOTTED.match(text):
        day, month, year, *clock = match.groups()
        return moment_of(year, month, day, *clock)
    return None


def parse_date(text: str) -> date | None:
    """Return the day that a text begins with, as ``parse_time`` reads it."""
    moment = parse_time(text)
    return None if moment is None else moment.at.date()
