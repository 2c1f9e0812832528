"""Noise: the floor that every method must beat in a comparison."""

import numpy as np

from mmcore.explain.methods.method import Attributed, FloatArray64, Method, Request
from mmcore.language import say


def random(request: Request) -> Attributed:
    """Return noise that sums to the change, over the elements that differ from the baseline."""
    differs = (request.inputs != request.start)[0].cpu().numpy()
    values: FloatArray64 = np.zeros(differs.shape)
    count = int(differs.sum())
    if count:
        noise = np.random.default_rng(request.seed).normal(size=count)
        scattered = (noise - noise.mean()) * abs(request.change)
        values[differs] = scattered + request.change / count
    return Attributed(values)


METHODS = (
    Method(
        "random", say("Random"), say("the floor of a comparison"), True, random, uses_baseline=False
    ),
)
