"""From a trained network to a pack that can be shipped: calibration, reference, card."""

import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from torch import Tensor

from mmcore.evaluate.card import write_card
from mmcore.explain.shapley import coalition_presence
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import FORMAT, write_weights
from mmcore.records import Modality
from mmcore.train.calibrate import calibrate
from mmcore.train.config import RunConfig
from mmcore.train.dataset import CohortTensors
from mmcore.train.reference import reference_arrays

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CHUNK = 16


def package(
    network: FusionNetwork,
    config: RunConfig,
    model: ModelConfig,
    tokenizer: "Tokenizer",
    *,
    train: CohortTensors,
    validation: CohortTensors,
    out: Path,
    hours: float,
) -> None:
    """Write the pack folder ``out``; ``model`` holds the measured scales.

    The card says that its figures are not measured yet; ``measure_card`` adds them.
    """
    out.mkdir(parents=True, exist_ok=True)
    _write_yaml(
        out / "pack.yaml",
        {
            "format": FORMAT,
            "name": config.name,
            "version": config.version,
            "display": config.display,
            "is_simulated": True,
            "model": model.to_mapping(),
        },
    )
    network.cpu().eval()
    write_weights(network, out / "model.safetensors")
    network.half().float()  # calibrate and refer to the weights as they were written
    tokenizer.save(str(out / "tokenizer.json"))
    raw = _coalitions(network, validation)
    labels = torch.cat([validation.findings, validation.severity[:, None] * 10.0], dim=1)
    content = calibrate(raw, labels.double().numpy(), model)
    (out / "calibration.json").write_text(json.dumps(content, indent=1), "utf-8")
    arrays = reference_arrays(network, train=train, validation=validation)
    np.savez_compressed(out / "reference.npz", **arrays)  # type: ignore[arg-type] # numpy's stub takes no **arrays of unknown keys
    write_card(out, card_facts(config, hours), figures=None)


def _coalitions(network: FusionNetwork, tensors: CohortTensors) -> npt.NDArray[np.float64]:
    """Return (N, 2^M, K) raw outputs of every coalition of every patient."""
    presence = torch.from_numpy(coalition_presence(len(network.modalities)))
    raw: list[npt.NDArray[np.float64]] = []
    with torch.inference_mode():
        baseline = {
            m: network.encode(m, network.embed(m, network.baseline(m)[None]))
            for m in network.modalities
        }
        for start in range(0, len(tensors), CHUNK):
            batch = tensors.batch(torch.arange(start, min(start + CHUNK, len(tensors))))
            mixed: dict[Modality, Tensor] = {}
            for column, m in enumerate(network.modalities):
                own = network.encode(m, network.embed(m, batch.inputs[m]))
                mixed[m] = torch.where(
                    presence[None, :, column, None, None], own[:, None], baseline[m][None]
                ).flatten(0, 1)
            outputs = network.decide(mixed).double().numpy()
            raw.append(outputs.reshape(len(batch.findings), len(presence), -1))
    return np.concatenate(raw)


def card_facts(config: RunConfig, hours: float) -> dict[str, Any]:
    """Return what the card says before any figure: the run file's own words and how it went."""
    on_gpu = torch.cuda.is_available()
    machine = torch.cuda.get_device_name() if on_gpu else f"{torch.get_num_threads()} CPU threads"
    return {
        "name": config.name,
        "version": config.version,
        "display": config.display,
        **config.card,
        "training": {
            "training_patients": config.cohort.train,
            "validation_patients": config.cohort.validation,
            "cohort_seed": config.cohort.seed,
            "epochs": config.training.epochs,
            "hours": round(hours, 2),
            "machine": f"{machine}, {platform.machine()}",
            "torch": str(torch.__version__),
        },
    }


def with_scales(config: ModelConfig, scales: dict[str, list[object]]) -> ModelConfig:
    """Return the configuration with the scales that were measured on the training patients."""
    if config.observations is None:
        return config
    return replace(config, observations=replace(config.observations, scales=scales))


def _write_yaml(path: Path, values: object) -> None:
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), "utf-8")
