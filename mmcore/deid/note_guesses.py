"""Names and towns that nothing announces, guessed from lists of names and from capitals.

A capitalised word of the lists is taken for a name unless it is an ordinary word, a term or a
surname that a finding is called after; then only beside another name. This finds most names that
rules of context miss, and costs a few words that were none.
"""

# ruff: noqa: E501, RUF001 - an expression is read in one line; Chinese has its own punctuation

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mmcore.deid.lexicon import lexicon, plain
from mmcore.deid.note_names import NOT_NAMES
from mmcore.deid.records import SpanKind

_TOKEN = re.compile(
    r"[A-ZÀ-ÖØ-ÞŠŽŁ](?:[A-Za-zÀ-ÖØ-öø-ÿŠšŽžłŁ'’]|-(?=[A-ZÀ-ÖØ-ÞŠŽŁ]))*(?:\.(?= ?[A-ZÀ-ÞŠŽŁ])(?<=[A-Z]\.))?"
)
_BETWEEN = re.compile(
    r"(?:,? |[-,^]|, ?\n?|\. ?|  ?)(?:(?:van|von|de|del|della|der|den|di|da|dos|la|le|al|el|bin|ibn|Abi|Ní|Mac|Mc|O'|St\.?) ){0,2}"
)
# What a surname stands before where it names a thing.
_THING = re.compile(
    r"['’]?s?[ -](?:disease|syndrome|sign|score|criteria|classification|stage|lines?|catheter|tube|valve|plug|procedure"
    r"|operation|repair|fracture|hernia|node|nodules?|test|scale|index|method|formula|units?|values?|angle|triangle|space|ring|web"
    r"|contracture|phenomenon|reflex|murmur|breathing|respiration|fever|palsy|thyroiditis|tumou?r|sarcoma|cells?|body|bodies|cyst|duct"
    r"|stain|reaction|wave|block|rhythm|position|incision|clamp|drain|stents?|filter|grafts?|shunt|bag|mask|cannula|needle|forceps"
    r"|stigmata|focus|complex|plaques?|anatomy|deformity|lesion|pouch|diverticulum|oesophagus|esophagus|tear|lymphoma|chart"
    r"|stools?|coma|hump|line|B lines|fundoplication|manoeuvre|maneuver|anaemia|anemia|point|law|protocol|regimen|study|trial|et al)\b",
    re.IGNORECASE,
)
_BEFORE_PLACE = re.compile(r"\b(?:from|in|near|at|of|to|via)\s$")
_LISTING = (" and ", " & ", "/", " / ")
_LEAST_CAPITALS = 5  # letters of a word in capitals among others that are not; shorter: an acronym


class _Kind(Enum):
    NAME = auto()  # of the lists, and nothing else
    EITHER = auto()  # of the lists, and an ordinary word
    INITIAL = auto()
    UNKNOWN = auto()  # capitalised, and of no list
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    kind: _Kind


def guesses(text: str) -> Iterator[tuple[int, int, SpanKind]]:
    """Yield where a name or a town seems to stand."""
    for start, line in _lines(text):
        letters = [c for c in line if c.isalpha() and c.isascii()]
        in_capitals = sum(c.isupper() for c in letters) > 0.7 * len(letters)
        tokens = list(_tokens(line, in_capitals=in_capitals))
        for first, last in _runs(line, tokens, in_capitals=in_capitals):
            yield start + first, start + last, SpanKind.NAME
        for first, last in _towns(line):
            yield start + first, start + last, SpanKind.ADDRESS
    for town in lexicon().chinese_towns:
        for match in re.finditer(re.escape(town), text) if town in text else ():
            yield *match.span(), SpanKind.ADDRESS


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, line
        start += len(line)


def _tokens(line: str, *, in_capitals: bool) -> Iterator[_Token]:
    for match in _TOKEN.finditer(line):
        if match.start() and (line[match.start() - 1].isalnum() or line[match.start() - 1] == "'"):
            continue
        if match.end() < len(line) and line[match.end()].isdigit():
            continue
        yield _Token(*match.span(), _kind(line, match, in_capitals=in_capitals))


