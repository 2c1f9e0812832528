"""Every fusion inside the network and, for one of them, behind the engine."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.model.config import FusionKind
from mmcore.model.fusion import FUSIONS
from mmcore.model.network import FusionNetwork
from mmcore.simulate import sample_patient
from mmcore.train.config import RunConfig
from mmcore.train.package import package
from mmcore.train.run import build_network
from mmcore.train.sources import prepare_cohorts
from tests.tiny import SEED, tiny_cohort, tiny_run, untried


def run_with(kind: FusionKind) -> RunConfig:
    run = tiny_run()
    return replace(run, model=replace(run.model, fusion=replace(run.model.fusion, kind=kind)))


@pytest.mark.parametrize("kind", sorted(FUSIONS))
def test_encoding_once_and_deciding_is_the_forward_pass(kind: FusionKind) -> None:
    run = run_with(kind)
    source = prepare_cohorts(run.model, tiny_cohort(), tiny_cohort())
    torch.manual_seed(2)
    network = FusionNetwork(source.model).eval()
    inputs = source.train.batch(torch.arange(3)).inputs
    with torch.no_grad():
        whole = network(inputs, torch.ones(3, len(network.modalities), dtype=torch.bool)).logits
        encoded = {m: network.encode(m, network.embed(m, inputs[m])) for m in network.modalities}
        baseline = {
            m: network.encode(m, network.embed(m, network.baseline(m)[None]))
            for m in network.modalities
        }
        decided = network.decide(encoded, baseline)
    assert torch.allclose(decided, whole, atol=1e-5)


def test_the_ledger_of_a_late_fusion_shows_no_interaction_and_every_part(tmp_path: Path) -> None:
    run = run_with("late")
    source = prepare_cohorts(run.model, tiny_cohort(), tiny_cohort())
    network = build_network(run, source, folder=tmp_path)
    package(network, run, source, out=tmp_path / "late", hours=0.0)
    engine = Engine.load(tmp_path / "late")
    with untried():
        explanation = engine.explain(phantom_case(sample_patient(SEED, 0)), "effusion")
    assert explanation.interactions
    assert np.abs([i.value for i in explanation.interactions]).max() < 1e-5
    assert all(part.passed for part in explanation.parts.values())
    assert set(explanation.parts) == set(run.model.modalities)
