"""In which order a clinician should look at findings, and what is said of each in a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from mmcore.calls import Call, call_of
from mmcore.records import GateVerdict, Prediction, TargetGate, TargetPrediction


class Attention(IntEnum):
    """Why a target stands where it stands; lower comes first. The store keeps the numbers.

    PRESENT: at or above its operating point, whether called present or flagged.
    """

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

    @property
    def call(self) -> Call | None:
        """What it is called; None for a value and where it is withheld."""
        said = self.prediction
        if self.is_withheld:
            return None
        return call_of(said.probability, said.interval, said.operating_point)


def ordered(prediction: Prediction) -> tuple[Finding, ...]:
    """Return every target, the one that needs attention most first.

    What reaches its operating point before borderline before cautioned absences; then values such
    as severity, then what was withheld, then clear absences. Within a class the higher probability
    first.
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
    if call_of(target.probability, target.interval, target.operating_point) is Call.BORDERLINE:
        return Attention.BORDERLINE
    return Attention.CAUTION if verdict is GateVerdict.CAUTION else Attention.ABSENT


def _place(finding: Finding) -> tuple[int, float]:
    return finding.attention, -(finding.prediction.probability or 0.0)
