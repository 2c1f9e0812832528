"""How well a network does on patients of a site that nobody learns from."""

import math

import numpy as np
import torch

from mmcore.errors import ConfigError
from mmcore.evaluate.metrics import auroc, finding_statistic
from mmcore.evaluate.resample import FloatArray, Statistic
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.train.dataset import TrainingSet
from mmcore.train.loop import CHUNK


def answers(network: FusionNetwork, examinations: TrainingSet) -> FloatArray:
    """Return (N, F) raw outputs for the findings, with all inputs that a patient has."""
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    said = []
    with torch.inference_mode():
        for rows in torch.split(torch.arange(len(examinations)), CHUNK):
            batch = examinations.batch(rows)
            inputs = {m: x.to(device) for m, x in batch.inputs.items()}
            said.append(network(inputs, batch.presence.to(device)).logits.double().cpu().numpy())
    network.train(was_training)
    return np.concatenate(said)[:, _findings(network.config)]


def truths(examinations: TrainingSet) -> FloatArray:
    """Return (N, F) labels of the findings, NaN where unknown."""
    labels: FloatArray = examinations.labels.double().numpy()
    return labels[:, _findings(examinations.config)]


def judge(network: FusionNetwork, held_out: TrainingSet) -> float:
    """Return the macro AUROC over the findings that some patients have and some have not.

    Raises ``ConfigError`` if there is none: a site must be able to tell whether it gains.
    """
    said, truth = answers(network, held_out), truths(held_out)
    each = [auroc(truth[:, k], said[:, k]) for k in range(truth.shape[1])]
    defined = [value for value in each if math.isfinite(value)]
    if not defined:
        problem = "no finding has both patients with it and without it to be measured on"
        raise ConfigError(key="the site's folder", problem=problem)
    return float(np.mean(defined))


def macro_auroc(truth: FloatArray, said: FloatArray) -> Statistic:
    """Return the statistic "macro", the mean AUROC over (N, F) findings, for the bootstrap.

    A resample in which a finding is not defined counts those that are.
    """
    each = [
        finding_statistic(truth[:, k], said[:, k], operating_point=0.5, names=("auroc",))
        for k in range(truth.shape[1])
        if 0 < np.nansum(truth[:, k] > 0.5) < np.isfinite(truth[:, k]).sum()
    ]
    return lambda weights: {
        "macro": np.nanmean([one(weights)["auroc"] for one in each], axis=0),
    }


def _findings(model: ModelConfig) -> list[int]:
    return [k for k, target in enumerate(model.targets) if target.kind == "finding"]
