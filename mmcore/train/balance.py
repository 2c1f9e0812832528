"""How the losses of several tasks become the one number that is minimised.

A balancer is a module beside the network: its parameters are trained by the same optimiser (without
weight decay) and its state goes into the checkpoint, so that a resumed run goes on exactly.

A task of which a batch knows nothing says exactly 0 (mmcore/train/losses.py). Such a task neither
counts nor teaches its own factor anything in that step.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmcore.train.losses import LossConfig

GAUSSIAN = frozenset({"regressions"})
"""Tasks whose loss is a squared error; the others are negative log-likelihoods of classes."""


class LossBalancer(nn.Module):
    """The sum of losses, each times a fixed factor."""

    factors: Tensor

    def __init__(self, config: LossConfig, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        factors = torch.tensor([float(config.weights.get(task, 1.0)) for task in self.tasks])
        self.register_buffer("factors", factors, persistent=False)

    def forward(self, losses: Mapping[str, Tensor], shared: Sequence[Tensor] = ()) -> Tensor:
        """Return the number to minimise for one scalar loss per task.

        ``shared`` are the tensors that all tasks go through, of which only GradNorm asks.
        Raises ``ValueError`` if the losses are not those of ``tasks``.
        """
        return (self.in_order(losses) * self.factors).sum()

    def weights(self) -> dict[str, float]:
        """Return the factor that each task has now, for the log."""
        return dict(zip(self.tasks, self.factors.tolist(), strict=True))

    def in_order(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the losses as one tensor (tasks,)."""
        if set(losses) != set(self.tasks):
            raise ValueError(f"expected losses of {sorted(self.tasks)}, got {sorted(losses)}")
        return torch.stack([losses[task] for task in self.tasks])


class UncertaintyBalancer(LossBalancer):
    """Each loss over the noise of its task, which is learned (Kendall et al. 2018).

    With s = log sigma^2 the objective is the sum of exp(-s) L + s / 2, and half of exp(-s) L for a
    squared error, each times its fixed factor. At the optimum of s a task adds 1 / 2, whatever the
    unit of its loss: a task that can not be learned well is listened to less.
    """

    def __init__(self, config: LossConfig, tasks: Sequence[str]) -> None:
        super().__init__(config, tasks)
        self.log_variance = nn.Parameter(torch.zeros(len(self.tasks)))
        halves = torch.tensor([0.5 if task in GAUSSIAN else 1.0 for task in self.tasks])
        self.register_buffer("halves", halves, persistent=False)
        self.halves: Tensor

    def forward(self, losses: Mapping[str, Tensor], shared: Sequence[Tensor] = ()) -> Tensor:
        """Return the number to minimise; it may be negative."""
        values = self.in_order(losses)
        terms = self.halves * (-self.log_variance).exp() * values + self.log_variance / 2.0
        return (terms * self.factors * (values.detach() != 0)).sum()

    def weights(self) -> dict[str, float]:
        """Return what each loss is multiplied with now."""
        now = self.factors * self.halves * (-self.log_variance.detach()).exp()
        return dict(zip(self.tasks, now.tolist(), strict=True))


class GradNormBalancer(LossBalancer):
    """Factors that make all tasks pull alike, and those behind harder (GradNorm, Chen et al. 2018).

    The factors w sum to the number of tasks. With g_i the norm of the gradient of L_i at what all
    tasks share, G_i = w_i g_i, and r_i how much of its first loss task i still has relative to the
    other tasks, the factors descend the sum of |G_i - mean(G) r_i^alpha|; the network descends the
    sum of w_i L_i. A fixed factor makes a task aim at that multiple of the common force; 0 leaves
    it out.

    As in the paper, except: g_i is taken by one backward pass each down to ``shared`` and not
    differentiated, since G_i is linear in w_i; w is a softmax, so it stays positive and needs no
    renormalisation; the aims are scaled to the mean force; and the first loss is that of the first
    batch in which the task is known.
    """

    def __init__(self, config: LossConfig, tasks: Sequence[str]) -> None:
        super().__init__(config, tasks)
        self.alpha = config.gradnorm_alpha
        self.scores = nn.Parameter(torch.zeros(len(self.tasks)))
        self.register_buffer("first", torch.zeros(len(self.tasks)))
        self.first: Tensor  # 0: not seen yet

    def forward(self, losses: Mapping[str, Tensor], shared: Sequence[Tensor] = ()) -> Tensor:
        """Return the sum of w_i L_i, whose gradient also moves w.

        ``shared`` are the weights of the last layer that all tasks go through, or its outputs.
        """
        if not shared:
            raise ValueError("GradNorm needs the tensors that all tasks share")
        values = self.in_order(losses)
        factors = self.scores.softmax(dim=0) * len(self.tasks)
        total = (values * factors.detach() * (self.factors > 0)).sum()
        if not self.training:
            return total
        now = values.detach()
        self.first.copy_(torch.where(self.first == 0, now, self.first))
        is_known = (now != 0) & (self.factors > 0)
        pulled = [task for task, known in zip(self.tasks, is_known.tolist(), strict=True) if known]
        if len(pulled) < 2:
            return total
        norms = torch.stack([_gradient_norm(losses[task], shared) for task in pulled])
        forces = factors[is_known] * norms
        left = now[is_known] / self.first[is_known]
        aims = (left / left.mean()) ** self.alpha * self.factors[is_known]
        missed = (forces - forces.detach().mean() * aims / aims.mean()).abs().sum()
        return total + missed - missed.detach()  # moves the factors, leaves the number

    def weights(self) -> dict[str, float]:
        """Return what each loss is multiplied with now."""
        now = self.scores.detach().softmax(dim=0) * len(self.tasks)
        return dict(zip(self.tasks, now.tolist(), strict=True))


def build_balancer(config: LossConfig, tasks: Sequence[str]) -> LossBalancer:
    """Return the balancer that ``config.balance`` names."""
    kinds = {
        "fixed": LossBalancer,
        "uncertainty": UncertaintyBalancer,
        "gradnorm": GradNormBalancer,
    }
    return kinds[config.balance](config, tasks)


def _gradient_norm(loss: Tensor, shared: Sequence[Tensor]) -> Tensor:
    gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
        loss, list(shared), retain_graph=True, allow_unused=True
    )
    squares = [g.float().square().sum() for g in gradients if g is not None]
    return torch.stack(squares).sum().sqrt() if squares else torch.zeros_like(loss)
