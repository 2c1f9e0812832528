"""Figures of use, counted from the audit: cases, times, readers against the model, the gate."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median, quantiles

from mmcore.audit.chain import Entry

_BEGUN = ("kept", "opened")


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took. number: of how many. low, high: quartiles; None below two."""

    number: int = 0
    middle: timedelta | None = None
    low: timedelta | None = None
    high: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    part: int = 0
    whole: int = 0

    @property
    def rate(self) -> float | None:
        """The share in [0, 1], None of nothing."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Figures:
    """What the audit says of how the program is used.

    cases: read in, each counted once. answered: answers that a reader saw, each of one model on one
    case counted once.
    to_answer: from opening a case to the answer, where it was read first. to_signature: from
    opening to signing. switched: last decisions on findings that were read first in which the
    reader changed their mind, of all such decisions. overridden: last decisions in which the
    answer was rejected, of all. gates: findings of these answers, by the gate's verdict.
    by_kind: entries of each kind.
    """

    cases: int = 0
    answered: int = 0
    to_answer: Times = field(default_factory=Times)
    to_signature: Times = field(default_factory=Times)
    switched: Share = field(default_factory=Share)
    overridden: Share = field(default_factory=Share)
    gates: Mapping[str, int] = field(default_factory=dict)
    by_kind: Mapping[str, int] = field(default_factory=dict)


def figures(entries: Iterable[Entry]) -> Figures:
    """Count the entries of an audit, in the order of their numbers."""
    kinds: Counter[str] = Counter()
    cases: set[str] = set()
    answers: dict[tuple[str, str, str], Mapping[str, object]] = {}
    begun: dict[tuple[str, str], Entry] = {}
    first: dict[tuple[str, str, str], timedelta] = {}
    signed: dict[tuple[str, str, str], timedelta] = {}
    decisions: dict[tuple[str, str, str, str], Mapping[str, object]] = {}
    for entry in entries:
        kinds[entry.kind] += 1
        whose = (entry.case_digest, entry.actor)
        reading = (*whose, entry.pack_name)
        if entry.kind == "kept":
            cases.add(entry.case_digest)
        if entry.kind in _BEGUN:
            begun.setdefault(whose, entry)
        elif entry.kind == "answer seen":
            answers[reading] = dict(entry.details.get("gate", {}))
        if entry.kind == "revealed" and whose in begun:
            first.setdefault(reading, entry.at - begun[whose].at)
        elif entry.kind == "signed" and whose in begun:
            signed.setdefault(reading, entry.at - begun[whose].at)
        elif entry.kind == "decided" and "response" in entry.details:
            decisions[(*reading, str(entry.details.get("what", "")))] = entry.details
        elif entry.kind in ("deleted", "expired"):
            for known in [known for known in begun if known[0] == entry.case_digest]:
                del begun[known]
    gates = Counter(str(verdict) for gate in answers.values() for verdict in gate.values())
    read_first = [said for said in decisions.values() if said.get("read_first")]
    return Figures(
        cases=len(cases),
        answered=len(answers),
        to_answer=_times(list(first.values())),
        to_signature=_times(list(signed.values())),
        switched=Share(sum(s["response"] == "change" for s in read_first), len(read_first)),
        overridden=Share(
            sum(s["response"] == "reject" for s in decisions.values()), len(decisions)
        ),
        gates=dict(gates),
        by_kind=dict(kinds),
    )


def _times(spans: list[timedelta]) -> Times:
    if not spans:
        return Times()
    if len(spans) < 2:
        return Times(1, spans[0])
    seconds = [span.total_seconds() for span in spans]
    low, _, high = quantiles(seconds, n=4, method="inclusive")
    return Times(
        len(spans), timedelta(seconds=median(seconds)), timedelta(seconds=low),
        timedelta(seconds=high),
    )  # fmt: skip
