"""The result document ``consilium.result/1``: one scored case as plain JSON values.

Everything that leaves Consilium is a view of this document: what it does not hold, no report can
say. Numbers keep full precision; only views round. ``docs/result.schema.json`` is its contract.
"""

import math
from collections.abc import Sequence

from mmcore.calls import call_of
from mmcore.errors import LedgerNotAdditiveError, NonFiniteResultError
from mmcore.explain.disagreement import disagreement_in
from mmcore.explain.phrases import sum_by_section
from mmcore.explain.relations import relation_in
from mmcore.records import (
    Case,
    Contribution,
    Explanation,
    GateVerdict,
    Interaction,
    Modality,
    Note,
    PartItem,
    Parts,
    PartTest,
    Place,
    Result,
    TargetGate,
    TargetPrediction,
)
from mmcore.report.case_document import Document, case_document
from mmcore.report.images import quantise, to_base64
from mmcore.report.impressions import reading_document
from mmcore.report.key_images import key_images_document
from mmcore.report.plain import maybe, number, pair
from mmcore.report.spectrogram import sound_map

SCHEMA = "consilium.result/1"
TOP_ITEMS = 12
"""At most so many items for, and so many against, of each part: what a reader can still weigh."""
LEDGER_TOLERANCE = 1e-3
"""Base plus contributions may miss the logit by so much, relative to the larger of 1 and it."""


def result_document(result: Result) -> Document:
    """Return the result as a document of plain values.

    A withheld target carries its gate reason and no number of its score; a part that failed its
    tests carries only its reason. Raises ``NonFiniteResultError`` for a number that is not finite
    and ``LedgerNotAdditiveError`` where base plus contributions misses the logit.
    """
    prediction, reading = result.prediction, result.reading
    gates = {gate.target: gate for gate in prediction.gate}
    return {
        "schema": SCHEMA,
        "case": case_document(result.case, [*result.explanations.values()]),
        "pack": {
            "name": prediction.pack.name,
            "version": prediction.pack.version,
            "digest": prediction.pack.digest,
            "is_simulated": prediction.pack.is_simulated,
        },
        "device": prediction.device,
        "present": [str(m) for m in prediction.present],
        "missing": [str(m) for m in prediction.missing],
        "notices": list(prediction.notices),
        "gate": [_gate(gate) for gate in prediction.gate],
        "targets": [
            _target(target, gates[target.name], result.explanations.get(target.name), result.case)
            for target in prediction.targets
        ],
        "timings": {
            stage: number(seconds, f"timing {stage}")
            for stage, seconds in prediction.timings.items()
        },
        **({} if reading is None or reading.is_empty else {"reading": reading_document(reading)}),
        **({"key_images": key_images_document(result.key_images)} if result.key_images else {}),
        **({"conclusion": result.conclusion} if result.conclusion else {}),
    }


def _gate(gate: TargetGate) -> Document:
    return {
        "target": gate.target,
        "verdict": str(gate.verdict),
        "reason": gate.reason,
        "helps_most": None if gate.helps_most is None else str(gate.helps_most),
    }


def _target(
    target: TargetPrediction, gate: TargetGate, explanation: Explanation | None, case: Case
) -> Document:
    withheld = gate.verdict is GateVerdict.WITHHELD
    name = target.name
    call = call_of(target.probability, target.interval, target.operating_point)
    document: Document = {
        "name": name,
        "display": target.display,
        "kind": target.kind,
        "unit": target.unit,
        "logit": None if withheld else number(target.logit, f"logit of {name}"),
        "probability": None if withheld else maybe(target.probability, f"probability of {name}"),
        "interval": None if withheld else pair(target.interval, f"interval of {name}"),
        "prediction_set": None if withheld else target.prediction_set,
        # A fact of the pack, not of the case: it may be told even where the score may not.
        "operating_point": maybe(target.operating_point, f"operating point of {name}"),
        "called": None if withheld else target.is_positive,
        "call": None if withheld or call is None else str(call),
    }
    if withheld or explanation is None:
        return document | {
            "base": None, "contributions": [], "interactions": [], "coalitions": [], "parts": {},
            "disagreement": None,
        }  # fmt: skip
    if len(explanation.coalitions) != 2 ** len(explanation.modalities):
        raise ValueError("a ledger needs one value for every coalition of its modalities")
    _check_ledger(target, explanation)
    return document | {
        "base": number(explanation.base, f"base of {name}"),
        "contributions": [_contribution(c, name) for c in explanation.contributions],
        "interactions": [
            _interaction(interaction, explanation) for interaction in explanation.interactions
        ],
        "coalitions": _coalitions(explanation),
        "parts": {str(m): _part(p, f"{m} of {name}", case) for m, p in explanation.parts.items()},
        "disagreement": _disagreement(target, explanation),
    }


def _disagreement(target: TargetPrediction, explanation: Explanation) -> Document | None:
    found = disagreement_in(target, explanation)
    if not found:
        return None
    what = f"disagreement about {target.name}"
    return {
        "raising": [str(m) for m in found.raising],
        "lowering": [str(m) for m in found.lowering],
        "clauses": [_item(clause, what) for clause in found.clauses],
    }


