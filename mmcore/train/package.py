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

from mmcore.evaluate.card import write_card
from mmcore.explain.shapley import coalition_presence
from mmcore.gate.novelty import distances, unit
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import FORMAT, write_weights
from mmcore.records import Modality
from mmcore.train.calibrate import calibrate
from mmcore.train.config import RunConfig
from mmcore.train.dataset import CohortTensors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

REFERENCE_PATIENTS = 16
REFERENCE_EMBEDDINGS = 600
FALSE_ALARM = 1.5  # per cent of validation patients, per modality, that count as unlike the others
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
    raw, embeddings = _coalitions(network, validation)
    labels = torch.cat([validation.findings, validation.severity[:, None] * 10.0], dim=1)
    content = calibrate(raw, labels.double().numpy(), model)
    (out / "calibration.json").write_text(json.dumps(content, indent=1), "utf-8")
    _, known = _coalitions(network, train, limit=REFERENCE_EMBEDDINGS)
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    spread = torch.linspace(0, len(train) - 1, REFERENCE_PATIENTS).long()
    reference = train.batch(spread).inputs
    for modality in model.modalities:
        name = modality.value
        array = reference[modality].numpy()
        arrays[f"patients_{name}"] = (
            array.astype(np.float16) if array.dtype == np.float32 else array.astype(np.int32)
        )
        arrays[f"embeddings_{name}"] = known[modality].astype(np.float16)
        usual = distances(embeddings[modality], unit(known[modality].astype(np.float16)))
        arrays[f"threshold_{name}"] = np.array(np.percentile(usual, 100.0 - FALSE_ALARM))
    np.savez_compressed(out / "reference.npz", **arrays)  # type: ignore[arg-type] # numpy's stub takes no **arrays of unknown keys
    write_card(out, card_facts(config, hours), figures=None)


def _coalitions(
    network: FusionNetwork, tensors: CohortTensors, *, limit: int | None = None
) -> tuple[npt.NDArray[np.float64], dict[Modality, npt.NDArray[np.float32]]]:
    """Return (N, 2^M, K) raw outputs of every coalition and (N, 2F) unit embeddings."""
    count = min(limit or len(tensors), len(tensors))
    presence = torch.from_numpy(coalition_presence(len(network.modalities)))
    raw: list[npt.NDArray[np.float64]] = []
    pooled: dict[Modality, list[npt.NDArray[np.float32]]] = {m: [] for m in network.modalities}
    with torch.inference_mode():
        baseline = {
            m: network.encode(m, network.embed(m, network.baseline(m)[None]))
            for m in network.modalities
        }
        for start in range(0, count, CHUNK):
            batch = tensors.batch(torch.arange(start, min(start + CHUNK, count)))
            own = {
                m: network.encode(m, network.embed(m, batch.inputs[m])) for m in network.modalities
            }
            size = len(batch.findings)
            mixed = {
                m: torch.where(
                    presence[None, :, column, None, None], own[m][:, None], baseline[m][None]
                ).flatten(0, 1)
                for column, m in enumerate(network.modalities)
            }
            raw.append(network.decide(mixed).double().numpy().reshape(size, len(presence), -1))
            for m in network.modalities:
                joined = torch.cat([own[m].mean(1), own[m].std(1)], dim=1)
                pooled[m].append(unit(joined.numpy()))
    return np.concatenate(raw), {m: np.concatenate(parts) for m, parts in pooled.items()}


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
