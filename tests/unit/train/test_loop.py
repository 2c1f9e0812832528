"""Training learns, resumes exactly, and leaves the truth alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmcore.model.network import FusionNetwork
from mmcore.train import loop
from mmcore.train.dataset import augment
from tests.tiny import tiny_run, tiny_tensors

CPU = torch.device("cpu")
CONFIG = replace(tiny_run().training, epochs=3, batch_size=10, warmup_steps=2)


def fresh() -> FusionNetwork:
    model, tensors = tiny_tensors()
    torch.manual_seed(3)
    network = FusionNetwork(model)
    network.baseline_image = tensors.mean_image()
    return network


def test_a_stopped_run_goes_on_to_exactly_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, tensors = tiny_tensors()
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()
    whole, resumed = fresh(), fresh()
    loop.train(whole, tensors, CONFIG, run=tmp_path / "whole", device=CPU)

    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 1)
    step, power_cut = loop._step, 5

    def until_power_cut(*args: object, **kwargs: object) -> object:
        if kwargs["step"] == power_cut:
            raise KeyboardInterrupt
        return step(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "_step", until_power_cut)
    with pytest.raises(KeyboardInterrupt):
        loop.train(fresh(), tensors, CONFIG, run=tmp_path / "stopped", device=CPU)
    monkeypatch.setattr(loop, "_step", step)
    seconds = loop.train(resumed, tensors, CONFIG, run=tmp_path / "stopped", device=CPU)
    again = loop.train(fresh(), tensors, CONFIG, run=tmp_path / "stopped", device=CPU)
    assert 0 < again <= seconds  # a finished run only says how long it took

    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_the_loss_falls(tmp_path: Path) -> None:
    model, tensors = tiny_tensors()
    rows = torch.arange(len(tensors))

    def loss(network: FusionNetwork) -> float:
        batch = tensors.batch(rows)
        with torch.no_grad():
            logits, location = network.eval()(batch.inputs, batch.presence)
            return float(sum(loop._losses(network, logits, location, batch)))

    before = loss(fresh())
    config = replace(CONFIG, epochs=8, learning_rate=0.003)
    network = fresh()
    loop.train(network, tensors, config, run=tmp_path, device=CPU)
    assert loss(network) < 0.9 * before
    assert model.findings == tuple(t.name for t in model.targets[:6])


def test_modalities_drop_out_one_by_one_and_all_together_and_the_truth_stays() -> None:
    _, tensors = tiny_tensors()
    batch = tensors.batch(torch.arange(30))
    done = augment(batch, modality_dropout=0.9, generator=torch.Generator().manual_seed(0))
    left = done.presence.sum(1)
    assert (left == 0).any()
    assert (left == 1).any()
    assert torch.equal(done.findings, batch.findings)
    assert done.location.shape == batch.location.shape


def test_an_observation_that_augmentation_hides_hides_its_value_too() -> None:
    from mmcore.records import Modality

    _, tensors = tiny_tensors()
    batch = tensors.batch(torch.arange(30))
    done = augment(batch, modality_dropout=0.0, generator=torch.Generator().manual_seed(0))
    observations = done.inputs[Modality.OBSERVATIONS]
    hidden = observations[..., 1] == 0
    assert (observations[..., 0][hidden] == 0).all()
    assert hidden.sum() > (batch.inputs[Modality.OBSERVATIONS][..., 1] == 0).sum()