def _check_ledger(target: TargetPrediction, explanation: Explanation) -> None:
    total = explanation.base + sum(c.signed for c in explanation.contributions)
    tolerance = LEDGER_TOLERANCE * max(1.0, abs(target.logit))
    errors = (
        total - target.logit,
        explanation.logit - target.logit,
        float(explanation.coalitions[0]) - explanation.base,
        float(explanation.coalitions[-1]) - target.logit,
    )
    for error in errors:
        if not math.isfinite(error):
            raise NonFiniteResultError(what=f"ledger of {target.name}")
        if not abs(error) <= tolerance:
            raise LedgerNotAdditiveError(target=target.name, error=error, tolerance=tolerance)


def _contribution(contribution: Contribution, name: str) -> Document:
    what = f"contribution of {contribution.modality} to {name}"
    return {
        "modality": str(contribution.modality),
        "signed": number(contribution.signed, what),
        "share": number(contribution.share, what),
        "band": pair(contribution.band, what),
    }


def _interaction(interaction: Interaction, explanation: Explanation) -> Document:
    relation = relation_in(explanation.contributions, interaction)
    return {
        "a": str(interaction.a),
        "b": str(interaction.b),
        "value": number(interaction.value, f"interaction of {explanation.target}"),
        "relation": None if relation is None else str(relation),
    }


def _coalitions(explanation: Explanation) -> list[Document]:
    modalities = explanation.modalities
    return [
        {
            "modalities": [str(m) for bit, m in enumerate(modalities) if index >> bit & 1],
            "value": number(value, f"coalition of {explanation.target}"),
        }
        for index, value in enumerate(explanation.coalitions)
    ]


def _part(part: Parts, what: str, case: Case) -> Document:
    if not part.passed:
        return {
            "sum": None, "completeness_error": None, "passed": False,
            "reason": part.reason, "top": [], "overlay": None,
            "tests": [_test(test) for test in part.tests], "places": [], "sections": [],
        }  # fmt: skip
    return {
        "sum": number(part.sum, f"sum of {what}"),
        "completeness_error": number(part.completeness_error, f"completeness error of {what}"),
        "passed": True,
        "reason": part.reason,
        "top": [_item(item, what) for item in _strongest(part.items)],
        "overlay": _overlay(part, what),
        "tests": [_test(test) for test in part.tests],
        "places": [_place(place, what) for place in part.places],
        "sections": _sections(part, what, case),
    }


def _test(test: PartTest) -> Document:
    """Return a test in words; a failed or silent one may have measured no finite number."""
    value, limit = (v if math.isfinite(v) else None for v in (test.value, test.limit))
    return {
        "name": test.name,
        "passed": test.passed,
        "value": value,
        "limit": limit,
        "words": test.words,
    }


def _place(place: Place, what: str) -> Document:
    return {
        "name": place.name,
        "positive": number(place.positive, f"place of {what}"),
        "negative": number(place.negative, f"place of {what}"),
        "is_outside": place.is_outside,
    }


def _sections(part: Parts, what: str, case: Case) -> list[Document]:
    note = _note_read(case) if part.modality is Modality.NOTE else None
    if note is None:
        return []
    return [
        {
            "title": section.title,
            "kind": section.kind or "other",
            "where": [section.start, section.end],
            "signed": number(section.signed, f"section of {what}"),
        }
        for section in sum_by_section(part.items, note.sections)
    ]


def _note_read(case: Case) -> Note | None:
    """Return the note that a model reads."""
    if len(case.notes) < 2:
        return next(iter(case.notes), None)
    # Imported here because it brings torch, which who only draws a document does without.
    from mmcore.modalities.note import choose_note

    return choose_note(case.notes)


def _strongest(items: Sequence[PartItem]) -> list[PartItem]:
    """Return the strongest items for and against, so that neither side crowds out the other."""
    ordered = sorted(items, key=lambda item: -abs(item.signed))
    in_favour = [item for item in ordered if item.signed > 0][:TOP_ITEMS]
    against = [item for item in ordered if not item.signed > 0][:TOP_ITEMS]
    return sorted(in_favour + against, key=lambda item: -abs(item.signed))


def _item(item: PartItem, what: str) -> Document:
    where = [w if isinstance(w, str) else number(w, f"place in {what}") for w in item.where]
    return {
        "what": item.what,
        "where": where,
        "signed": number(item.signed, f"item of {what}"),
        "mark": item.mark,
    }


def _overlay(part: Parts, what: str) -> Document | None:
    if part.overlay is None or part.overlay_box is None:
        return None
    data, scale = quantise(part.overlay)
    rows, columns = part.overlay.shape
    sound = sound_map(part)
    document: Document = {
        "rows": rows,
        "columns": columns,
        "scale": scale,
        "box": [number(edge, f"overlay box of {what}") for edge in part.overlay_box],
        "data": to_base64(data),
    }
    if sound is not None:
        document["edges_hz"] = [number(edge, f"bands of {what}") for edge in sound.edges_hz]
    return document
