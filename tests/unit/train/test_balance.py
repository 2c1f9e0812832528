"""How several losses become one: by hand, and at the optimum that each rule promises."""

import math

import pytest
import torch
from torch import Tensor

from mmcore.train.balance import (
    GradNormBalancer,
    LossBalancer,
    UncertaintyBalancer,
    build_balancer,
)
from mmcore.train.losses import LossConfig

TASKS = ("findings", "regressions")


def losses(findings: float, regressions: float) -> dict[str, Tensor]:
    return {"findings": torch.tensor(findings), "regressions": torch.tensor(regressions)}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fixed", LossBalancer),
        ("uncertainty", UncertaintyBalancer),
        ("gradnorm", GradNormBalancer),
    ],
)
def test_the_configuration_names_the_balancer(name: str, kind: type[LossBalancer]) -> None:
    assert type(build_balancer(LossConfig(balance=name), TASKS)) is kind


@pytest.mark.parametrize("name", ["fixed", "uncertainty", "gradnorm"])
def test_a_loss_too_few_is_refused(name: str) -> None:
    balancer = build_balancer(LossConfig(balance=name), TASKS)
    with pytest.raises(ValueError, match="regressions"):
        balancer({"findings": torch.tensor(1.0)}, [torch.zeros(1)])


@pytest.mark.parametrize("name", ["fixed", "uncertainty", "gradnorm"])
def test_the_state_of_a_balancer_survives_its_checkpoint(name: str) -> None:
    torch.manual_seed(0)
    one = build_balancer(LossConfig(balance=name), TASKS)
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.normal_()
    two = build_balancer(LossConfig(balance=name), TASKS)
    two.load_state_dict(one.state_dict())
    assert one.weights() == two.weights()


# --- fixed ---


def test_fixed_factors_multiply_and_add() -> None:
    balancer = LossBalancer(LossConfig(weights={"regressions": 5.0}), TASKS)
    assert float(balancer(losses(0.7, 0.02))) == pytest.approx(0.7 + 5 * 0.02)
    assert balancer.weights() == {"findings": 1.0, "regressions": 5.0}
    assert list(balancer.parameters()) == []


# --- learned from the noise of each task ---


def test_at_first_uncertainty_counts_squared_errors_by_half() -> None:
    balancer = UncertaintyBalancer(LossConfig(), TASKS)
    assert float(balancer(losses(0.7, 0.4)).detach()) == pytest.approx(0.7 + 0.2)


def test_the_learned_variance_is_that_of_the_task() -> None:
    # Of exp(-s) L / 2 + s / 2 the minimum lies at exp(s) = L, of exp(-s) L + s / 2 at 2 L.
    balancer = UncertaintyBalancer(LossConfig(), TASKS)
    optimizer = torch.optim.SGD(balancer.parameters(), lr=0.3)
    for _ in range(400):
        optimizer.zero_grad()
        balancer(losses(0.1, 4.0)).backward()
        optimizer.step()
    variance = balancer.log_variance.detach().exp()
    assert variance.tolist() == pytest.approx([0.2, 4.0], rel=1e-3)
    # Whatever its unit, each task then adds one half.
    expected = {"findings": 0.5 / 0.1, "regressions": 0.5 / 4.0}
    assert balancer.weights() == pytest.approx(expected, rel=1e-3)


def test_a_task_that_a_batch_knows_nothing_of_teaches_nothing() -> None:
    balancer = UncertaintyBalancer(LossConfig(), TASKS)
    with torch.no_grad():
        balancer.log_variance.fill_(2.0)
    total = balancer(losses(0.0, 0.0))
    total.backward()
    assert float(total.detach()) == 0.0
    assert balancer.log_variance.grad is not None
    assert balancer.log_variance.grad.tolist() == [0.0, 0.0]


# --- learned from the pull of each task ---


