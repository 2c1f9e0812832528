"""How two modalities stand to each other in one ledger: agree, conflict, redundant, one decides.

A label for what three numbers say: the two signed contributions and their Shapley interaction
index (docs/method.md). It describes this model on this case, not medicine.
"""

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum

from mmcore.language import Text, say
from mmcore.records import Contribution, Interaction

TINY = 0.05
"""Logits below which a contribution changes the odds by less than 5 %: nothing a reader acts on."""
DECIDES_BELOW = 0.1
"""The smaller contribution over the larger below which leaving it out changes little: the larger
alone is within a tenth of the two together."""
REDUNDANT_FROM = 2.0 / 3.0
"""Interaction over the smaller contribution.

With two players a contribution c is the mean of what an input adds alone, c + |I| / 2, and after
the other, c - |I| / 2. At |I| = 2/3 c the second is half of the first: the other input has taken
away half of what this one had to say.
"""


class Relation(StrEnum):
    """What two contributions and their interaction amount to."""

    AGREE = "agree"
    CONFLICT = "conflict"
    REDUNDANT = "redundant"
    ONE_DECIDES = "one of them decides"


RELATION_WORDS: Mapping[Relation, Text] = {
    Relation.AGREE: say("agree"),
    Relation.CONFLICT: say("conflict"),
    Relation.REDUNDANT: say("redundant"),
    Relation.ONE_DECIDES: say("one of them decides"),
}


def relation_of(first: float, second: float, interaction: float) -> Relation | None:
    """Return the relation of two contributions, all in logits; None where they are too small.

    None means that neither reaches ``TINY``, or that one of opposite sign does not: too little to
    speak of a conflict. NaN gives None.
    """
    smaller, larger = sorted((abs(first), abs(second)))
    if larger < TINY or math.isnan(first + second + interaction):
        return None
    if smaller < DECIDES_BELOW * larger:
        return Relation.ONE_DECIDES
    if first * second < 0.0:
        return Relation.CONFLICT if smaller >= TINY else None
    takes_away = interaction * first < 0.0
    if takes_away and abs(interaction) >= REDUNDANT_FROM * smaller:
        return Relation.REDUNDANT
    return Relation.AGREE


def relation_in(contributions: Iterable[Contribution], interaction: Interaction) -> Relation | None:
    """Return the relation of the two modalities of ``interaction``.

    None also where one of them has no contribution, as a result document may have it.
    """
    signed = {c.modality: c.signed for c in contributions}
    first, second = signed.get(interaction.a), signed.get(interaction.b)
    if first is None or second is None:
        return None
    return relation_of(first, second, interaction.value)
