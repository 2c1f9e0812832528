"""The verdict on each target, from what is missing and what is unlike the training data."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmcore.records import GateVerdict, Modality, TargetGate


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What is known of one case before its targets are judged.

    novel: distance of each present modality's embedding to the training patients, over its
        threshold; above 1 it is unlike them. doubts: sentences about a present modality.
        trained_on: the kind of patients the model knows, for the wording.
    """

    present: tuple[Modality, ...]
    novel: Mapping[Modality, float]
    doubts: Mapping[Modality, tuple[str, ...]]
    trained_on: str


def judge_targets(
    inputs: Mapping[str, tuple[Modality, ...]],
    facts: GateFacts,
    effects: Mapping[str, Mapping[str, float]],
) -> tuple[TargetGate, ...]:
    """Return one verdict per target of ``inputs``, which holds what may speak of each.

    ``effects`` holds, per target and modality, the usual size of the modality's contribution: the
    missing modality with the largest one is named as the one that would help most.
    """
    return tuple(_judge(target, read, facts, effects[target]) for target, read in inputs.items())


def _judge(
    target: str, read: tuple[Modality, ...], facts: GateFacts, effects: Mapping[str, float]
) -> TargetGate:
    present = [m for m in read if m in facts.present]
    missing = [m for m in read if m not in facts.present]
    helps = max(missing, key=lambda m: effects[m.value], default=None)
    if not present:
        names = " or ".join(m.subject for m in read)
        return TargetGate(target, GateVerdict.WITHHELD, f"it is read from {names} alone", helps)
    unlike = [m for m in present if not facts.novel.get(m, 0.0) <= 1.0]
    if unlike:
        names = " and ".join(m.subject for m in unlike)
        verb = "is" if len(unlike) == 1 and not unlike[0].is_plural else "are"
        reason = f"{names} {verb} unlike the {facts.trained_on} that this model was trained on"
        return TargetGate(target, GateVerdict.WITHHELD, reason, helps)
    reasons = [doubt for m in present for doubt in facts.doubts.get(m, ())]
    if missing:
        reasons.insert(0, f"scored without {' and '.join(m.subject for m in missing)}")
    if reasons:
        return TargetGate(target, GateVerdict.CAUTION, "; ".join(reasons), helps)
    return TargetGate(target, GateVerdict.SCORED)
