"""Whether a clause of a note asserts what it names, denies it, hedges it, or tells of the past.

Trigger words with a direction, a scope and terminations, in the spirit of NegEx (Chapman et al.
2001) and ConText (Harkema et al. 2009); the lexicon and the rules are our own. A statement that
something is normal counts as "negated", and what happened to a relative as "history". The rules
read English alone and no grammar: docs/method.md says what they miss.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Assertion = Literal["", "negated", "history", "hedged"]

LONGEST_LIST_ITEM = 5  # words; a longer clause after a comma is a statement of its own
_BLANK = "\x00"  # stands for masked characters: no word, and nothing matches across it


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{'|'.join(patterns)})(?![\w-])")


_STUDY = (
    r"(?:chest )?(?:ct|cts|mri|pet|x-?rays?|radiographs?|films?|images?|imaging|"
    r"echo|echocardiogram|ultrasound|scans?|study|studies|exams?|examinations?|reports?|visits?|notes?|ecg|values?)"
)
# What looks like a trigger and is none. Masked first.
_PSEUDO = _words(
    r"(?:no|not|without) (?:any |further |significant |interval |definite |clear |appreciable )*"
    r"(?:increase[sd]?|decrease[sd]?|change[sd]?|improvement|improving|improved|worsening|"
    r"progression|resolution|resolved|doubt|difference)(?: in| of| from)?",
    r"not only", r"not necessarily", r"without difficulty", r"without delay", r"no difficulty",
    r"with or without", r"gram[- ]negative", r"rh(?:esus)?[- ]negative", r"her2[- ]negative",
    r"coagulase[- ]negative", r"false[- ]negative", r"negative pressure", r"no sooner",
    r"absent (?:breath|bowel|heart|lung) (?:sounds?|sliding)", r"absent (?:pulses?|reflexes)",
    r"(?:sounds?|sliding|fremitus|pulses?|reflexes|movements?) (?:is |are |was |were )?absent",
    r"history of present(?:ing)? \w+", r"previously (?:healthy|well|fit)",
    rf"(?:previous|prior|past|last|old|recent) {_STUDY}",
    r"normal saline", r"(?:not|no longer) normal", r"near[- ]normal", r"back to normal",
    r"clear (?:evidence|signs?|progression|increase|fluid|sputum)", r"clear[- ]cell",
    r"negative (?:balance|fluid balance|inotropic)", r"prior to",
)  # fmt: skip
_HEDGED_BEFORE = _words(
    r"possibl[ey]", r"probabl[ey]", r"likely", r"perhaps", r"questionable", r"question of",
    r"query", r"equivocal", r"presumed", r"presumably", r"presumptive", r"suspicion of",
    r"suspicious for", r"suspected", r"suspect", r"suspecting", r"concern(?:ing)? for",
    r"worrisome for", r"may (?:be|have|represent|reflect|indicate|suggest|also|well)",
    r"might(?: be| have)?", r"could (?:be|represent|reflect|indicate)", r"not (?:certain|sure)",
    r"uncertain", r"unclear", r"(?:can ?not|could not|can't|unable to) (?:rule out|exclude)",
    r"(?:to )?rule out", r"r/o", r"to exclude", r"evaluate for", r"difficult to judge",
    r"differential(?: diagnosis)?(?: includes)?", r"versus", r"vs", r"suggests? possible",
    r"borderline", r"no definite", r"not definitely", r"conceivabl[ey]",
)  # fmt: skip
_HEDGED_AFTER = _words(
    r"(?:can ?not|could not|can't) be (?:ruled out|excluded)",
    r"not (?:be )?(?:ruled out|excluded)",
    r"(?:is |are |was |were )?(?:suspected|possible|probable|likely|unlikely|equivocal|uncertain|"
    r"questionable|conceivable|indeterminate|unclear)", r"to be (?:excluded|ruled out|confirmed)",
    r"not (?:yet )?confirmed", r"difficult to judge", r"of uncertain significance",
)  # fmt: skip
_NO_HISTORY = _words(
    r"(?:no|denies(?: any)?|without(?: any)?|negative for(?: any)?)"
    r"(?: known| prior| previous| past| personal| significant)* (?:history|hx)(?: of)?"
)
_NEGATED_BEFORE = _words(
    r"no", r"not", r"never", r"without", r"denie[sd]", r"denying", r"negative for", r"neither",
    r"nor", r"free (?:of|from)", r"clear of", r"absence of", r"absent", r"lack(?:s|ed)?(?: of)?",
    r"fail(?:s|ed)? to (?:show|reveal|demonstrate)", r"declined any", r"none", r"ruled out for",
    r"isn't", r"wasn't", r"doesn't", r"don't", r"didn't", r"hasn't", r"hadn't", r"unremarkable",
    r"normal(?:ly)?", r"rules out", r"excludes",
)  # fmt: skip
_NEGATED_AFTER = _words(
    r"(?:was |were |is |are |been )?(?:ruled out|excluded)", r"(?:is |was |are |were )?negative",
    r"(?:is |was |are |were )?absent", r"(?:is |was |are |were )?unremarkable",
    r"(?:is |was |are |were )?normal", r"within normal limits", r"wnl",
    r"(?:is |are |was |were )?clear(?: to auscultation)?(?: bilaterally)?",
    r"(?:lung |pleural )?sliding (?:is |was )?(?:present|preserved)(?: .*)?", r"not seen",
)  # fmt: skip
_HISTORY_BEFORE = _words(
    r"(?:past |known |remote |prior |previous )*history of", r"h/o", r"hx of", r"previous(?:ly)?",
    r"prior", r"status post", r"s/p", r"past", r"former(?:ly)?", r"remote", r"in the past",
    r"no longer", r"used to", r"old(?! (?:man|woman|male|female|lady|gentleman|boy|girl|patient))",
    r"(?:family|father|mother|brother|sister|uncle|aunt|grandfather|grandmother|son|daughter)"
    r"(?:'s)? (?:had|has|died|with|history|treated|of|was)", r"family history(?: of)?",
)  # fmt: skip
_HISTORY_AFTER = _words(
    r"(?:\w+ )?(?:years?|months?|decades?) (?:ago|earlier|previously)", r"as a (?:child|teenager)",
    r"in (?:childhood|adolescence|infancy)", r"(?:back )?in (?:19|20)\d\d", r"years? before",
    r"of (?:a|his|her) (?:father|mother|brother|sister|uncle|aunt|son|daughter)",
    r"(?:has |have )?(?:since |fully |completely )+(?:resolved|recovered|healed)", r"long ago",
    r"in the past", r"previously",
)  # fmt: skip
_ENDS = _words(
    r"but", r"however", r"although", r"though", r"yet", r"nevertheless", r"except(?: for)?",
    r"apart from", r"aside from", r"other than", r"because(?: of)?", r"due to", r"secondary to",
    r"now", r"currently", r"today", r"presents", r"presented", r"presenting", r"reports",
    r"complains? of", r"complaining of", r"developed", r"on admission", r"which", r"and has",
    r"who", r"admitted with",
)  # fmt: skip
_OF_NOW = _words(r"now", r"currently", r"today", r"presents", r"presented", r"presenting",
                 r"on admission", r"admitted today")  # fmt: skip
_VERB = _words(r"is", r"are", r"was", r"were", r"has", r"have", r"had", r"shows?", r"showed",
               r"reports?", r"lives", r"seen", r"noted", r"found")  # fmt: skip
_DENIAL = _words(r"denie[sd]", r"denying", r"negative for", r"free (?:of|from)")
_PAST_LIST = _words(r"history of", r"h/o", r"hx of", r"status post", r"s/p")
_OR = _words("or", "nor")
_STARTS_NEGATED = re.compile(r"\W*(?:no(?! longer)|denies|never|negative for|none|without)\b")

_PAST_HEADINGS = (
    r"pmhx?|psh|fhx?|past (?:medical|surgical|family|cardiac|psychiatric)?(?: and surgical)? ?"
    r"history|(?:previous|prior|family|surgical|medical) history|past illnesses|"
    r"previous (?:illnesses|diagnoses|operations)|history of past illness"
)
_OTHER_HEADINGS = (
    r"history of present illness|hpi|history|indications?|reason for (?:exam|examination|study)|"
    r"chief complaint|presenting complaint|complaint|clinical (?:information|history)|"
    r"(?:current |home )?medications?(?: on admission)?|drugs|allergies|social history|sh|"
    r"review of systems|ros|(?:physical |on )?exam(?:ination)?|vitals?(?: signs)?|objective|"
    r"subjective|bedside tests|tests|labs?|laboratory|imaging|investigations|results|findings?|"
    r"impressions?|assessment(?: and plan)?|diagnos[ei]s|conclusions?|summary|opinion|plan|"
    r"recommendations?|course|hospital course|comparison|technique|report|addendum|disposition"
)
_HEADING = re.compile(
    rf"(?:^|(?<=[.;]\s))[ \t#*_]*(?:(?P<past>{_PAST_HEADINGS})|(?:{_OTHER_HEADINGS}))"
    r"[ \t*_]*(?::|$)|^[ \t#*_]*(?-i:[A-Z][A-Z /&-]{2,48}):",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"[.!?;:]\s*$")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a clause says, and what of it may hold for the next item of a list."""

    mark: Assertion
    goes_on: Literal["", "always", "before or"] = ""


