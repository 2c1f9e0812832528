"""What a site does in a round, and what of it travels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mmcore.errors import ConfigError, NonFiniteResultError
from mmcore.federated.brief import Brief, read_brief
from mmcore.federated.judging import judge, macro_auroc
from mmcore.federated.learner import SiteLearner, Turn, learn
from mmcore.federated.weights import for_sums, names_of, put_weights, take_weights
from mmcore.train.alignment import AlignmentConfig
from mmcore.train.losses import LossConfig
from mmcore.train.norms import refuse_running_statistics
from tests.unit.train.small import Small, examinations, model, training

CPU = torch.device("cpu")


def brief(**changes: object) -> Brief:
    plain = Brief(
        model(Small()), None, training(), LossConfig(), AlignmentConfig(), rounds=4, epochs=1,
        proximal=0.0, span=0.0, most=100,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def moved(proximal: float, *, number: int = 0) -> float:
    """Return how far one round moves the weights."""
    learner = brief().build_learner()
    before = take_weights(learner)
    turn = Turn(number, 4, 1, proximal)
    learn(learner, examinations(Small()), training(), turn, site="a", device=CPU)
    pairs = zip(before, take_weights(learner), strict=True)
    return float(np.sqrt(sum(((a - b) ** 2).sum() for a, b in pairs)))


def test_the_proximal_term_is_half_of_mu_times_the_squared_distance() -> None:
    learner, rows = brief().build_learner(), examinations(Small())
    batch = rows.batch(torch.arange(8))
    learner.train()
    torch.manual_seed(0)
    plain, _ = learner(batch, CPU)
    learner.hold(0.3)
    with torch.no_grad():
        learner.network.head_bias += torch.tensor([1.0, 2.0])
    torch.manual_seed(0)
    held, _ = learner(batch, CPU)
    assert float(learner.distance().detach()) == pytest.approx(5.0, rel=1e-5)
    learner.hold(0.0)
    torch.manual_seed(0)
    shifted, _ = learner(batch, CPU)
    assert float((held - shifted).detach()) == pytest.approx(0.5 * 0.3 * 5.0, rel=1e-3)
    assert float(shifted.detach()) != pytest.approx(float(plain.detach()))


def test_a_site_that_is_held_stays_nearer() -> None:
    free, held, tight = (moved(mu) for mu in (0.0, 1.0, 100.0))
    assert tight < held < free


def test_a_round_is_the_same_whoever_does_it_and_later_ones_move_less() -> None:
    assert moved(0.0) == moved(0.0)
    assert moved(0.0, number=3) < 0.5 * moved(0.0, number=1)


def test_an_encoder_of_what_nobody_has_stays_as_it_is() -> None:
    rows = examinations(Small())
    presence = rows.presence.clone()
    presence[:, 2] = False  # variants
    learner = brief().build_learner()
    before = {k: v.clone() for k, v in learner.state_dict().items()}
    turn = Turn(0, 4, 1, 0.0)
    learn(learner, replace(rows, presence=presence), training(), turn, site="a", device=CPU)
    stayed = [k for k, v in learner.state_dict().items() if torch.equal(v, before[k])]
    own = [k for k, _ in learner.named_parameters() if k.startswith("network.encoders.variants")]
    assert own
    assert set(own) <= set(stayed)
    assert all(p.requires_grad for p in learner.network.encoders["variants"].parameters())
    assert not any(k.startswith("network.encoders.observations") for k in stayed)


def test_what_travels_arrives_and_what_is_of_another_model_is_refused() -> None:
    sender, receiver = brief().build_learner(), brief().build_learner()
    with torch.no_grad():
        for value in sender.parameters():
            value.add_(0.5)
    sent = take_weights(sender)
    put_weights(receiver, sent)
    for name in names_of(sender):
        assert torch.equal(sender.state_dict()[name], receiver.state_dict()[name])
    with pytest.raises(ConfigError, match="another model"):
        put_weights(receiver, sent[1:])
    sent[0] = np.full_like(sent[0], np.nan)
    with pytest.raises(NonFiniteResultError):
        put_weights(receiver, sent)


def test_a_brief_arrives_as_it_was_sent() -> None:
    sent = brief(rounds=7, proximal=0.2, training=training(freeze=("encoders.image",)))
    read = read_brief(sent.to_text())
    assert read.to_text() == sent.to_text()
    assert read.training == sent.training
    learner = read.build_learner()
    assert isinstance(learner, SiteLearner)
    frozen = [k for k, p in learner.network.named_parameters() if not p.requires_grad]
    assert frozen
    assert all(name.startswith("encoders.image") for name in frozen)
    with pytest.raises(ConfigError, match="this version"):
        read_brief("{}")


def test_what_secure_sums_would_spoil_in_silence_is_refused() -> None:
    weights = [np.array([3.0, -5.0], dtype=np.float32)]
    (sent,) = for_sums(weights, span=8.0, examinations=10, most=10)
    assert sent.dtype == np.float64
    with pytest.raises(ConfigError, match=r"span.*is 4.*is 5"):
        for_sums(weights, span=4.0, examinations=10, most=10)
    with pytest.raises(ConfigError, match=r"most.*is 9.*10 examinations"):
        for_sums(weights, span=8.0, examinations=10, most=9)


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm2d(4), nn.InstanceNorm2d(4, track_running_stats=True)]
)
def test_norms_that_remember_patients_are_refused_by_name(norm: nn.Module) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 1), norm)
    with pytest.raises(ConfigError, match=rf"1 \({type(norm).__name__}\)"):
        refuse_running_statistics(network)
    for harmless in (nn.GroupNorm(2, 4), nn.LayerNorm(4), nn.InstanceNorm2d(4)):
        refuse_running_statistics(nn.Sequential(nn.Conv2d(1, 4, 1), harmless))


def test_a_site_that_can_not_tell_whether_it_gains_takes_no_part() -> None:
    rows = examinations(Small())
    network = brief().build_learner().network
    assert 0.0 <= judge(network, rows) <= 1.0
    with pytest.raises(ConfigError, match="no finding has both"):
        judge(network, replace(rows, labels=torch.ones_like(rows.labels)))


def test_the_macro_leaves_out_what_is_not_defined() -> None:
    truth = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, np.nan]])
    said = np.array([[0.1, 0.3], [0.3, 0.1], [0.2, 0.2], [0.9, 0.4]])
    assert macro_auroc(truth, said)(np.ones((1, 4)))["macro"] == pytest.approx(0.75)
