"""The coordinator as Flower sees it: rounds that are kept, asked again, and gone on with."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from flwr.common import Parameters, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server import LegacyContext, ServerConfig
from flwr.server.strategy import FedProx
from flwr.server.workflow import DefaultWorkflow, SecAggPlusWorkflow
from safetensors import safe_open
from safetensors.numpy import save_file

from mmcore.errors import FederationError
from mmcore.federated.coordinator import Coordinator, SiteReport
from mmcore.federated.weights import Weights
from mmcore.train.tracking import log_event

STATE = "federated.safetensors"
TRIES = 10
PAUSE = 5.0  # seconds before a round is asked again
THRESHOLD = 2  # shares that unmask a sum: of three sites, any two
STEPS = 2**26  # whole numbers in the range of a weight; 64 sites' sums stay below SecAgg+'s 2**32


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """Where a federated run is.

    rounds: how many are done. weights: what all sites have after them. sites: the last report of
    every site that took part. seconds: that the rounds took. plan: digest of what sites are told.
    """

    rounds: int
    weights: Weights
    sites: Mapping[str, SiteReport]
    seconds: float = 0.0
    plan: str = ""


class _Round(FedProx):  # type: ignore[misc] # flwr is installed apart (docs/federated.md)
    """Flower's averaging for one round; FedProx with a term of 0 is FedAvg.

    A round without ``least`` different sites gives no weights. ``sites`` are those that answered.
    """

    def __init__(self, coordinator: Coordinator, progress: Progress, *, is_last: bool) -> None:
        plan = coordinator.plan.federation
        told = {"brief": coordinator.brief.to_text(), "round": progress.rounds}
        super().__init__(
            fraction_fit=0.0 if is_last else 1.0,
            fraction_evaluate=1.0 if is_last else 0.0,
            min_fit_clients=0 if is_last else plan.least,
            min_evaluate_clients=plan.least if is_last else 0,
            min_available_clients=plan.least,
            on_fit_config_fn=lambda _: dict(told),
            on_evaluate_config_fn=lambda _: dict(told),
            initial_parameters=ndarrays_to_parameters(progress.weights),
            fit_metrics_aggregation_fn=lambda _: {},
            evaluate_metrics_aggregation_fn=lambda _: {},
            proximal_mu=plan.proximal,
        )
        self.least = plan.least
        self.weights: Weights | None = None
        self.sites: dict[str, Mapping[str, Any]] = {}

    def aggregate_fit(
        self, server_round: int, results: Sequence[Any], failures: Sequence[Any]
    ) -> tuple[Parameters | None, dict[str, Any]]:
        """Average what enough sites learned."""
        self.sites = {str(result.metrics["site"]): result.metrics for _, result in results}
        if len(self.sites) < self.least:
            return None, {}
        averaged, metrics = super().aggregate_fit(server_round, results, failures)
        if averaged is not None:
            self.weights = [np.asarray(w, np.float32) for w in parameters_to_ndarrays(averaged)]
        return averaged, metrics

    def aggregate_evaluate(
        self, server_round: int, results: Sequence[Any], failures: Sequence[Any]
    ) -> tuple[float | None, dict[str, Any]]:
        """Keep what every site says of the weights."""
        self.sites = {str(result.metrics["site"]): result.metrics for _, result in results}
        loss, metrics = super().aggregate_evaluate(server_round, results, failures)
        return loss, metrics


def coordinate(grid: Any, context: Any, coordinator: Coordinator, *, folder: Path) -> Progress:
    """Have all rounds of a plan learned, and ask the sites what they think of the result.

    After every round its weights are in ``folder``; with the same folder a stopped run goes on.
    Raises ``FederationError`` if too few sites answer again and again, or if the folder holds
    rounds of another plan.
    """
    plan = coordinator.plan.federation
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(coordinator.brief.to_text().encode()).hexdigest()
    progress = read_progress(folder) or Progress(
        0, coordinator.first_weights(folder), {}, plan=digest
    )
    if progress.plan != digest:
        raise FederationError(problem="its folder holds rounds of another plan; use another --work")
    while progress.rounds < plan.rounds:
        started = time.perf_counter()
        done = _asked(grid, context, coordinator, progress, is_last=False)
        assert done.weights is not None  # of a round that counts
        sites = {
            name: SiteReport(name, int(m["train"]), int(m["held_out"]), float(m["before"]))
            for name, m in done.sites.items()
        }
        progress = Progress(
            progress.rounds + 1, done.weights, {**progress.sites, **sites},
            progress.seconds + time.perf_counter() - started, digest,
        )  # fmt: skip
        _keep(progress, folder)
        told = {name: round(site.before, 4) for name, site in sorted(sites.items())}
        log_event(folder, "round", number=progress.rounds, sites=told)
    last = _asked(grid, context, coordinator, progress, is_last=True)
    sites = {
        name: replace(site, after=float(last.sites[name]["after"])) if name in last.sites else site
        for name, site in progress.sites.items()
    }
    return replace(progress, sites=sites)


def _asked(
    grid: Any, context: Any, coordinator: Coordinator, progress: Progress, *, is_last: bool
) -> _Round:
    """Return a round that enough sites answered; ask again where they did not."""
    plan = coordinator.plan.federation
    answered: tuple[str, ...] = ()
    for _ in range(TRIES):
        strategy = _Round(coordinator, progress, is_last=is_last)
        secure = SecAggPlusWorkflow(
            num_shares=plan.least, reconstruction_threshold=THRESHOLD,
            max_weight=float(plan.most), clipping_range=plan.span, quantization_range=STEPS,
            timeout=plan.patience,
        ) if plan.secure else None  # fmt: skip
        workflow = DefaultWorkflow(fit_workflow=None if is_last else secure)
        legacy = LegacyContext(
            context=context, config=ServerConfig(num_rounds=1), strategy=strategy
        )
        workflow(grid, legacy)
        if (strategy.weights is not None) or (is_last and len(strategy.sites) >= plan.least):
            return strategy
        answered = tuple(sorted(strategy.sites))
        time.sleep(PAUSE)
    there = ", ".join(answered) or "none"
    problem = (
        f"round {progress.rounds + 1} was asked for {TRIES} times and needs {plan.least} sites; "
        f"there answered: {there}. Start the others and run it again: it goes on from there"
    )
    raise FederationError(problem=problem)


def read_progress(folder: Path) -> Progress | None:
    """Return where a run in ``folder`` is; None if no round is done."""
    path = folder / STATE
    if not path.is_file():
        return None
    with safe_open(str(path), framework="numpy") as stored:
        head = stored.metadata()
        weights = [stored.get_tensor(name) for name in sorted(stored.keys())]
    sites = {name: SiteReport(**site) for name, site in json.loads(head["sites"]).items()}
    return Progress(int(head["rounds"]), weights, sites, float(head["seconds"]), head["plan"])


def _keep(progress: Progress, folder: Path) -> None:
    """Write weights and count as one file, so that neither is there without the other."""
    head = {
        "rounds": str(progress.rounds),
        "seconds": str(progress.seconds),
        "plan": progress.plan,
        "sites": json.dumps({name: asdict(site) for name, site in progress.sites.items()}),
    }
    partial = folder / f"{STATE}.partial"
    arrays = {f"{number:05d}": weight for number, weight in enumerate(progress.weights)}
    save_file(arrays, str(partial), metadata=head)
    partial.rename(folder / STATE)