def assertion_of(clause: str) -> Assertion:
    """Return what one clause, without its surroundings, does with what it names.

    "" means asserted, or that parts of the clause differ: "no fever but a cough" is neither.
    """
    return _read(clause).mark


def assertions(text: str, spans: Sequence[tuple[int, int]]) -> tuple[Assertion, ...]:
    """Return the assertion of each of the (start, end) ``spans`` of a note, in their order.

    Around a clause count: the section it stands in, and a denial or past history that goes on over
    the commas of a list ("denies fever, chills or cough").
    """
    headings = [(m.start(), m.end(), m["past"] is not None) for m in _HEADING.finditer(text)]
    marks: list[Assertion] = []
    before = _Reading("")
    clauses = [text[start:end] for start, end in spans]
    for number, (start, end) in enumerate(spans):
        clause = clauses[number]
        above = [heading for heading in headings if heading[0] <= start]
        if above and end <= above[-1][1]:  # the heading itself
            marks.append("")
            before = _Reading("")
            continue
        reading = _read(clause)
        gap = text[spans[number - 1][1] : start] if number else "\n"
        starts_anew = "\n" in gap or (number and _SENTENCE_END.search(clauses[number - 1]))
        if starts_anew:
            before = _Reading("")
        if not reading.mark and before.goes_on and _goes_on(before, _list_from(clauses[number:])):
            reading = before
        if above and above[-1][2]:
            reading = _in_the_past(clause, reading)
        marks.append(reading.mark)
        before = reading
    return tuple(marks)


