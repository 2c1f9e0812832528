"""Deletion and insertion on a function whose curves can be worked out by hand."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mmcore.bench import faithful
from mmcore.bench.elements import Elements
from mmcore.records import Modality

COUNT = faithful.STEPS
ONE_STEP = 0.5 / faithful.STEPS  # area under a curve that falls from 1 to 0 within the first step


def ledger(monkeypatch: pytest.MonkeyPatch, weights: list[float]) -> Any:
    """Return a ledger of one panel of all ones, whose g weighs its loci."""
    linear = torch.tensor(weights)
    monkeypatch.setattr(
        faithful, "weighted_marginal", lambda *_: lambda x: (x[..., 0] * linear).sum(1)
    )
    network = SimpleNamespace(
        encode=None, baseline=lambda m: torch.zeros(COUNT, 2), embed=lambda m, x: x
    )
    embedded = {Modality.VARIANTS: torch.ones(1, COUNT, 2)}
    return SimpleNamespace(network=network, embedded=embedded, internal_batch_size=5)


def areas(ledger: Any, scores: np.ndarray) -> faithful.Areas:
    owner = np.arange(COUNT)[:, None]
    return faithful.areas(ledger, Modality.VARIANTS, Elements(scores.astype(float), owner))


def test_the_one_element_that_counts_falls_at_once_when_it_is_named_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = ledger(monkeypatch, [2.0] + [0.0] * (COUNT - 1))
    first = areas(one, np.arange(COUNT)[::-1])
    assert first.deletion == pytest.approx(ONE_STEP)
    assert first.insertion == pytest.approx(1 - ONE_STEP)
    last = areas(one, np.arange(COUNT))
    assert last.deletion == pytest.approx(1 - ONE_STEP)
    assert last.insertion == pytest.approx(ONE_STEP)


def test_where_all_count_alike_no_order_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = areas(ledger(monkeypatch, [1.0] * COUNT), np.random.default_rng(0).normal(size=COUNT))
    assert alike.deletion == pytest.approx(0.5)
    assert alike.insertion == pytest.approx(0.5)


def test_of_evidence_against_the_most_negative_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    against = ledger(monkeypatch, [-2.0] + [0.0] * (COUNT - 1))
    scores = np.zeros(COUNT)
    scores[0] = -1.0
    assert areas(against, scores).deletion == pytest.approx(ONE_STEP)


def test_a_contribution_near_nothing_has_no_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = ledger(monkeypatch, [0.0] * COUNT)
    assert math.isnan(areas(nothing, np.arange(COUNT)).deletion)
