"""The words and roundings for numbers, used by page and report alike so that they read the same."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from mmcore.language import Text, capitalised, say, word
from mmcore.records import (
    CONFIDENCES,
    DecisionReason,
    FileVerdict,
    GateVerdict,
    Impression,
    Modality,
    Observation,
    PartTest,
    Presence,
    ReadingMode,
    Response,
    SourceFile,
    Variant,
)

MINUS = "\u2212"
NO_CLAIM = say(
    "No clinical claim is made about any variant: a contribution says what moved this model, "
    "not what a variant does."
)
_SHORT = {
    Modality.NOTE: say("Note"),
    Modality.OBSERVATIONS: say("Labs & vitals"),
    Modality.RECORDING: say("Sound"),
}

_UNITS = {
    "Cel": "\u00b0C", "[degF]": "\u00b0F", "mm[Hg]": "mmHg", "10*3/uL": "10\u00b3/\u00b5L",
    "10*9/L": "10\u2079/L", "/min": "/min", "ug/L": "\u00b5g/L", "1": "",
}  # fmt: skip

_EFFECTS: Mapping[str, Text] = {
    "missense variant": say("missense variant"),
    "synonymous variant": say("synonymous variant"),
    "stop gained": say("stop gained"),
    "stop lost": say("stop lost"),
    "start lost": say("start lost"),
    "frameshift variant": say("frameshift variant"),
    "inframe insertion": say("inframe insertion"),
    "inframe deletion": say("inframe deletion"),
    "splice acceptor variant": say("splice acceptor variant"),
    "splice donor variant": say("splice donor variant"),
    "splice region variant": say("splice region variant"),
    "intron variant": say("intron variant"),
    "5 prime UTR variant": say("5 prime UTR variant"),
    "3 prime UTR variant": say("3 prime UTR variant"),
    "upstream gene variant": say("upstream gene variant"),
    "downstream gene variant": say("downstream gene variant"),
    "intergenic variant": say("intergenic variant"),
}
"""The commonest consequences of the Sequence Ontology, as annotators write them."""

SET_WORDS: Mapping[str, Text] = MappingProxyType(
    {
        "present": say("absence excluded at 90% coverage"),
        "absent": say("presence excluded at 90% coverage"),
        "both": say("the model can not tell at 90% coverage"),
        "neither": say("neither can be kept at 90% coverage"),
    }
)
"""What the conformal set of a finding says, by its name in ``TargetPrediction``."""

_SET_SENTENCES: Mapping[str, Text] = MappingProxyType(
    {
        "both": say(
            "The model can not tell at 90% coverage: patients with the finding and patients "
            "without it had scores like this one when that was measured, or were too few to say."
        ),
        "neither": say(
            "Neither presence nor absence can be kept at 90% coverage: of the patients on whom "
            "that was measured, about 9 in 10 with the finding scored higher and about 9 in 10 "
            "without it scored lower. A score like this one is unusual for both."
        ),
    }
)

PROBABILITY_BOUNDS: tuple[tuple[int, Text], ...] = (
    (10, say("very unlikely")),
    (33, say("unlikely")),
    (67, say("possible")),
    (90, say("likely")),
    (101, say("very likely")),
)
"""Words for a probability below each whole percentage; the last bound is never reached.

