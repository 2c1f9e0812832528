"""Learning what to say of some of a patient's modalities, from the encodings of all of them.

The ledger asks the network about every coalition of modalities, and Shapley's weights count every
size of coalition alike (docs/method.md). Dropping each modality on its own with one probability
trains few of the small coalitions, and encodes a patient anew for each. Here a patient is encoded
once and the fusion, which costs little, answers for all modalities and for a few random subsets:
first a size, each as likely, then which modalities.
"""

import torch
from torch import Tensor


def draw_coalitions(presence: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return (B, count, M) bool: proper subsets of the (B, M) bool presence.

    The number of modalities in a subset is uniform from none to one less than are there; of a
    patient with nothing it is the empty set. Sizes are weighed as by Shapley 1953.
    """
    there = presence.sum(1, keepdim=True)  # (B, 1)
    draws = torch.rand(len(presence), count, generator=generator)
    sizes = (draws * there).floor().long()  # 0 to there - 1
    order = torch.rand(len(presence), count, presence.shape[1], generator=generator)
    order = order.masked_fill(~presence[:, None], 2.0)  # what is absent comes last
    rank = order.argsort(dim=2).argsort(dim=2)
    return (rank < sizes[..., None]) & presence[:, None]