def _in_the_past(clause: str, reading: _Reading) -> _Reading:
    """Read a clause under a heading of past history: the past, unless denied from its start."""
    lowered = clause.lower()
    if reading.mark == "negated" and _STARTS_NEGATED.match(lowered):
        return reading
    return reading if _OF_NOW.search(lowered) else _Reading("history")


def _list_from(clauses: Sequence[str]) -> list[str]:
    """Return the items of a list that begins with the first of the clauses, within its sentence."""
    items = []
    for clause in clauses:
        lowered = clause.lower()
        is_last = bool(_OR.search(lowered))
        if _VERB.search(lowered) or _ENDS.search(lowered):
            break
        if len(lowered.split()) > LONGEST_LIST_ITEM and not is_last:
            break
        items.append(lowered)
        if is_last or _SENTENCE_END.search(clause):
            break
    return items


def _goes_on(before: _Reading, items: Sequence[str]) -> bool:
    """Whether what the clause before says also holds for the items that follow it."""
    if not items:
        return False
    return before.goes_on == "always" or any(_OR.search(item) for item in items)


def _read(clause: str) -> _Reading:
    """Read one clause: each piece between terminations on its own, then what they say together."""
    text = _masked(clause.lower(), _PSEUDO)
    pieces = [piece for piece in _ENDS.split(text) if re.search(r"\w", piece)]
    readings = [_read_piece(piece) for piece in pieces]
    marks = {reading.mark for reading in readings}
    if not marks or "" in marks:
        return _Reading("")
    for mark in ("negated", "history", "hedged"):
        for reading in reversed(readings):
            if reading.mark == mark:
                return reading
    return _Reading("")


def _read_piece(piece: str) -> _Reading:
    hedge = _HEDGED_AFTER.search(piece)
    hedged = _masked(piece, _HEDGED_AFTER)
    hedge = hedge or _HEDGED_BEFORE.search(hedged)
    rest = _masked(hedged, _HEDGED_BEFORE)
    if match := _NO_HISTORY.search(rest):
        return _Reading("negated", "before or" if _reaches(rest, match) else "")
    if _NEGATED_AFTER.search(rest):
        return _Reading("negated")
    past = _masked(rest, _HISTORY_BEFORE)  # "no longer" tells of the past and denies nothing
    if match := _NEGATED_BEFORE.search(past):
        goes_on: Literal["always", "before or"] = "always" if _DENIAL.search(past) else "before or"
        return _Reading("negated", goes_on if _reaches(past, match) else "")
    if _HISTORY_BEFORE.search(rest) or _HISTORY_AFTER.search(rest):
        return _Reading("history", "always" if _PAST_LIST.search(rest) else "")
    return _Reading("hedged", "before or") if hedge else _Reading("")


def _reaches(piece: str, match: re.Match[str]) -> bool:
    """Whether there is a word in the scope of a trigger that speaks of what follows it."""
    return bool(re.search(r"\w", piece[match.end() :]))


def _masked(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda match: _BLANK * len(match.group()), text)