def pulling(strengths: tuple[float, ...], trunk: Tensor) -> dict[str, Tensor]:
    """Return losses whose gradients at ``trunk`` are as strong as told."""
    return {t: s * trunk.sum() for t, s in zip(TASKS, strengths, strict=True)}


def descend(balancer: GradNormBalancer, strengths: tuple[float, ...], steps: int = 3000) -> None:
    trunk = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.Adam(balancer.parameters(), lr=2e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        balancer(pulling(strengths, trunk), [trunk]).backward()
        optimizer.step()


def test_gradnorm_first_sums_the_losses() -> None:
    balancer = GradNormBalancer(LossConfig(balance="gradnorm"), TASKS)
    trunk = torch.ones(1, requires_grad=True)
    total = balancer(pulling((3.0, 4.0), trunk), [trunk])
    assert float(total.detach()) == 7.0


def test_the_network_is_moved_by_the_weighted_losses_alone() -> None:
    balancer = GradNormBalancer(LossConfig(balance="gradnorm"), TASKS)
    with torch.no_grad():
        balancer.scores.copy_(torch.tensor([math.log(3.0), 0.0]))  # factors 1.5 and 0.5
    trunk = torch.ones(1, requires_grad=True)
    balancer(pulling((1.0, 10.0), trunk), [trunk]).backward()
    assert trunk.grad is not None
    assert float(trunk.grad) == pytest.approx(1.5 * 1.0 + 0.5 * 10.0)
    assert balancer.scores.grad is not None
    # The second pulls with 5 against 1.5: its factor is to fall.
    assert balancer.scores.grad[1] > 0 > balancer.scores.grad[0]


def test_gradnorm_ends_where_all_tasks_pull_alike() -> None:
    balancer = GradNormBalancer(LossConfig(balance="gradnorm"), TASKS)
    descend(balancer, (1.0, 9.0))
    weights = balancer.weights()
    assert weights["findings"] * 1.0 == pytest.approx(weights["regressions"] * 9.0, rel=0.05)
    assert sum(weights.values()) == pytest.approx(2.0)


def test_a_fixed_factor_is_a_multiple_of_the_common_pull() -> None:
    config = LossConfig(balance="gradnorm", weights={"findings": 3.0})
    balancer = GradNormBalancer(config, TASKS)
    descend(balancer, (1.0, 1.0))
    assert balancer.weights() == pytest.approx({"findings": 1.5, "regressions": 0.5}, rel=0.05)


def test_the_task_that_lags_behind_is_to_pull_harder() -> None:
    balancer = GradNormBalancer(LossConfig(balance="gradnorm"), TASKS)
    trunk = torch.ones(1, requires_grad=True)
    balancer(pulling((1.0, 1.0), trunk), [trunk])  # the first losses
    balancer.zero_grad()
    # Same pulls, but of its first loss the first task has kept all and the second a tenth.
    now = {"findings": trunk.sum(), "regressions": trunk.sum() - 0.9}
    balancer(now, [trunk]).backward()
    assert balancer.scores.grad is not None
    assert balancer.scores.grad[0] < 0 < balancer.scores.grad[1]


def test_an_unknown_task_stays_out_of_the_tug() -> None:
    balancer = GradNormBalancer(LossConfig(balance="gradnorm"), TASKS)
    trunk = torch.ones(1, requires_grad=True)
    balancer(pulling((1.0, 0.0), trunk), [trunk]).backward()
    assert balancer.scores.grad is None or not balancer.scores.grad.any()
    assert balancer.first.tolist() == [1.0, 0.0]


def test_evaluation_neither_pulls_nor_remembers() -> None:
    balancer = GradNormBalancer(LossConfig(balance="gradnorm"), TASKS).eval()
    assert float(balancer(losses(1.0, 2.0), [torch.zeros(1)])) == 3.0
    assert balancer.first.tolist() == [0.0, 0.0]


def test_gradnorm_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="share"):
        GradNormBalancer(LossConfig(balance="gradnorm"), TASKS)(losses(1.0, 1.0))
