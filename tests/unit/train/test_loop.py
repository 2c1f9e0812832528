"""Training learns, resumes exactly, and leaves the truth alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmcore.errors import NonFiniteResultError
from mmcore.records import Modality
from mmcore.train import loop
from mmcore.train.adapt import add_lora, freeze, merge_lora
from mmcore.train.dataset import augment
from mmcore.train.learner import Learner
from mmcore.train.losses import LossConfig
from mmcore.train.run import build_network
from mmcore.train.tracking import read_log
from tests.tiny import tiny_run, tiny_source
from tests.unit.train.small import Small, examinations, network, training

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
    step, power_cut = loop.take_step, 5

    def until_power_cut(*args: object, **kwargs: object) -> object:
        if kwargs["step"] == power_cut:
            raise KeyboardInterrupt
        return step(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "take_step", until_power_cut)
    with pytest.raises(KeyboardInterrupt):
        loop.train(fresh(), tensors, CONFIG, folder=tmp_path / "stopped", device=CPU)
    monkeypatch.setattr(loop, "take_step", step)
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


def small_learner(loss: LossConfig | None = None) -> Learner:
    return Learner(network(Small()), loss or LossConfig())


def test_an_adapted_run_moves_only_what_was_added_and_ships_plain_weights(tmp_path: Path) -> None:
    learner = small_learner()
    plain = {k: v.clone() for k, v in learner.network.state_dict().items()}
    freeze(learner.network, ["encoders"])
    adapted = add_lora(learner.network, ["encoders.observations"], rank=1, alpha=2.0)
    loop.train(learner, examinations(Small()), training(epochs=3), folder=tmp_path, device=CPU)
    batch = examinations(Small()).batch(torch.arange(8))
    averaged = learner.network(batch.inputs, batch.presence).logits
    merge_lora(learner.network)
    merged = learner.network.state_dict()
    assert list(merged) != []
    assert sorted(merged) == sorted(plain)
    assert torch.allclose(learner.network(batch.inputs, batch.presence).logits, averaged, atol=1e-5)
    moved = {name for name in plain if not torch.equal(plain[name], merged[name])}
    assert {name for name in moved if name.startswith("encoders.")} == set(adapted)
    assert "head_weight" in moved


def test_an_adapted_run_goes_on_after_a_stop(tmp_path: Path) -> None:
    states = []
    for epochs in ((4,), (2, 4)):
        folder = tmp_path / str(len(epochs))
        folder.mkdir()
        for count in epochs:
            learner = small_learner()
            add_lora(learner.network, ["encoders.image"], rank=1, alpha=2.0)
            # A constant factor, so that a shorter run is the start of the longer one.
            config = training(epochs=count, warmup_steps=10**9)
            loop.train(learner, examinations(Small()), config, folder=folder, device=CPU)
        states.append(learner.network.state_dict())
    for name, value in states[0].items():
        assert torch.equal(states[1][name], value), name


def test_large_gradients_of_the_balancer_do_not_slow_the_network(tmp_path: Path) -> None:
    """With plain steps of gradient descent the network moves alike, whatever the balancer feels."""
    loss, batch = LossConfig(balance="uncertainty"), torch.arange(8)
    moved = []
    for scale in (1.0, 1e6):
        learner = small_learner(loss)
        factor = learner.balancer.log_variance
        factor.register_hook(lambda gradient, scale=scale: gradient * scale)  # type: ignore[union-attr, arg-type, misc]
        optimizer = torch.optim.SGD(learner.network.parameters(), lr=0.1)
        config = training(gradient_clip=1e-3)
        loop.take_step(learner, examinations(Small()), batch, optimizer, config, step=0, device=CPU)
        moved.append(learner.network.state_dict())
    for name, value in moved[0].items():
        assert torch.equal(moved[1][name], value), name


def test_a_loss_that_is_not_finite_moves_no_weight(tmp_path: Path) -> None:
    learner = small_learner()
    with torch.no_grad():
        learner.network.head_bias[0] = torch.inf
    before = learner.network.head_weight.detach().clone()
    with pytest.raises(NonFiniteResultError, match="step 0"):
        loop.train(learner, examinations(Small()), training(), folder=tmp_path, device=CPU)
    assert torch.equal(learner.network.head_weight, before)


def test_every_step_and_every_epoch_on_other_patients_is_logged(tmp_path: Path) -> None:
    tensors = examinations(Small())  # three steps per epoch
    loop.train(
        small_learner(), tensors, training(epochs=2), validation=tensors, folder=tmp_path,
        device=CPU,
    )  # fmt: skip
    records = read_log(tmp_path)
    assert [r["step"] for r in records] == list(range(6))
    assert all({"loss/findings", "gradient_norm", "learning_rate"} <= set(r) for r in records)
    judged = [r["step"] for r in records if "validation/total" in r]
    assert judged == [2, 5]
    last = records[-1]
    parts = last["validation/findings"] + last["validation/regressions"]
    assert last["validation/total"] == pytest.approx(parts)


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
