"""Two figures against an independent implementation: quantus (LGPL), where it is installed.

It is no pinned dependency, because it brings OpenCV: `pip install quantus==0.6.0` and run again.
"""

import warnings

import numpy as np
import pytest

from mmcore.bench import metrics

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its imports
    quantus = pytest.importorskip("quantus")

RNG = np.random.default_rng(3)
MAPS = RNG.random((20, 12, 12))
TRUTH = np.zeros((20, 12, 12), bool)
for number in range(20):
    row, column = RNG.integers(0, 8, 2)
    TRUTH[number, row : row + 4, column : column + 4] = True


def theirs(metric: object, maps: np.ndarray) -> list[float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = metric(  # type: ignore[operator]
            model=None, x_batch=np.zeros((20, 1, 12, 12)), y_batch=np.zeros(20, int),
            a_batch=maps[:, None], s_batch=TRUTH[:, None], device="cpu",
        )  # fmt: skip
    return [float(score) for score in scores]


def test_the_pointing_game_is_theirs() -> None:
    metric = quantus.PointingGame(abs=False, normalise=False, disable_warnings=True)
    ours = [metrics.points_inside(m, t) for m, t in zip(MAPS, TRUTH, strict=True)]
    assert 0 < sum(ours) < 20, "both outcomes occur"
    assert ours == theirs(metric, MAPS)


def test_the_mass_inside_is_their_relevance_mass_accuracy() -> None:
    metric = quantus.RelevanceMassAccuracy(abs=False, normalise=False, disable_warnings=True)
    ours = [metrics.mass_inside(m, t) for m, t in zip(MAPS, TRUTH, strict=True)]
    assert ours == pytest.approx(theirs(metric, MAPS))


def test_rank_correlation_is_theirs() -> None:
    pairs = list(zip(MAPS, MAPS[::-1] + 0.3 * MAPS, strict=True))
    ours = [metrics.rank_correlation(a, b) for a, b in pairs]
    their = [quantus.similarity_func.correlation_spearman(a.ravel(), b.ravel()) for a, b in pairs]
    assert ours == pytest.approx(their)
