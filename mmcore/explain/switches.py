"""What the model would say with some inputs left out, read from the table of coalitions.

Nothing is computed: ``Explanation.coalitions`` holds v(S) of every coalition already.
"""

from collections.abc import Collection
from dataclasses import dataclass

from mmcore.records import Explanation, Interaction, Modality


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


@dataclass(frozen=True, slots=True)
class Difference:
    """Why leaving inputs out takes away another amount than they contribute, all in logits.

    taken: what leaving them out takes away, ``-Switched.change``. contributed: the sum of their
    contributions, each a mean over all coalitions. of_pairs: what the interactions with the inputs
    that stay explain of ``taken - contributed``; rest: what three or more inputs do together.
    strongest: the interaction with an input that stays that explains most, or None.
    """

    taken: float
    contributed: float
    of_pairs: float
    rest: float
    strongest: Interaction | None


def difference_of(explanation: Explanation, switched: Switched) -> Difference:
    """Return why ``switched`` is not the ledger's contributions turned round.

    A contribution shares every interaction among its inputs, half of a pair to each. Who leaves
    last takes the whole of it along, so the other halves are what is taken beyond the contribution:
    for two inputs this is exact, and ``rest`` holds what the pairwise index leaves of more.
    """
    left = set(switched.left_out)
    contributed = sum(c.signed for c in explanation.contributions if c.modality in left)
    across = [i for i in explanation.interactions if (i.a in left) is not (i.b in left)]
    of_pairs = sum(i.value for i in across) / 2.0
    taken = -switched.change
    return Difference(
        taken=taken,
        contributed=contributed,
        of_pairs=of_pairs,
        rest=taken - contributed - of_pairs,
        strongest=max(across, key=lambda i: abs(i.value), default=None),
    )
