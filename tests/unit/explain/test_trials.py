"""What parts are put to: a map of what the network uses passes, one of anything else does not."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmcore.explain.trials import ERASING, STABILITY, Trial, try_parts
from mmcore.modalities import Encoder
from mmcore.records import PartTest

PIECES = 40
WEIGHTS = torch.zeros(PIECES, 2)
WEIGHTS[:4] = 0.5  # the network uses the first tenth of its input and nothing else


def attribution() -> np.ndarray:
    return WEIGHTS.double().numpy()  # input 1, baseline 0: the exact one


def trial(**changes: Any) -> Trial:
    def answer(embedded: Tensor) -> Tensor:
        return (embedded * WEIGHTS).sum((1, 2))

    asked = changes.pop("answer", answer)
    values = {
        "encoder": Encoder(),
        "own": torch.ones(1, PIECES, 2),
        "baseline": torch.zeros(1, PIECES, 2),
        "ask": lambda embedded: asked(embedded)[None, :, None],
        "weigh": lambda raw: raw[0, :, 0],
        "kept": {},
        "outlines": lambda embedded: list((embedded * WEIGHTS).sum(2).double().numpy()),
    }
    return Trial(**{**values, **changes})


def erasing(tests: tuple[PartTest, ...]) -> PartTest:
    (test,) = (t for t in tests if t.name == ERASING)
    return test


def test_the_pieces_that_the_network_uses_make_all_of_the_contribution() -> None:
    test = erasing(try_parts(trial(), attribution(), 4.0))
    assert test.passed
    assert test.value == pytest.approx(1.0)
    assert "take 100% of the contribution away and make 100% of it alone" in test.words


@pytest.mark.parametrize("seed", range(5))
def test_a_map_of_other_pieces_fails(seed: int) -> None:
    wrong = np.zeros((PIECES, 2))
    elsewhere = 4 + np.random.default_rng(seed).permutation(PIECES - 4)[:4]
    wrong[elsewhere] = 0.5
    test = erasing(try_parts(trial(), wrong, 4.0))
    assert test.passed is False
    assert test.value == pytest.approx(0.0)


def test_evidence_against_is_tried_by_its_own_direction() -> None:
    against = trial(answer=lambda encoded: -(encoded * WEIGHTS).sum((1, 2)))
    assert erasing(try_parts(against, -attribution(), -4.0)).passed
    assert erasing(try_parts(against, attribution(), -4.0)).passed is False


def test_the_value_is_that_of_shapley_between_these_pieces_and_the_rest() -> None:
    """Pieces that only count together with others: half of it is theirs, whichever comes first."""

    def together(encoded: Tensor) -> Tensor:
        first, rest = encoded[:, :4].mean((1, 2)), encoded[:, 4:].mean((1, 2))
        return first * rest

    test = erasing(try_parts(trial(answer=together), attribution(), 1.0))
    assert test.value == pytest.approx(0.5)


def test_content_free_pieces_that_do_clearly_better_fail_the_map() -> None:
    class Edged(Encoder):
        def content_free(self, own: Tensor) -> tuple[np.ndarray, ...]:
            return (attribution().sum(1),)

    half = attribution()
    half[2:4], half[4:6] = 0.0, 0.5  # two of the four are right
    assert erasing(try_parts(trial(), half, 4.0)).passed
    assert erasing(try_parts(trial(encoder=Edged()), half, 4.0)).passed is False


def test_what_moved_the_score_too_little_is_not_tried() -> None:
    tests = try_parts(trial(), attribution(), 0.01)
    assert {t.name for t in tests} == {ERASING, STABILITY}
    assert all(t.passed is None for t in tests)


def test_a_handful_of_pieces_leaves_nothing_to_compare_with() -> None:
    few = torch.zeros(1, PIECES, 2)
    few[:, :3] = 1.0
    assert erasing(try_parts(trial(own=few), attribution(), 4.0)).passed is None


def test_a_map_that_noise_turns_into_another_is_not_stable() -> None:
    draw = np.random.default_rng(0)
    shaky = trial(outlines=lambda embedded: list(draw.standard_normal((len(embedded), PIECES))))
    (test,) = (t for t in try_parts(shaky, attribution(), 4.0) if t.name == STABILITY)
    assert test.passed is False
    (steady,) = (t for t in try_parts(trial(), attribution(), 4.0) if t.name == STABILITY)
    assert steady.passed


def test_an_answer_that_is_no_number_does_not_pass() -> None:
    broken = trial(answer=lambda encoded: torch.full((len(encoded),), torch.nan))
    assert erasing(try_parts(broken, attribution(), 4.0)).passed is False


def test_erased_controls_are_asked_about_once_per_case() -> None:
    asked: list[int] = []

    def answer(embedded: Tensor) -> Tensor:
        asked.append(len(embedded))
        return (embedded * WEIGHTS).sum((1, 2))

    shared = trial(answer=answer)
    try_parts(shared, attribution(), 4.0)
    first = sum(asked)
    try_parts(shared, attribution(), 4.0)
    assert sum(asked) - first == 2