def _kind(line: str, match: re.Match[str], *, in_capitals: bool) -> _Kind:
    word = match[0].rstrip(".'’")
    if len(word) == 1:
        return _Kind.INITIAL
    words = lexicon()
    parts = [part for part in re.split(r"['’-]", plain(word)) if len(part) > 1]
    if not parts or _THING.match(line, match.end()) or NOT_NAMES & set(parts):
        return _Kind.OTHER
    is_listed = any(part in words.names for part in parts)
    is_usual = any(part in words.usual for part in parts)
    is_acronym = word.isupper() and not in_capitals and len(word) < _LEAST_CAPITALS
    if is_listed:
        is_short = in_capitals and len(word) < _LEAST_CAPITALS - 1
        return _Kind.EITHER if is_usual or is_acronym or is_short else _Kind.NAME
    if is_usual or word.isupper() or len(word) < 3:
        return _Kind.OTHER
    return _Kind.UNKNOWN


def _runs(line: str, tokens: Sequence[_Token], *, in_capitals: bool) -> Iterator[tuple[int, int]]:
    """Yield stretches of tokens of which one at least is a name and the others go with it."""
    at = 0
    while at < len(tokens):
        if tokens[at].kind is not _Kind.NAME and not _is_full_name(line, tokens[at : at + 2]):
            at += 1
            continue
        first = last = at
        while first and _joins(line, tokens[first - 1], tokens[first]):
            first -= 1
        while last + 1 < len(tokens) and _joins(line, tokens[last], tokens[last + 1]):
            last += 1
        end = tokens[last].end
        yield tokens[first].start, end - 2 * line[:end].endswith(("'s", "’s"))
        at = last + 1


def _is_full_name(line: str, pair: Sequence[_Token]) -> bool:
    """Whether two words are one whole name: first a listed one, then an unknown, inside a sentence."""
    return (
        [token.kind for token in pair] == [_Kind.EITHER, _Kind.UNKNOWN]
        and line[pair[0].end : pair[1].start] == " "
        and re.search(r"(?:[a-z],? |\()$", line[: pair[0].start]) is not None
    )


def _joins(line: str, left: _Token, right: _Token) -> bool:
    between = line[left.end : right.start]
    kinds = {left.kind, right.kind}
    if between in _LISTING:
        return _Kind.NAME in kinds and kinds <= {_Kind.NAME, _Kind.UNKNOWN}
    if _Kind.OTHER in kinds or not _BETWEEN.fullmatch(between):
        return False
    if _Kind.UNKNOWN in kinds:  # an unknown word may begin a sentence or a list
        return between in (" ", "-")
    return _Kind.EITHER not in kinds or "." not in between


def _towns(line: str) -> Iterator[tuple[int, int]]:
    """Yield towns of one to three words; one that is also a usual word only after "in" or "from"."""
    words = lexicon()
    found = list(re.finditer(r"[A-ZÀ-Þ][A-Za-zÀ-ÿ'’]+", line))
    for index, match in enumerate(found):
        for count in (3, 2, 1):
            last = found[min(index + count - 1, len(found) - 1)]
            text = line[match.start() : last.end()]
            if len(re.split(r"[ -]", text)) != count or plain(text) not in words.towns:
                continue
            if count == 1 and (_THING.match(line, last.end()) or not _stands_alone(line, match)):
                continue
            if count == 1 and plain(text) in words.usual:
                continue
            yield match.start(), last.end()
            break


def _stands_alone(line: str, match: re.Match[str]) -> bool:
    """Whether a word is a town by more than its capital: by a preposition, or not in capitals."""
    if _BEFORE_PLACE.search(line[: match.start()].lower()):
        return True
    return not (match[0].isupper() and len(match[0]) < _LEAST_CAPITALS)
