"""Coded results inside a CDA document: observations that happened, as their entries state them.

HL7 CDA R2 and C-CDA R2.1 (result and vital signs observations): code, statusCode, effectiveTime,
value of type PQ, INT, REAL or IVL_PQ, and referenceRange, each directly below its observation. What
an entry lacks is taken from the organizer around it. What was planned, ordered or denied is no
result (moodCode, negationInd).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import say

MAX_RESULTS = 20_000
_LOINC = "2.16.840.1.113883.6.1"
_MAX_TEXT = 200


@dataclass(slots=True)
class CodedResult:
    """One observation entry, every value as it stands in the file.

    loincs: of the code and its translations. time: HL7 TS, of a period its end. low, high: of the
    value where it is an interval; range_low, range_high: of the reference range.
    """

    loincs: list[str] = field(default_factory=list)
    name: str = ""
    status: str = ""
    time: str = ""
    type: str = ""
    value: str = ""
    unit: str = ""
    low: str = ""
    high: str = ""
    range_low: str = ""
    range_high: str = ""

    def as_plain(self) -> dict[str, object]:
        """Return what JSON can carry."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class _Open:
    """An observation or organizer that has begun. depth: of its element."""

    depth: int
    result: CodedResult
    is_result: bool


class CdaResults:
    """Hears the elements of a document and keeps its results."""

    def __init__(self) -> None:
        self.results: list[CodedResult] = []
        self._open: list[_Open] = []

    def start(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        """Hear that the last element of ``path`` begins.

        Raises ``FileRefusedError`` (TOO_MANY_ELEMENTS).
        """
        name, depth = path[-1], len(path)
        if name in ("observation", "organizer") and "entry" in path:
            mood, is_negated = attributes.get("moodCode", "EVN"), attributes.get("negationInd")
            is_result = name == "observation" and mood == "EVN" and is_negated != "true"
            around = self._open[-1].result if self._open else CodedResult()
            result = CodedResult(status=around.status, time=around.time)
            self._open.append(_Open(depth, result, is_result))
        elif self._open:
            self._inside(path[self._open[-1].depth :], attributes)

    def end(self, path: Sequence[str]) -> None:
        """Hear that the last element of ``path`` ends."""
        if not self._open or self._open[-1].depth != len(path):
            return
        closed = self._open.pop()
        if closed.is_result and closed.result.loincs and closed.result.type:
            self.results.append(closed.result)
            if len(self.results) > MAX_RESULTS:
                raise FileRefusedError(
                    RefusalCode.TOO_MANY_ELEMENTS,
                    say("the document has more than {count:,} results", count=MAX_RESULTS),
                )

    def _inside(self, below: Sequence[str], attributes: Mapping[str, str]) -> None:
        """Take the attributes of an element that lies below the innermost open one."""
        result = self._open[-1].result

        def said(name: str) -> str:
            return "" if "nullFlavor" in attributes else attributes.get(name, "")[:_MAX_TEXT]

        match tuple(below):
            case ("code",) | ("code", "translation"):
                if attributes.get("codeSystem") == _LOINC and said("code"):
                    result.loincs.append(said("code"))
                result.name = result.name or said("displayName")
            case ("statusCode",):
                result.status = said("code")
            case ("effectiveTime",):
                result.time = said("value") or result.time
            case ("effectiveTime", "low" | "high"):
                result.time = said("value") or result.time
            case ("value",):
                result.type = attributes.get("type", "").rsplit(":", 1)[-1][:_MAX_TEXT]
                result.value, result.unit = said("value"), said("unit")
            case ("value", "low" | "high" as end):
                setattr(result, end, said("value"))
                result.unit = result.unit or said("unit")
            case ("referenceRange", "observationRange", "value", "low" | "high" as end):
                setattr(result, f"range_{end}", said("value"))
