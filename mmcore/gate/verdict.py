"""The verdict on each target, from what is missing and what is unlike the training data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmcore.records import GateVerdict, Modality, TargetGate


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What is known of one case before its targets are judged.

    novel: distance of each present modality's embedding to the training patients, over its
        threshold; above 1 it is unlike them. doubts: sentences about the chosen image. trained_on:
        the kind of patients the model knows, for the wording.
    """

    present: tuple[Modality, ...]
    missing: tuple[Modality, ...]
    novel: Mapping[Modality, float]
    doubts: tuple[str, ...]
    trained_on: str


def judge_targets(
    targets: Sequence[str], facts: GateFacts, effects: Mapping[str, Mapping[str, float]]
) -> tuple[TargetGate, ...]:
    """Return one verdict per target.

    ``effects`` holds, per target and modality, the usual size of the modality's contribution: the
    missing modality with the largest one is named as the one that would help most.
    """
    unlike = [m for m in facts.present if not facts.novel.get(m, 0.0) <= 1.0]
    verdicts = []
    for target in targets:
        helps = max(facts.missing, key=lambda m: effects[target][m.value], default=None)
        if unlike:
            names = " and ".join(m.subject for m in unlike)
            verb = "is" if len(unlike) == 1 and not unlike[0].is_plural else "are"
            reason = f"{names} {verb} unlike the {facts.trained_on} that this model was trained on"
            verdicts.append(TargetGate(target, GateVerdict.WITHHELD, reason, helps))
        elif facts.missing or facts.doubts:
            reasons = list(facts.doubts)
            if facts.missing:
                names = " and ".join(m.subject for m in facts.missing)
                reasons.insert(0, f"scored without {names}")
            verdicts.append(TargetGate(target, GateVerdict.CAUTION, "; ".join(reasons), helps))
        else:
            verdicts.append(TargetGate(target, GateVerdict.SCORED))
    return tuple(verdicts)