The bounds are those of the IPCC's guidance on uncertainty (2010), with "possible" for its "about
as likely as not".
"""


REASONS: Mapping[DecisionReason, Text] = MappingProxyType(
    {
        DecisionReason.OVERLOOKED: say("I had overlooked it"),
        DecisionReason.EVIDENCE: say("The evidence shown convinces me"),
        DecisionReason.OTHER_INPUT: say("Another input of the case decides"),
        DecisionReason.WRONG_PLACE: say("The evidence lies in the wrong place"),
        DecisionReason.ARTEFACT: say("It reads an artefact, device or marker"),
        DecisionReason.OTHER_DISEASE: say("Another disease explains it better"),
        DecisionReason.KNOWN: say("Known from another examination"),
        DecisionReason.QUALITY: say("The input is too poor to say"),
        DecisionReason.OTHER: say("Other, in my own words"),
    }
)
MODE_WORDS: Mapping[ReadingMode, Text] = MappingProxyType(
    {
        ReadingMode.CONCURRENT: say("with the model's answer in view"),
        ReadingMode.READ_FIRST: say("before the model's answer was shown"),
        ReadingMode.SECOND_READER: say("before the model's answer was asked for"),
    }
)


PRESENCE_WORDS: Mapping[Presence, Text] = MappingProxyType(
    {
        Presence.PRESENT: say("present"),
        Presence.ABSENT: say("absent"),
        Presence.UNSURE: say("unsure"),
    }
)
RESPONSE_WORDS: Mapping[Response, Text] = MappingProxyType(
    {
        Response.AGREE: say("agree"),
        Response.CHANGE: say("change"),
        Response.REJECT: say("reject"),
    }
)
VERDICT_WORDS: Mapping[FileVerdict, Text] = MappingProxyType(
    {
        FileVerdict.USED: say("used"),
        FileVerdict.KEPT_ASIDE: say("kept aside"),
        FileVerdict.REFUSED: say("refused"),
    }
)
TRUST_WORDS: Mapping[GateVerdict, Text] = MappingProxyType(
    {
        GateVerdict.SCORED: say("scored"),
        GateVerdict.CAUTION: say("scored with caution"),
        GateVerdict.WITHHELD: say("withheld"),
    }
)
KIND_WORDS: Mapping[str, Text] = MappingProxyType(
    {
        "dicom": say("DICOM image"),
        "note": say("note"),
        "observations": say("labs and vitals"),
        "recording": say("sound recording"),
        "variants": say("gene panel"),
        "archive": say("archive"),
        "unknown": say("unknown"),
    }
)
"""What a file is, by its kind in ``SourceFile``."""
MARK_WORDS: Mapping[str, Text] = MappingProxyType(
    {"negated": say("negated"), "history": say("history"), "hedged": say("hedged")}
)
"""What a note does with a clause, by the mark of its item."""


def impression_text(impression: Impression | None) -> str:
    """Return an impression in words, such as "Present, confidence 4 of 5"."""
    if impression is None:
        return say("none recorded")
    return say(
        "{presence}, confidence {confidence} of {most}",
        presence=capitalised(PRESENCE_WORDS[impression.presence]),
        confidence=impression.confidence,
        most=CONFIDENCES[-1],
    )


def percentage(probability: float, decimals: int = 0) -> float:
    """Return a probability in per cent as it is displayed, before certainty is kept from it.

    Raises ``ValueError`` outside [0, 1] and for NaN.
    """
    if not 0.0 <= probability <= 1.0:
        raise ValueError("a probability must lie in [0, 1]")
    return round(100.0 * probability, decimals)


def probability_words(probability: float) -> str:
    """Return the words for a probability, judged at the whole percentage that is displayed.

    0 to 9 % "very unlikely", 10 to 32 % "unlikely", 33 to 66 % "possible", 67 to 89 % "likely",
    90 to 100 % "very likely". Raises ``ValueError`` outside [0, 1] and for NaN.
    """
    shown = percentage(probability)
    return next(words for bound, words in PROBABILITY_BOUNDS if shown < bound)


def probability_text(probability: float, *, decimals: int = 0) -> str:
    """Return a probability as a percentage, such as "87%"; certainty is never claimed.

    What would round to 0 or 100 % reads "<1%" or ">99%" (with one decimal "<0.1%", ">99.9%").
    Raises ``ValueError`` outside [0, 1] and for NaN.
    """
    step = 10.0**-decimals
    shown = percentage(probability, decimals)
    if shown < step:
        return f"<{step:.{decimals}f}%"
    if shown > 100.0 - step:
        return f">{100.0 - step:.{decimals}f}%"
    return f"{shown:.{decimals}f}%"


def probability_beside(probability: float, operating_point: float) -> tuple[str, str]:
    """Return a probability and its operating point, with one decimal if that tells them apart.

    A finding called absent at 49.6 % against an operating point of 50 % must not read "50%, 50%".
    More decimals would claim a precision that no score has: equal texts mean "at the point".
    """
    plain = probability_text(probability), probability_text(operating_point)
    if plain[0] != plain[1]:
        return plain
    finer = probability_text(probability, decimals=1), probability_text(operating_point, decimals=1)
    return finer if finer[0] != finer[1] else plain


def interval_text(low: float, high: float) -> str:
    """Return a probability interval, such as "78\u201393%"."""
    first, last = probability_text(low), probability_text(high)
    return last if first == last else f"{first.removesuffix('%')}\u2013{last}"


def signed_text(value: float, *, decimals: int = 2) -> str:
    """Return a signed logit, such as "+0.84" or "\u22120.12"; what rounds to zero has no sign.

    Raises ``ValueError`` for NaN and infinity.
    """
    if not math.isfinite(value):
        raise ValueError("a signed logit must be finite")
    size = f"{abs(value):.{decimals}f}"
    if float(size) == 0.0:
        return size
    return f"{'+' if value > 0 else MINUS}{size}"


def set_text(prediction_set: Literal["present", "absent", "both", "neither"] | None) -> str:
    """Return the conformal set of a finding in words; "" where it was never measured."""
    return "" if prediction_set is None else SET_WORDS[prediction_set]


def set_sentence(
    prediction_set: Literal["present", "absent", "both", "neither"] | None,
) -> str:
    """Return what a set that names neither or both means for the reader; "" for the others."""
    return "" if prediction_set is None else _SET_SENTENCES.get(prediction_set, "")


def passed_text(tests: Sequence[PartTest]) -> str:
    """Return how many tests the parts passed, such as "passed 3 of 4 tests"; "" without any.

    A test that says nothing of the case counts neither as passed nor as failed.
    """
    if not tests:
        return ""
    judged = [test.passed for test in tests if test.passed is not None]
    silent = len(tests) - len(judged)
    passed, count = sum(judged), len(judged)
    words = say("passed {passed} of {count} tests", passed=passed, count=count)
    if count == 1:
        words = say("passed {passed} of 1 test", passed=passed)
    return say("{passed}, {n} not applicable", passed=words, n=silent) if silent else words


COLUMNS_CHOSEN = say("its columns were read as a person said for these headings")
"""The reason of a table that was read in full by a mapping of its columns."""


def is_used_in_part(source: SourceFile) -> bool:
    """Whether a used file is a table of which some rows were left out."""
    is_table = source.kind in ("observations", "variants")
    is_told = bool(source.reason) and source.reason != COLUMNS_CHOSEN
    return source.verdict is FileVerdict.USED and is_table and is_told


def short_name(modality: Modality) -> str:
    """Return the shortest heading of a modality that is still plain, such as "Sound"."""
    return _SHORT.get(modality, modality.display)


def observation_text(observation: Observation) -> str:
    """Return the value of an observation with comparator and unit, such as "184 mg/L"."""
    value = f"{observation.comparator or ''}{observation.value:g}"
    unit = unit_text(observation.unit)
    return say("{value} {unit}", value=value, unit=unit) if unit else value


def unit_text(ucum: str) -> str:
    """Return a UCUM unit as clinicians write it."""
    if ucum in _UNITS:
        return _UNITS[ucum]
    return word(ucum.replace("[", "").replace("]", "").replace("{", "").replace("}", ""))


def sound_text(seconds: float, sample_rate_hz: int) -> str:
    """Return a length and a sampling rate, such as "6.0 s at 4,000 Hz"."""
    return say("{seconds:.1f} s at {rate:,} Hz", seconds=seconds, rate=sample_rate_hz)


def copies_text(copies: int) -> str:
    """Return a genotype as the number of copies of the alternate allele, such as "1 copy"."""
    return say("1 copy") if copies == 1 else say("{n} copies", n=copies)


def effect_text(variant: Variant) -> str:
    """Return the predicted consequence that the file states, in words; "" if it states none."""
    words = variant.effect.replace("_", " ")
    return _EFFECTS.get(words, words)


def odds_text(signed: float) -> str:
    """Return what a contribution in logits does to the odds, such as "odds \u00d72.3".

    Adding a logit multiplies the odds by its exponential; below one it is given as a division.
    Raises ``ValueError`` for NaN and infinity.
    """
    if not math.isfinite(signed):
        raise ValueError("a signed logit must be finite")
    factor = math.exp(min(abs(signed), 20.0))
    size = f"{factor:.1f}" if factor < 9.95 else f"{factor:.0f}"
    sign = "\u00d7" if signed >= 0 else "\u00f7"
    return say("odds {factor}", factor=f"{sign}{size}")


def person_name(name: str | None) -> str:
    """Return a name as people read it; DICOM writes "Doe^Jane^^Dr^" (PS3.5, 6.2, PN)."""
    if not name or "^" not in name:
        return name or ""
    family, given, middle, prefix, suffix = [*name.split("=")[0].split("^"), "", "", "", ""][:5]
    first = " ".join(part for part in (prefix, given, middle) if part)
    return ", ".join(part for part in (family, first, suffix) if part)
