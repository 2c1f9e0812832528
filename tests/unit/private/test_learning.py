"""A private training takes noisy steps of cut gradients, counts each, and loses no count."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import yaml

from mmcore.errors import ConfigError
from mmcore.model.network import FusionNetwork
from mmcore.private import learning
from mmcore.private.config import PrivacyConfig
from mmcore.private.learning import learn_privately, patient_gradients
from mmcore.private.ledger import Ledger
from mmcore.train import package as train_package
from mmcore.train.alignment import AlignmentConfig
from mmcore.train.config import TrainingConfig
from mmcore.train.dataset import TrainingSet
from mmcore.train.learner import Learner
from mmcore.train.losses import LossConfig
from mmcore.train.run import fit_privately
from tests.unit.train.small import Small, examinations, network, training
from tests.unit.train.test_run import small_run

CPU = torch.device("cpu")
SMALL = Small(fusion="late")
PRIVACY = PrivacyConfig(epsilon=8.0, delta=0.01, accountant="rdp")


def learner() -> Learner:
    return Learner(network(SMALL), LossConfig())


def plain(**changes: object) -> TrainingConfig:
    return training(modality_dropout=0.0, **changes)


def run_privately(
    folder: Path, config: TrainingConfig, privacy: PrivacyConfig = PRIVACY
) -> Learner:
    folder.mkdir(exist_ok=True)
    own = learner()
    learn_privately(own, examinations(SMALL), config, privacy, folder=folder, device=CPU)
    return own


def test_gradients_of_patients_are_those_of_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every label known, their mean is the gradient of the loss of all of them together."""
    monkeypatch.setattr(learning, "augment", lambda batch, *_, **__: batch)
    own, rows = learner().eval(), examinations(SMALL)
    rows = replace(rows, labels=rows.labels.nan_to_num(nan=1.0))
    patients = [torch.tensor([row]) for row in range(5)]
    generator = torch.Generator()
    found = patient_gradients(own, rows, patients, plain(), generator=generator, device=CPU)
    assert {len(g) for g in found} == {5}
    total, _ = own(rows.batch(torch.arange(5)), CPU)
    total.backward()
    together = [p.grad for p in own.parameters() if p.requires_grad]
    for gradient, expected in zip(found, together, strict=True):
        known = torch.zeros_like(gradient[0]) if expected is None else expected
        assert torch.allclose(gradient.mean(dim=0), known, rtol=1e-3, atol=5e-3)


def test_a_patient_is_one_patient_however_often_examined() -> None:
    rows = examinations(Small(fusion="late", rows=24, patients=9))
    own = learning._rows_of_patients(rows)
    assert len(own) == 9
    assert own[0].tolist() == [0, 9, 18]


def test_a_step_of_nobody_is_a_step_of_noise(tmp_path: Path) -> None:
    own = learner()
    before = {k: v.clone() for k, v in own.state_dict().items()}
    ledger = Ledger(PRIVACY, patients=24, batch_size=4, steps=10)
    optimizer = learning._private(own, plain(), ledger, 4)
    learning._step(own, optimizer, examinations(SMALL), [], plain(), step=0, device=CPU)
    moved = [k for k, v in own.state_dict().items() if not torch.equal(v, before[k])]
    learned = [k for k, p in own.named_parameters() if p.requires_grad]
    assert set(moved) == set(learned)


def test_one_patient_moves_the_sum_by_no_more_than_the_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However large a gradient is: 7 patients, one of them with a million times the others'."""
    own = learner()
    ledger = Ledger(replace(PRIVACY, clip=0.5), patients=24, batch_size=4, steps=10)
    optimizer = learning._private(own, plain(), ledger, 4)
    learned = [p for p in own.parameters() if p.requires_grad]
    generator = torch.Generator().manual_seed(3)
    for value in learned:
        size = torch.tensor([1e6, *[1.0] * 6]).reshape(7, *[1] * value.ndim)
        value.grad_sample = size * torch.randn(7, *value.shape, generator=generator)  # type: ignore[attr-defined]
    optimizer.clip_and_accumulate()
    norm = torch.stack([p.summed_grad.square().sum() for p in learned]).sum().sqrt()  # type: ignore[attr-defined]
    assert 0.0 < float(norm) <= 7 * 0.5 + 1e-4


def test_the_same_seed_does_not_give_the_same_noise(tmp_path: Path) -> None:
    one, other = (run_privately(tmp_path / name, plain(batch_size=24)) for name in ("one", "other"))
    weights = [next(iter(own.network.fusion.parameters())) for own in (one, other)]
    assert not torch.equal(*weights)


