"""A site as Flower sees it. Nothing but weights, counts and figures leaves this module."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from flwr.client import NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp
from flwr.common import MessageType
from flwr.common.secure_aggregation.secaggplus_constants import RECORD_KEY_CONFIGS

from mmcore.errors import ConfigError
from mmcore.federated.brief import Brief, read_brief
from mmcore.federated.judging import judge
from mmcore.federated.learner import SiteLearner, Turn, learn
from mmcore.federated.sites import Site, read_site
from mmcore.federated.weights import Weights, for_sums, put_weights, take_weights

CPU = torch.device("cpu")
DATA = "data"  # the key of a node's configuration that names its folder
SECURE = "secure"  # ... and whether it takes part only where sums are secure


class SiteClient(NumPyClient):  # type: ignore[misc] # flwr is installed apart (docs/federated.md)
    """One site, which learns a round or says how good weights are on its held-out patients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fit(
        self, parameters: Weights, config: Mapping[str, Any]
    ) -> tuple[list[Any], int, dict[str, Any]]:
        """Learn one round from ``parameters``; return weights, examinations, and what is told."""
        site, learner, brief = self._open(parameters, config)
        before = judge(learner.network, site.held_out)
        turn = Turn(int(config["round"]), brief.rounds, brief.epochs, float(config["proximal_mu"]))
        learn(learner, site.train, brief.training, turn, site=site.name, device=CPU)
        weights: list[Any] = take_weights(learner)
        if brief.span:
            weights = for_sums(
                weights, span=brief.span, examinations=len(site.train), most=brief.most
            )
        return weights, len(site.train), {**_told(site), "before": before}

    def evaluate(
        self, parameters: Weights, config: Mapping[str, Any]
    ) -> tuple[float, int, dict[str, Any]]:
        """Return 1 - macro AUROC of ``parameters`` as the loss, and what is told."""
        site, learner, _ = self._open(parameters, config)
        after = judge(learner.network, site.held_out)
        return 1.0 - after, len(site.held_out), {**_told(site), "after": after}

    def _open(
        self, parameters: Weights, config: Mapping[str, Any]
    ) -> tuple[Site, SiteLearner, Brief]:
        torch.set_num_threads(1)
        brief = read_brief(str(config["brief"]))
        learner = brief.build_learner()
        put_weights(learner, parameters)
        return _site(self.folder, str(config["brief"])), learner, brief


@lru_cache(maxsize=8)
def _site(folder: Path, brief_text: str) -> Site:
    """Return a prepared site; in a simulation one process is asked again and again."""
    brief = read_brief(brief_text)
    return read_site(folder, brief.model, brief.tokenizer)


def _told(site: Site) -> dict[str, Any]:
    return {"site": site.name, "train": len(site.train), "held_out": len(site.held_out)}


def client_app(*, folders: tuple[Path, ...] = ()) -> ClientApp:
    """Return the app that a site runs.

    ``folders``: of all sites, for a simulation; else each node's own configuration names its own.
    Raises ``ConfigError`` at the first message where it does not.
    """

    def build(context: Any) -> Any:
        node = context.node_config
        if folders:
            folder = folders[int(node["partition-id"])]
        elif DATA in node:
            folder = Path(str(node[DATA]))
        else:
            problem = "is missing; start the site with `python -m mmcore federated join FOLDER`"
            raise ConfigError(key=f"node-config {DATA}", problem=problem)
        return SiteClient(folder).to_client()

    return ClientApp(client_fn=build, mods=[masked])


def masked(message: Any, context: Any, call_next: Any) -> Any:
    """Follow SecAgg+ where the coordinator asks for it.

    A site that was started with ``--secure`` answers no round of which its own weights would be
    seen: it raises ``ConfigError``.
    """
    if RECORD_KEY_CONFIGS in message.content.config_records:
        return secaggplus_mod(message, context, call_next)
    is_training = message.metadata.message_type == MessageType.TRAIN
    if is_training and bool(context.node_config.get(SECURE, False)):
        problem = "is false, and this site takes part only where it is true"
        raise ConfigError(key="federation.secure", problem=problem)
    return call_next(message, context)
