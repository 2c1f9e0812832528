"""Tests that a pack must pass before it is released: do its maps hang on what it learned.

Parameter randomisation in cascade from the head down to the encoders, and the same maps of a model
trained on permuted labels. A map that stays the same shows the input, not the model.

Source: Adebayo et al. 2018, Sanity checks for saliency maps.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from mmcore.bench.elements import Elements, by_place, elements_of
from mmcore.bench.metrics import rank_correlation
from mmcore.bench.run import Row, own_parts
from mmcore.bench.subjects import Subject
from mmcore.engine import Engine
from mmcore.explain.marginal import Ledger
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import Pack
from mmcore.model.prepared import PreparedCase
from mmcore.records import Modality

STAGES = ("head", "fusion", "encoders")
Maps = dict[Modality, Elements]


def randomised(pack: Pack, stage: str, *, seed: int = 0) -> Pack:
    """Return the pack with every parameter from the head down to ``stage`` drawn anew.

    A tensor is drawn from a normal distribution of its own mean and standard deviation, so that
    sizes stay and everything learned goes. Baselines, calibration and reference patients stay.
    """
    network = copy.deepcopy(pack.network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in _parameters(network, STAGES[: STAGES.index(stage) + 1]):
            values = parameter.detach()
            spread = values.std() if values.numel() > 1 else values.abs().mean()
            drawn = torch.randn(values.shape, generator=generator).to(values)
            parameter.copy_(drawn * spread + values.mean())
    return replace(pack, network=network)


def cascade(engine: Engine, pairs: Sequence[tuple[Subject, str]], *, seed: int = 0) -> list[Row]:
    """Return by stage and modality how far the maps after still follow the maps before."""
    before = [maps_of(engine, subject, target) for subject, target in pairs]
    rows = []
    for stage in STAGES:
        other = Engine(randomised(engine.pack, stage, seed=seed), device=engine.device)
        rows += _compare(other, pairs, before, name=stage)
    return rows


def against(engine: Engine, other: Engine, pairs: Sequence[tuple[Subject, str]]) -> list[Row]:
    """Return the same for another pack, as one that was trained on permuted labels."""
    before = [maps_of(engine, subject, target) for subject, target in pairs]
    return _compare(other, pairs, before, name="permuted_labels")


def maps_of(engine: Engine, subject: Subject, target: str) -> Maps:
    """Return the elements of every modality's own parts that are not withheld."""

    def work(ledger: Ledger, prepared: PreparedCase) -> Maps:
        found = {
            m: elements_of(own_parts(ledger, prepared, m), prepared, m) for m in ledger.present
        }
        return {m: elements for m, elements in found.items() if elements is not None}

    return engine.with_ledger(subject.case, target, work)


def _compare(
    other: Engine, pairs: Sequence[tuple[Subject, str]], before: Sequence[Maps], *, name: str
) -> list[Row]:
    rows = []
    for (subject, target), maps in zip(pairs, before, strict=True):
        after = maps_of(other, subject, target)
        for modality, elements in maps.items():
            if modality not in after:
                continue
            x, y = by_place(elements), by_place(after[modality])
            if x.shape != y.shape:
                continue
            figures = {
                "signed": rank_correlation(x, y),
                "absolute": rank_correlation(np.abs(x), np.abs(y)),
            }
            known = {k: v for k, v in figures.items() if np.isfinite(v)}
            rows.append(Row(subject.patient, target, name, modality.value, known))
    return rows


def _parameters(network: FusionNetwork, stages: Sequence[str]) -> Iterator[nn.Parameter]:
    if "head" in stages:
        yield from (network.head_weight, network.head_bias)
    if "fusion" in stages:
        yield from network.fusion.parameters()
    if "encoders" in stages:
        yield from network.encoders.parameters()
