"""Training learns, resumes exactly, and leaves the truth alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmcore.records import Modality
from mmcore.train import loop
from mmcore.train.adapt import add_lora, freeze, merge_lora
from mmcore.train.dataset import augment
from mmcore.train.learner import Learner
from mmcore.train.run import build_network
from tests.tiny import tiny_run, tiny_source

CPU = torch.device("cpu")
CONFIG = replace(tiny_run().training, epochs=3, batch_size=10, warmup_steps=2)


def fresh() -> Learner:
    network = build_network(tiny_run(), tiny_source(), folder=Path())
    torch.manual_seed(3)
    return Learner(network, tiny_run().loss, tiny_run().alignment)


def test_a_stopped_run_goes_on_to_exactly_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = tiny_source().train
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()
    whole, resumed = fresh(), fresh()
    loop.train(whole, tensors, CONFIG, folder=tmp_path / "whole", device=CPU)

    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 1)
    step, power_cut = loop._step, 5

    def until_power_cut(*args: object, **kwargs: object) -> object:
        if kwargs["step"] == power_cut:
            raise KeyboardInterrupt
        return step(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "_step", until_power_cut)
    with pytest.raises(KeyboardInterrupt):
        loop.train(fresh(), tensors, CONFIG, folder=tmp_path / "stopped", device=CPU)
    monkeypatch.setattr(loop, "_step", step)
    seconds = loop.train(resumed, tensors, CONFIG, folder=tmp_path / "stopped", device=CPU)
    again = loop.train(fresh(), tensors, CONFIG, folder=tmp_path / "stopped", device=CPU)
    assert 0 < again <= seconds  # a finished run only says how long it took

    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_the_loss_falls(tmp_path: Path) -> None:
    examinations = tiny_source().train
    before, _ = loop.validation_losses(fresh(), examinations, CPU)
    config = replace(CONFIG, epochs=8, learning_rate=0.003)
    learner = fresh()
    loop.train(learner, examinations, config, folder=tmp_path, device=CPU)
    after, tasks = loop.validation_losses(learner, examinations, CPU)
    assert after < 0.9 * before
    assert set(tasks) == {"findings", "regressions", "segmentation", "alignment"}


def test_gradients_of_two_small_batches_are_those_of_one_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alignment compares the patients of a batch, so it is left out here."""
    monkeypatch.setattr(loop, "augment", lambda batch, *_, **__: batch)
    run, examinations = tiny_run(), tiny_source().train
    learners = []
    for size, parts in ((10, 1), (5, 2)):
        torch.manual_seed(3)
        network = build_network(run, tiny_source(), folder=Path()).eval()
        learner = Learner(network, replace(run.loss, weights={"segmentation": 0.0}))
        learner.train = lambda mode=True, it=learner: it  # type: ignore[method-assign] # no dropout
        config = replace(CONFIG, epochs=1, batch_size=size, accumulate=parts)
        (tmp_path / str(size)).mkdir()
        loop.train(learner, examinations, config, folder=tmp_path / str(size), device=CPU)
        learners.append(learner.network.state_dict())
    for name, value in learners[0].items():
        assert torch.allclose(value.float(), learners[1][name].float(), atol=2e-3), name


def test_training_stops_when_validation_no_longer_improves_and_keeps_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals = iter([3.0, 1.0, 2.0, 2.0])
    kept: list[dict[str, torch.Tensor]] = []

    def judged(learner: Learner, *_: object) -> tuple[float, dict[str, float]]:
        kept.append({k: v.clone() for k, v in learner.network.state_dict().items()})
        return next(totals), {}

    monkeypatch.setattr(loop, "validation_losses", judged)
    learner, examinations = fresh(), tiny_source().train
    config = replace(CONFIG, epochs=9, patience=2)
    loop.train(learner, examinations, config, validation=examinations, folder=tmp_path, device=CPU)
    assert len(kept) == 4  # the best was the second; two more did not beat it
    for name, value in learner.network.state_dict().items():
        assert torch.equal(value, kept[1][name]), name


def test_frozen_parts_stay_and_rates_go_by_the_longest_prefix(tmp_path: Path) -> None:
    learner = fresh()
    rates = {"encoders": 0.5, "encoders.image": 0.1}
    config = replace(CONFIG, freeze=("encoders.note",), rates=rates)
    before = {k: v.clone() for k, v in learner.network.state_dict().items()}
    freeze(learner.network, config.freeze)
    groups = loop.optimiser_groups(learner, config)
    assert {g["initial_lr"] / config.learning_rate for g in groups} == {0.1, 0.5, 1.0}
    loop.train(learner, tiny_source().train, config, folder=tmp_path, device=CPU)
    after = learner.network.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert not any(name.startswith("encoders.note") for name in changed)
    assert any(name.startswith("encoders.image") for name in changed)


def test_modalities_drop_out_one_by_one_and_all_together_and_the_truth_stays() -> None:
    tensors = tiny_source().train
    batch = tensors.batch(torch.arange(30))
    network = fresh().network
    generator = torch.Generator().manual_seed(0)
    done = augment(batch, network, modality_dropout=0.9, generator=generator)
    left = done.presence.sum(1)
    assert (left == 0).any()
    assert (left == 1).any()
    assert torch.equal(done.labels, batch.labels)
    assert torch.equal(done.patients, batch.patients)


def test_an_observation_that_augmentation_hides_hides_its_value_too() -> None:
    tensors = tiny_source().train
    batch = tensors.batch(torch.arange(30))
    generator = torch.Generator().manual_seed(0)
    done = augment(batch, fresh().network, modality_dropout=0.0, generator=generator)
    observations = done.inputs[Modality.OBSERVATIONS]
    hidden = observations[..., 1] == 0
    assert (observations[..., 0][hidden] == 0).all()
    assert hidden.sum() > (batch.inputs[Modality.OBSERVATIONS][..., 1] == 0).sum()
