"""A pack: the folder that is all a model needs. Written whole, loaded strictly or refused.

    pack.yaml          name, version, architecture, what was trained on what
    model.safetensors  weights and baseline inputs
    tokenizer.json     the note tokenizer, where the model reads notes
    calibration.json   per target: calibration with its bootstrap, operating points, usual effects
    reference.npz      reference patients as network inputs, embeddings, novelty thresholds
    card.yaml, card.md model facts: data, figures with intervals, limits, what it is not for
    *.onnx             encoders for scores without an explanation, where pack.yaml names them

No pickle anywhere: ``numpy.load`` runs with ``allow_pickle=False`` and weights are safetensors.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import yaml
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from mmcore.errors import ConfigError, PackIntegrityError
from mmcore.gate.novelty import NEIGHBOUR, unit
from mmcore.gate.quality import Quality
from mmcore.gate.quality import from_arrays as quality_from_arrays
from mmcore.model.calibration import Calibration
from mmcore.model.config import ModelConfig
from mmcore.model.exported import Exported, read_exported
from mmcore.model.int8 import unpack_int8
from mmcore.model.network import FusionNetwork
from mmcore.packs import EXPORTED, FILES, TOKENIZER, identity_in, read_head
from mmcore.records import PackIdentity

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CARD_KEYS = ("intended_use", "not_for", "training_data", "figures", "limits", "licence")


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the training patients looked like to the network.

    patients: per modality (R, ...) network inputs of reference patients, for the bands.
    embeddings: per modality (N, F) float32 unit vectors of training patients; an input is unlike
        them when its distance to its 5th nearest exceeds ``thresholds[modality]``.
    answers: (R, K) raw outputs for the reference patients, all modalities given, as the network
        gave them when the pack was made; None in packs that do not say.
    quality: what tells good films from faulty ones; None in packs that were not taught it.
    """

    patients: Mapping[str, npt.NDArray[np.generic]]
    embeddings: Mapping[str, npt.NDArray[np.float32]]
    thresholds: Mapping[str, float]
    answers: npt.NDArray[np.float32] | None = None
    quality: Quality | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """A loaded pack. ``network`` is in evaluation mode with frozen parameters.

    exported: graphs of encoders for scores without an explanation; None in most packs.
    """

    identity: PackIdentity
    display: str
    config: ModelConfig
    network: FusionNetwork
    tokenizer: "Tokenizer | None"
    calibration: Mapping[str, Calibration]
    reference: Reference
    card: Mapping[str, Any]
    card_markdown: str
    exported: Exported | None = None


def load_pack(folder: Path) -> Pack:
    """Load a pack strictly. Raises ``PackIntegrityError`` with what is missing or does not fit."""
    name = folder.name
    for file in FILES:
        if not (folder / file).is_file():
            raise PackIntegrityError(pack=name, problem=f"{file} is missing")
    with _reading("pack.yaml", pack=name):
        head = read_head(folder)
        config = ModelConfig.from_mapping(head["model"])
        network = FusionNetwork(config)
    with _reading("model.safetensors", pack=name):
        _load_weights(network, folder / "model.safetensors", pack=name)
    with _reading(TOKENIZER, pack=name):
        tokenizer = _read_tokenizer(folder, pack=name) if config.note else None
    with _reading("calibration.json", pack=name):
        calibration = _read_calibration(folder / "calibration.json", config, pack=name)
    with _reading("reference.npz", pack=name):
        reference = _read_reference(folder / "reference.npz", config, pack=name)
    with _reading("exported of pack.yaml", pack=name):
        exported = None
        if EXPORTED in head:
            section, modalities = head[EXPORTED], config.modalities
            exported = read_exported(folder, section, modalities=modalities)
    with _reading("card.yaml", pack=name):
        card = yaml.safe_load((folder / "card.yaml").read_text("utf-8"))
    identity = identity_in(head, folder)
    display = str(head["display"])
    for key in CARD_KEYS:
        if not isinstance(card, dict) or not card.get(key):
            raise PackIntegrityError(pack=name, problem=f"card.yaml leaves {key} blank")
    network.eval().requires_grad_(requires_grad=False)
    return Pack(
        identity, display, config, network, tokenizer, calibration, reference, card,
        (folder / "card.md").read_text("utf-8"), exported,
    )  # fmt: skip