def test_a_stopped_training_goes_on_without_losing_its_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = plain(epochs=2, batch_size=6)  # 8 steps
    monkeypatch.setattr(learning, "CHECKPOINT_EVERY", 2)
    step, stopped = learning._step, 5

    def until_power_cut(*args: object, **kwargs: object) -> None:
        if kwargs["step"] == stopped:
            raise KeyboardInterrupt
        step(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(learning, "_step", until_power_cut)
    with pytest.raises(KeyboardInterrupt):
        run_privately(tmp_path, config)
    kept = torch.load(tmp_path / "private.pt", weights_only=True)
    assert kept["step"] == 4
    assert sum(steps for _, _, steps in kept["ledger"]["history"]) == 4
    monkeypatch.setattr(learning, "_step", step)
    own = learner()
    spent, _ = learn_privately(
        own, examinations(SMALL), config, PRIVACY, folder=tmp_path, device=CPU
    )
    whole = Ledger(PRIVACY, patients=24, batch_size=6, steps=8)
    for _ in range(8):
        whole.count()
    assert spent == whole.spent()
    with pytest.raises(ConfigError, match="another budget"):
        run_privately(tmp_path, config, replace(PRIVACY, epsilon=4.0))


def test_all_steps_together_spend_what_was_asked_and_no_step_more() -> None:
    ledger = Ledger(replace(PRIVACY, delta=1e-4), patients=500, batch_size=25, steps=40)
    spent = [ledger.spent().epsilon]
    for _ in range(40):
        ledger.count()
        spent.append(ledger.spent().epsilon)
    assert spent[0] == 0.0
    assert all(b > a for a, b in pairwise(spent))
    assert PRIVACY.epsilon - 0.02 <= spent[-1] <= PRIVACY.epsilon
    with pytest.raises(ConfigError, match="all 40 steps"):
        ledger.count()


def test_the_tighter_accountant_needs_less_noise() -> None:
    loose, tight = (
        Ledger(
            replace(PRIVACY, delta=1e-4, accountant=name), patients=500, batch_size=25, steps=40
        ).noise
        for name in ("rdp", "prv")
    )
    assert 0.3 < tight < loose


@pytest.mark.parametrize(
    ("changes", "patients", "batch", "key"),
    [
        ({"delta": 0.05}, 24, 4, "privacy.delta"),
        ({}, 24, 25, "training.batch_size"),
    ],
)
def test_a_promise_that_is_none_is_refused(
    changes: Mapping[str, float], patients: int, batch: int, key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Ledger(replace(PRIVACY, **changes), patients=patients, batch_size=batch, steps=10)  # type: ignore[arg-type]
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"loss": LossConfig(pos_weight_cap=5.0)}, "loss.pos_weight_cap"),
        ({"loss": LossConfig(balance="uncertainty")}, "loss.balance"),
        ({"training": training(sampler="balanced")}, "training.sampler"),
        ({"alignment": AlignmentConfig(kind="contrastive")}, "alignment.kind"),
    ],
)
def test_what_looks_at_several_patients_at_once_is_refused(
    tmp_path: Path, changes: Mapping[str, object], key: str
) -> None:
    run, source = small_run(privacy=PRIVACY, **changes)
    with pytest.raises(ConfigError) as caught:
        fit_privately(run, source, folder=tmp_path)
    assert caught.value.key == key


def test_the_card_says_what_was_spent_and_no_training_patient_is_in_the_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    referred: list[TrainingSet] = []

    def remember(_: FusionNetwork, *, train: TrainingSet, **__: object) -> dict[str, object]:
        referred.append(train)
        return {}

    monkeypatch.setattr(train_package, "reference_arrays", remember)
    run, source = small_run(privacy=PRIVACY, training=plain(batch_size=12, freeze=("encoders",)))
    words = dict.fromkeys(("intended_use", "not_for", "licence"), "x")
    run = replace(run, card={"training_data": "Drawn.", "limits": ["x"], **words})
    labels = source.train.labels.clone()
    labels[:, 0] = (torch.arange(len(labels)) % 2).float()
    others = replace(source.train, labels=labels)
    told, fitted, _ = fit_privately(run, replace(source, validation=others), folder=tmp_path)
    torch.manual_seed(run.training.seed)
    fresh = FusionNetwork(source.model).state_dict()
    for name, value in fitted.state_dict().items():  # encoders are frozen, the rest is learned
        if name.startswith("encoders.variants"):
            assert torch.allclose(value, fresh[name])
    assert not torch.equal(fitted.head_weight, fresh["head_weight"])
    train_package.package(
        fitted, told, replace(source, validation=others), out=tmp_path / "pack", hours=0.0
    )
    card = yaml.safe_load((tmp_path / "pack" / "card.yaml").read_text("utf-8"))
    assert card["privacy"]["steps"] == card["privacy"]["planned"] == 2
    assert card["privacy"]["epsilon"] <= PRIVACY.epsilon
    assert f"epsilon {card['privacy']['epsilon']:.2f} at delta 0.01" in card["training_data"]
    assert len(referred) == 1
    assert referred[0] is others
