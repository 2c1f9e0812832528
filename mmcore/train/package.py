"""From a trained network to a pack that can be shipped: calibration, reference, card."""

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from torch import Tensor

from mmcore.evaluate.card import write_card
from mmcore.explain.shapley import coalition_presence
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import write_weights
from mmcore.packs import FORMAT
from mmcore.records import Modality
from mmcore.train.calibrate import calibrate_targets
from mmcore.train.config import RunConfig
from mmcore.train.dataset import TrainingSet
from mmcore.train.reference import reference_arrays
from mmcore.train.sources import Source

CHUNK = 16


def package(
    network: FusionNetwork, config: RunConfig, source: Source, *, out: Path, hours: float
) -> None:
    """Write the pack folder ``out``.

    The card says that its figures are not measured yet; mmcore/evaluate/measure.py adds them. Of a
    private run no training patient is in the pack: its reference patients are of validation.
    """
    out.mkdir(parents=True, exist_ok=True)
    model = source.model
    _write_yaml(
        out / "pack.yaml",
        {
            "format": FORMAT,
            "name": config.name,
            "version": config.version,
            "display": config.display,
            "is_simulated": source.is_simulated,
            "model": model.to_mapping(),
        },
    )
    network.cpu().eval()
    write_weights(network, out / "model.safetensors")
    network.half().float()  # calibrate and refer to the weights as they were written
    if source.tokenizer is not None:
        source.tokenizer.save(str(out / "tokenizer.json"))
    raw = coalition_outputs(network, source.validation)
    truth = target_values(model, source.validation)
    patients = np.array(source.validation.patients)
    fitted = calibrate_targets(raw, truth, model, groups=patients)
    content = {name: calibration.to_mapping() for name, calibration in fitted.items()}
    (out / "calibration.json").write_text(json.dumps(content, indent=1), "utf-8")
    known = source.train if config.privacy is None else source.validation
    arrays = reference_arrays(network, train=known, validation=source.validation)
    np.savez_compressed(out / "reference.npz", **arrays)  # type: ignore[arg-type] # numpy's stub takes no **arrays of unknown keys
    write_card(out, card_facts(config, source, hours), figures=None)


def target_values(model: ModelConfig, examinations: TrainingSet) -> npt.NDArray[np.float64]:
    """Return (N, K) labels in units of the targets, NaN where unknown."""
    values = examinations.labels.double().numpy().copy()
    for column, target in enumerate(model.targets):
        if target.kind == "regression":
            values[:, column] = target.low + values[:, column] * (target.high - target.low)
    return values


def coalition_outputs(network: FusionNetwork, examinations: TrainingSet) -> npt.NDArray[np.float64]:
    """Return (N, 2^M, K) raw outputs of every coalition of every patient."""
    presence = torch.from_numpy(coalition_presence(len(network.modalities)))
    raw: list[npt.NDArray[np.float64]] = []
    with torch.inference_mode():
        baseline = {
            m: network.encode(m, network.embed(m, network.baseline(m)[None]))
            for m in network.modalities
        }
        for rows in torch.split(torch.arange(len(examinations)), CHUNK):
            batch = examinations.batch(rows)
            mixed: dict[Modality, Tensor] = {}
            for column, m in enumerate(network.modalities):
                own = network.encode(m, network.embed(m, batch.inputs[m]))
                is_own = presence[None, :, column] & batch.presence[:, column, None]
                mixed[m] = torch.where(
                    is_own[:, :, None, None], own[:, None], baseline[m][None]
                ).flatten(0, 1)
            outputs = network.decide(mixed, baseline).double().numpy()
            raw.append(outputs.reshape(len(rows), len(presence), -1))
    return np.concatenate(raw)


def card_facts(config: RunConfig, source: Source, hours: float) -> dict[str, Any]:
    """Return what the card says before any figure: the run file's own words and how it went."""
    start = config.start
    on_gpu = torch.cuda.is_available()
    machine = torch.cuda.get_device_name() if on_gpu else f"{torch.get_num_threads()} CPU threads"
    return {
        "name": config.name,
        "version": config.version,
        "display": config.display,
        **config.card,
        "training": {
            "training_patients": len(set(source.train.patients)),
            "training_examinations": len(source.train),
            "validation_patients": len(set(source.validation.patients)),
            "validation_examinations": len(source.validation),
            "seed": config.data.seed,
            **({} if source.is_simulated else {"parts": config.data.parts}),
            "epochs": config.training.epochs,
            **({"started_from": Path(start.pack).name} if start.pack else {}),
            "hours": round(hours, 2),
            "machine": f"{machine}, {platform.machine()}",
            "torch": str(torch.__version__),
        },
    }


def _write_yaml(path: Path, values: object) -> None:
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), "utf-8")
