"""What the model would say with some inputs left out, read from the table of coalitions.

Nothing is computed: ``Explanation.coalitions`` holds v(S) of every coalition already.
"""

from collections.abc import Collection
from dataclasses import dataclass

from mmcore.records import Explanation, Modality


@dataclass(frozen=True, slots=True)
class Switched:
    """The model's answer with some inputs at their baseline.

    left_out: in the order of the model. logit: v of the other inputs, calibrated as the whole is.
    change: ``logit`` minus that of all inputs, in logits.
    """

    left_out: tuple[Modality, ...]
    logit: float
    change: float


def switch_off(explanation: Explanation, modalities: Collection[Modality]) -> Switched:
    """Return the answer without ``modalities``; with none of them it is the explained one.

    Raises ``ValueError`` for one that is no input of the model, and for a table of another size
    than 2^M.
    """
    inputs, values = explanation.modalities, explanation.coalitions
    if len(values) != 2 ** len(inputs):
        raise ValueError(f"{len(inputs)} inputs need {2 ** len(inputs)} coalition values")
    unknown = [m.value for m in modalities if m not in inputs]
    if unknown:
        raise ValueError(f"no input of this model: {', '.join(unknown)}")
    index = len(values) - 1
    for bit, modality in enumerate(inputs):
        if modality in modalities:
            index &= ~(1 << bit)
    logit = float(values[index])
    return Switched(tuple(m for m in inputs if m in modalities), logit, logit - float(values[-1]))
