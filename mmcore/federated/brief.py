"""What a site has to know of a run beside the weights of a round; it travels as text."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from tokenizers import Tokenizer

from mmcore.errors import ConfigError
from mmcore.federated.learner import SiteLearner
from mmcore.model.config import ModelConfig, plain, read_section
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from mmcore.train.adapt import freeze
from mmcore.train.alignment import AlignmentConfig
from mmcore.train.config import TrainingConfig
from mmcore.train.losses import LossConfig
from mmcore.train.norms import refuse_running_statistics


@dataclass(frozen=True, slots=True, eq=False)
class Brief:
    """The model with its measured scales, its words, and how it is trained.

    epochs: of a site between two averages. proximal, span, most: as in mmcore/federated/plan.py;
    span is 0 where weights travel as they are.
    """

    model: ModelConfig
    tokenizer: Tokenizer | None
    training: TrainingConfig
    loss: LossConfig
    alignment: AlignmentConfig
    rounds: int
    epochs: int
    proximal: float
    span: float
    most: int

    def to_text(self) -> str:
        """Return the brief as JSON that ``read_brief`` reads."""
        values = {
            "model": self.model.to_mapping(),
            "tokenizer": None if self.tokenizer is None else self.tokenizer.to_str(),
            "training": plain(self.training),
            "loss": asdict(self.loss),
            "alignment": asdict(self.alignment),
            "rounds": self.rounds,
            "epochs": self.epochs,
            "proximal": self.proximal,
            "span": self.span,
            "most": self.most,
        }
        return json.dumps(values, sort_keys=True)

    def build_learner(self) -> SiteLearner:
        """Return the learner with weights by chance, alike for all who build it.

        Raises ``ConfigError`` for a network that can not be averaged.
        """
        torch.manual_seed(self.training.seed)
        network = FusionNetwork(self.model)
        refuse_running_statistics(network)
        freeze(network, self.training.freeze)
        network.token_dropout = {Modality(m): p for m, p in self.training.token_dropout.items()}
        return SiteLearner(network, self.loss, self.alignment)


def read_brief(text: str) -> Brief:
    """Read what ``to_text`` wrote. Raises ``ConfigError`` naming what is wrong with it."""
    try:
        values: dict[str, Any] = json.loads(text)
        if not isinstance(values["model"], Mapping):
            raise ConfigError(key="brief.model", problem="must be a mapping")
        words = values["tokenizer"]
        return Brief(
            model=ModelConfig.from_mapping(values["model"]),
            tokenizer=None if words is None else Tokenizer.from_str(str(words)),
            training=read_section(TrainingConfig, values["training"], where="brief.training"),
            loss=read_section(LossConfig, values["loss"], where="brief.loss"),
            alignment=read_section(AlignmentConfig, values["alignment"], where="brief.alignment"),
            rounds=int(values["rounds"]),
            epochs=int(values["epochs"]),
            proximal=float(values["proximal"]),
            span=float(values["span"]),
            most=int(values["most"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        problem = "is not one that this version of Consilium wrote"
        raise ConfigError(key="brief", problem=problem) from error
