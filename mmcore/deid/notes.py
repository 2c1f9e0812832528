"""A note without the identifiers of the HIPAA Safe Harbor, and the list of what was taken out.

Every identifier becomes a placeholder of its kind, such as [NAME], and every span is returned, so a
person can see before anything leaves what goes and what stays. Dates are moved instead where the
case keeps intervals and the date can be read in one way only.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mmcore.deid.note_guesses import guesses
from mmcore.deid.note_names import alike, announced_names, folded, known_names, surnames
from mmcore.deid.note_patterns import AGES, CONTACTS, DATES, MONTHS, NUMBERS, PLACES, Pattern
from mmcore.deid.records import Span, SpanKind

_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})")
_NAMED = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?(?: of)?([ -]?)([a-z]{3,9})\.?[ ,-]{1,2}(\d{4})", re.I
)
_NAMED_FIRST = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.I)
_CHINESE = re.compile(r"(\d{4})\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})\s?([日号])")
MAX_CHARACTERS = 100_000  # of one note; a longer one is no note, and takes a minute
# What a name, a number or a place ends with and is not part of it.
_TRAILING = " \t\n,.;:("


@dataclass(frozen=True, slots=True)
class Known:
    """What the files of a case say of their patient and staff, to be found in its notes.

    names: as written, of anybody. numbers: of records and devices. places: institutions, addresses.
    """

    names: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CleanText:
    """A text with placeholders, and what they stand for in the source text, in order."""

    text: str
    spans: tuple[Span, ...]


def scrub(text: str, known: Known = Known(), *, days: int | None = None) -> CleanText:
    """Return ``text`` without identifiers.

    days: by which dates are moved; ``None`` removes them. Years by themselves stay.
    """
    found = sorted(_found(text, known), key=lambda f: (f[0], -f[1]))
    spans: list[Span] = []
    for start, end, kind in _merged(found):
        replacement = _replacement(text[start:end], kind, days)
        spans.append(Span(start, end, kind, replacement))
    pieces: list[str] = []
    at = 0
    for span in spans:
        pieces += [text[at : span.start], span.replacement]
        at = span.end
    return CleanText("".join([*pieces, text[at:]]), tuple(spans))


def _found(text: str, known: Known) -> Iterator[tuple[int, int, SpanKind]]:
    yield from _known_values(text, known.numbers, SpanKind.ID)
    yield from _known_values(text, known.places, SpanKind.FACILITY)
    for pattern in (*CONTACTS, *DATES, *AGES, *NUMBERS, *PLACES):
        yield from _matches(text, pattern)
    read = _digits_read(text)
    if read != text:
        for pattern in (*CONTACTS, *DATES, *NUMBERS):
            yield from _matches(read, pattern)
    announced = list(announced_names(text))
    names = known.names | surnames(text, announced)
    elsewhere = [*known_names(text, names), *known_names(folded(text), names)]
    for start, end, kind in (*elsewhere, *announced, *guesses(text)):
        yield start, start + len(text[start:end].rstrip(" \t\n,;:")), kind


def _digits_read(text: str) -> str:
    """Return ``text``, character for character, with letters among digits read as these."""
    text = re.sub(r"[lI|](?=[\d/.-]*\d)|(?<=\d)[lI|](?![a-z])", "1", text)
    return re.sub(r"[oO](?=[\d/.-]*\d)|(?<=\d)[oO](?![a-z])", "0", text)


def _matches(text: str, pattern: Pattern) -> Iterator[tuple[int, int, SpanKind]]:
    group = "it" if "it" in pattern.expression.groupindex else 0
    for match in pattern.expression.finditer(text):
        start, end = match.span(group)
        end = start + len(text[start:end].rstrip(_TRAILING))
        if end > start:
            yield start, end, pattern.kind


def _known_values(
    text: str, values: Iterable[str], kind: SpanKind
) -> Iterator[tuple[int, int, SpanKind]]:
    for value in values:
        words = [re.escape(word) for word in re.split(r"[\s^,]+", value) if word]
        if len("".join(words)) < 3:
            continue
        form = r"[\s^,]{1,3}".join(words)
        for match in re.finditer(rf"(?<!\w){form}(?!\w)", text, re.IGNORECASE):
            yield *match.span(), kind
    if kind is SpanKind.ID:
        yield from _known_numbers(text, values)


def _known_numbers(text: str, values: Iterable[str]) -> Iterator[tuple[int, int, SpanKind]]:
    """Yield where a known number stands in groups, or with letters that look like its digits."""
    seen = alike(text)
    for value in values:
        characters = re.sub(r"\W", "", value)
        if len(characters) >= 6:
            form = r"[ .-]?".join(re.escape(alike(c)) for c in characters)
            for match in re.finditer(rf"(?<![a-z0-9]){form}(?![a-z0-9])", seen):
                yield *match.span(), SpanKind.ID


def _merged(
    found: Sequence[tuple[int, int, SpanKind]],
) -> list[tuple[int, int, SpanKind]]:
    """Join what overlaps; the longest part says of which kind the whole is."""
    merged: list[tuple[int, int, SpanKind]] = []
    longest = 0
    for start, end, kind in found:
        if merged and start < merged[-1][1]:
            first, last, old = merged[-1]
            kind, longest = (kind, end - start) if end - start > longest else (old, longest)
            merged[-1] = (first, max(last, end), kind)
        else:
            merged.append((start, end, kind))
            longest = end - start
    return merged


def _replacement(found: str, kind: SpanKind, days: int | None) -> str:
    if kind is SpanKind.DATE and days is not None:
        moved = moved_date(found, days)
        if moved is not None:
            return moved
    return f"[{kind}]"


def moved_date(text: str, days: int) -> str | None:
    """Return a date moved by ``days`` in its own form; ``None`` if it can be read in two ways."""
    if match := _ISO.fullmatch(text):
        moved = _moved(match[1], match[3], match[4], days)
        return None if moved is None else f"{moved:%Y}{match[2]}{moved:%m}{match[2]}{moved:%d}"
    if match := _COMPACT.fullmatch(text):
        moved = _moved(match[1], match[2], match[3], days)
        return None if moved is None else f"{moved:%Y%m%d}"
    if match := _DOTTED.fullmatch(text):
        moved = _moved(match[3], match[2], match[1], days)
        return None if moved is None else f"{moved:%d.%m.%Y}"
    if match := _CHINESE.fullmatch(text):
        moved = _moved(match[1], match[2], match[3], days)
        return None if moved is None else f"{moved.year}年{moved.month}月{moved.day}{match[4]}"
    if match := _SLASHED.fullmatch(text):
        first, second = int(match[1]), int(match[3])
        if first <= 12 and second <= 12 and first != second:
            return None
        day, month = (first, second) if first > 12 else (second, first)
        moved = _moved(match[4], str(month), str(day), days)
        order = "%d{0}%m{0}%Y" if first > 12 else "%m{0}%d{0}%Y"
        return None if moved is None else moved.strftime(order.format(match[2]))
    return _moved_named(text, days)


def _moved_named(text: str, days: int) -> str | None:
    if match := _NAMED.fullmatch(text):
        moved = _moved(match[4], _month(match[3]), match[1], days)
        return (
            None
            if moved is None
            else f"{moved.day} {MONTHS[moved.month - 1].capitalize()} {moved.year}"
        )
    if match := _NAMED_FIRST.fullmatch(text):
        moved = _moved(match[3], _month(match[1]), match[2], days)
        return (
            None
            if moved is None
            else f"{MONTHS[moved.month - 1].capitalize()} {moved.day}, {moved.year}"
        )
    return None


def _month(name: str) -> str:
    return next(
        (str(i) for i, month in enumerate(MONTHS, 1) if month.startswith(name.lower()[:3])), "0"
    )


def _moved(year: str, month: str, day: str, days: int) -> date | None:
    try:
        return date(int(year), int(month), int(day)) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
