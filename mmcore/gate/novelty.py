"""How unlike the training patients an input is, by the distance to its nearest neighbours."""

import numpy as np
import numpy.typing as npt

NEIGHBOUR = 5
FloatArray = npt.NDArray[np.float32]


def unit(embeddings: FloatArray) -> FloatArray:
    """Return (N, F) embeddings scaled to unit length."""
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    result: FloatArray = (embeddings / np.maximum(norms, 1e-12)).astype(np.float32)
    return result


def distances(embeddings: FloatArray, reference: FloatArray) -> FloatArray:
    """Return (N,) distances to the 5th nearest of (R, F) reference embeddings, all unit vectors.

    Source: deep nearest neighbours for out-of-distribution detection, Sun et al. 2022.
    """
    similarity = embeddings @ reference.T
    nearest = np.partition(similarity, -NEIGHBOUR, axis=1)[:, -NEIGHBOUR]
    result: FloatArray = np.sqrt(np.maximum(2.0 - 2.0 * nearest, 0.0)).astype(np.float32)
    return result