@contextmanager
def _reading(file: str, *, pack: str) -> Iterator[None]:
    """Refuse the pack, with the name of the file, for whatever a damaged one makes a parser raise.

    Raises ``PackIntegrityError``.
    """
    try:
        yield
    except PackIntegrityError:
        raise
    except ConfigError as error:
        raise PackIntegrityError(pack=pack, problem=str(error)) from error
    except Exception as error:
        problem = f"{file} can not be read ({type(error).__name__}: {error})"
        raise PackIntegrityError(pack=pack, problem=problem) from error


def write_weights(network: FusionNetwork, path: Path) -> None:
    """Write weights and baselines as half-precision safetensors; integers stay as they are."""
    tensors = {
        name: (t.half() if t.is_floating_point() else t).contiguous().cpu()
        for name, t in network.state_dict().items()
    }
    path.write_bytes(save_tensors(tensors))


def _load_weights(network: FusionNetwork, path: Path, *, pack: str) -> None:
    try:
        tensors: dict[str, Tensor] = unpack_int8(load_tensors(path.read_bytes()))
    except SafetensorError as error:
        raise PackIntegrityError(pack=pack, problem=f"model.safetensors: {error}") from error
    expected = network.state_dict()
    if missing := sorted(expected.keys() - tensors.keys()):
        raise PackIntegrityError(pack=pack, problem=f"weights lack {missing[0]}")
    if surplus := sorted(tensors.keys() - expected.keys()):
        raise PackIntegrityError(pack=pack, problem=f"weights hold an unknown {surplus[0]}")
    for key, tensor in tensors.items():
        if tensor.shape != expected[key].shape:
            raise PackIntegrityError(
                pack=pack,
                problem=f"{key} is {tuple(tensor.shape)}, not {tuple(expected[key].shape)}",
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise PackIntegrityError(pack=pack, problem=f"{key} holds a value that is not finite")
    network.load_state_dict({k: v.to(expected[k].dtype) for k, v in tensors.items()}, strict=True)


def _read_tokenizer(folder: Path, *, pack: str) -> "Tokenizer":
    from tokenizers import Tokenizer

    if not (folder / TOKENIZER).is_file():
        raise PackIntegrityError(pack=pack, problem=f"{TOKENIZER} is missing")
    return Tokenizer.from_file(str(folder / TOKENIZER))


def _read_calibration(path: Path, config: ModelConfig, *, pack: str) -> dict[str, Calibration]:
    values = json.loads(path.read_text("utf-8"))
    modalities = [m.value for m in config.modalities]
    calibration = {}
    for target in config.targets:
        if target.name not in values:
            raise PackIntegrityError(pack=pack, problem=f"calibration.json lacks {target.name}")
        calibration[target.name] = Calibration.from_mapping(
            values[target.name],
            where=f"calibration.{target.name}",
            modalities=modalities,
            is_finding=target.kind == "finding",
        )
    return calibration


def _read_reference(path: Path, config: ModelConfig, *, pack: str) -> Reference:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        names = [m.value for m in config.modalities]
        patients = {m: arrays[f"patients_{m}"] for m in names}
        # Half precision shortens or stretches a unit vector, which would move every distance.
        embeddings = {m: unit(arrays[f"embeddings_{m}"].astype(np.float32)) for m in names}
        thresholds = {m: float(arrays[f"threshold_{m}"]) for m in names}
        answers = arrays["answers"].astype(np.float32) if "answers" in arrays.files else None
        quality = quality_from_arrays(arrays)
    for m in names:
        if not np.isfinite(patients[m]).all() or not np.isfinite(embeddings[m]).all():
            raise PackIntegrityError(pack=pack, problem=f"reference of {m} is not finite")
        if len(embeddings[m]) < NEIGHBOUR or not 0.0 < thresholds[m] < np.inf:
            raise PackIntegrityError(pack=pack, problem=f"threshold of {m} is unusable")
    if len({len(array) for array in patients.values()} | {0}) != 2:
        raise PackIntegrityError(pack=pack, problem="reference patients lack a modality")
    if quality is not None and not quality.is_sound:
        raise PackIntegrityError(pack=pack, problem="what it knows of good films is unusable")
    return Reference(patients, embeddings, thresholds, answers, quality)
