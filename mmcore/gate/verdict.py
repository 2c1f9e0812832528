"""The verdict on each target, from what is missing and what is unlike the training data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmcore.language import joined, say
from mmcore.records import GateVerdict, Modality, TargetGate

STRANGER = say("the patient is simulated, and this model was trained on real ones")
STRANGER_NOTICE = say(
    "This patient is simulated, and this model was trained on real patients: what it says here "
    "shows how the page works, and nothing about how well the model reads."
)


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What is known of one case before its targets are judged.

    novel: distance of each present modality's embedding to the training patients, over its
        threshold; above 1 it is unlike them. doubts: sentences about a present modality. faults:
        what is wrong with a present modality, so that nothing is read from it.
        is_simulated: whether the patients that the model knows are, for the wording.
        is_of_simulated: whether this patient is, as far as the files say.
    """

    present: tuple[Modality, ...]
    novel: Mapping[Modality, float]
    doubts: Mapping[Modality, tuple[str, ...]]
    is_simulated: bool
    faults: Mapping[Modality, str] = field(default_factory=dict)
    is_of_simulated: bool = False

    @property
    def is_of_strangers(self) -> bool:
        """Whether the patient is simulated and those that the model was trained on are not."""
        return self.is_of_simulated and not self.is_simulated


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
        names = joined((m.subject for m in read), " or ")
        reason = say("it is read from {inputs} alone", inputs=names)
        return TargetGate(target, GateVerdict.WITHHELD, reason, helps)
    for modality in present:
        if modality in facts.faults:
            reason = say(
                "{input} can not be read: {fault}",
                input=modality.subject, fault=facts.faults[modality],
            )  # fmt: skip
            return TargetGate(target, GateVerdict.WITHHELD, reason, helps)
    unlike = [m for m in present if not facts.novel.get(m, 0.0) <= 1.0]
    if unlike:
        unknown = _unlike(unlike, is_simulated=facts.is_simulated)
        return TargetGate(target, GateVerdict.WITHHELD, unknown, helps)
    reasons = [doubt for m in present for doubt in facts.doubts.get(m, ())]
    if facts.is_of_strangers:
        reasons.insert(0, STRANGER)
    if missing:
        names = joined((m.subject for m in missing), " and ")
        reasons.insert(0, say("scored without {inputs}", inputs=names))
    if reasons:
        return TargetGate(target, GateVerdict.CAUTION, joined(reasons, "; "), helps)
    return TargetGate(target, GateVerdict.SCORED)


def _unlike(unlike: list[Modality], *, is_simulated: bool) -> str:
    inputs = joined((m.subject for m in unlike), " and ")
    is_one = len(unlike) == 1 and not unlike[0].is_plural
    if is_one and is_simulated:
        return say(
            "{inputs} is unlike the simulated patients that this model was trained on",
            inputs=inputs,
        )
    if is_one:
        return say("{inputs} is unlike the patients that this model was trained on", inputs=inputs)
    if is_simulated:
        return say(
            "{inputs} are unlike the simulated patients that this model was trained on",
            inputs=inputs,
        )
    return say("{inputs} are unlike the patients that this model was trained on", inputs=inputs)
