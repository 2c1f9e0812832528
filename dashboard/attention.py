"""In which order a clinician should look at findings, and what is said of each in a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from mmcore.records import GateVerdict, Prediction, TargetGate, TargetPrediction
from mmcore.wording import call_text


class Attention(IntEnum):
    """Why a target stands where it stands; lower comes first."""

    PRESENT = 0
    BORDERLINE = 1
    CAUTION = 2
    VALUE = 3
    WITHHELD = 4
    ABSENT = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One target with its gate and its place in the order."""

    prediction: TargetPrediction
    gate: TargetGate
    attention: Attention

    @property
    def is_withheld(self) -> bool:
        """Whether nothing the model says of it may be shown."""
        return self.gate.verdict is GateVerdict.WITHHELD


def ordered(prediction: Prediction) -> tuple[Finding, ...]:
    """Return every target, the one that needs attention most first.

    Present before borderline before cautioned absences; then values such as severity, then what
    was withheld, then clear absences. Within a class the higher probability first.
    """
    findings = [
        Finding(target, gate, attention_for(target, gate.verdict))
        for target in prediction.targets
        for gate in (prediction.gate_of(target.name),)
    ]
    return tuple(sorted(findings, key=_place))


def first_to_look_at(findings: Sequence[Finding]) -> Finding | None:
    """Return the first finding that may be shown, or ``None`` if all are withheld."""
    return next((f for f in findings if not f.is_withheld), None)


def attention_for(target: TargetPrediction, verdict: GateVerdict) -> Attention:
    """Return where one target stands, given its gate's verdict."""
    if verdict is GateVerdict.WITHHELD:
        return Attention.WITHHELD
    if target.kind == "regression":
        return Attention.VALUE
    if target.is_positive:
        return Attention.PRESENT
    called = call_text(
        called=False, interval=target.interval, operating_point=target.operating_point
    )
    if called == "Borderline":
        return Attention.BORDERLINE
    return Attention.CAUTION if verdict is GateVerdict.CAUTION else Attention.ABSENT


def _place(finding: Finding) -> tuple[int, float]:
    return finding.attention, -(finding.prediction.probability or 0.0)
