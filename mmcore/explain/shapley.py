"""Exact Shapley values and interactions over the modalities of one case.

``values[c]`` is v(S) of coalition number c; bit m of c is set when modality m is in S. Any further
axes (targets, reference patients) are carried along.
"""

from math import factorial

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def coalition_presence(count: int) -> npt.NDArray[np.bool_]:
    """Return (2^count, count): which modality is the patient's own in which coalition."""
    numbers = np.arange(2**count)[:, None]
    presence: npt.NDArray[np.bool_] = (numbers >> np.arange(count)) & 1 == 1
    return presence


def shapley_weight(size: int, count: int) -> float:
    """Return the weight of a coalition of ``size`` without the player, among ``count`` players.

    Source: Shapley 1953.
    """
    return factorial(size) * factorial(count - size - 1) / factorial(count)


def shapley_values(values: FloatArray) -> FloatArray:
    """Return (M, ...) Shapley values of (2^M, ...) coalition values.

    They sum to ``values[-1] - values[0]`` (efficiency) up to rounding in float64.
    """
    count = _players(values)
    result = np.zeros((count, *values.shape[1:]))
    for coalition in range(2**count):
        for player in range(count):
            if not coalition >> player & 1:
                weight = shapley_weight(coalition.bit_count(), count)
                result[player] += weight * (values[coalition | 1 << player] - values[coalition])
    return result


def interaction_index(values: FloatArray) -> FloatArray:
    """Return (M, M, ...) symmetric pairwise Shapley interaction indices, diagonal zero.

    Positive: the two raise the logit more together than each on its own would suggest.
    Source: Grabisch and Roubens 1999.
    """
    count = _players(values)
    result = np.zeros((count, count, *values.shape[1:]))
    for coalition in range(2**count):
        size = coalition.bit_count()
        for a in range(count):
            for b in range(a + 1, count):
                if coalition >> a & 1 or coalition >> b & 1:
                    continue
                weight = factorial(size) * factorial(count - size - 2) / factorial(count - 1)
                change = (
                    values[coalition | 1 << a | 1 << b]
                    - values[coalition | 1 << a]
                    - values[coalition | 1 << b]
                    + values[coalition]
                )
                result[a, b] += weight * change
    return result + np.swapaxes(result, 0, 1)


def _players(values: FloatArray) -> int:
    count = len(values).bit_length() - 1
    if len(values) != 2**count:
        raise ValueError(f"expected 2^M coalition values, got {len(values)}")
    return count
