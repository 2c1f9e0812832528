"""Where training starts: weights of another pack, of a local checkpoint, of a hub, or of texts.

A checkpoint fits whole or is refused: names, shapes and what shapes do not show. What is left out,
such as the head of a classifier, is returned by name. Nothing here runs code that comes with
weights: safetensors, or PyTorch files read with ``weights_only``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mmcore.errors import ConfigError
from mmcore.modalities.note_encoders import BertNoteEncoder
from mmcore.model.network import FusionNetwork
from mmcore.packs import find_pack
from mmcore.records import Modality
from mmcore.train.config import HUB, RunConfig, StartConfig
from mmcore.train.pretrain import Pretrained, pretrain, read_corpus

if TYPE_CHECKING:
    from mmcore.train.sources import Source

WEIGHTS = "model.safetensors"
TEXT_FILE = "text.pt"  # in the folder of a run: what its note encoder learned from texts
HUB_FILES = ("config.json", WEIGHTS, "tokenizer.json")
SHAPELESS = ("hidden_act", "layer_norm_eps", "num_attention_heads")
"""What a BERT's weights do not show and its numbers depend on."""

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Started:
    """What training starts from. taken, left_out: names of weights. text: None without texts."""

    taken: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    text: Pretrained | None = None


def start_from(
    network: FusionNetwork, run: RunConfig, source: "Source", *, folder: Path
) -> Started:
    """Put the weights that a run starts from into ``network``, the later over the earlier.

    First those of a pack, then of an image and of a note checkpoint, then texts are read.
    ``folder`` keeps what the texts gave, so that a resumed run does not repeat it. Raises
    ``ConfigError`` if something named is not there or does not fit.
    """
    start = run.start
    taken: list[str] = []
    left_out: list[str] = []
    if start.pack:
        taken += _take_over(network, _pack_weights(start.pack), start.modules)
    if start.image:
        prefix = "encoders.image.backbone"
        one, other = load_image(_backbone(network), locate(start.image, start))
        taken += [f"{prefix}.{name}" for name in one]
        left_out += other
    if start.note:
        one, other = load_note(_bert(network, "start.note"), locate(start.note, start))
        taken += [f"encoders.note.bert.{name}" for name in one]
        left_out += other
    text: Pretrained | None = None
    if start.text_epochs:
        encoder, note = _bert(network, "start.text_epochs"), source.model.note
        assert note is not None  # there is an encoder of notes
        assert source.tokenizer is not None
        text = pretrain(
            encoder, read_corpus(source.texts, source.tokenizer, note),
            epochs=start.text_epochs, seed=run.training.seed, cache=folder / TEXT_FILE,
        )  # fmt: skip
    return Started(tuple(taken), tuple(left_out), text)


def locate(name: str, start: StartConfig) -> Path:
    """Return the local path of ``name``; fetch it first if it is of a hub and that is allowed.

    Raises ``ConfigError`` if it is not there, or would have to be fetched without permission.
    """
    if not name.startswith(HUB):
        return Path(name)
    if start.hub is not True:
        problem = f"{name!r} would be fetched from a hub; allow it with start.hub: true"
        raise ConfigError(key="start.hub", problem=problem)
    return _fetch(name.removeprefix(HUB))


def load_image(backbone: nn.Module, path: Path) -> tuple[list[str], list[str]]:
    """Put a timm checkpoint into ``backbone``; return the names taken and those left out.

    ``path``: a file of safetensors or PyTorch weights, or a folder with ``model.safetensors``. Only
    the classifier's head is left out. Where the file reads three colours and the backbone grey, the
    first convolution is summed over colours: the answer to a grey image is the same.
    """
    key = "start.image"
    known = cast(Mapping[str, Any] | None, getattr(backbone, "pretrained_cfg", None))
    if known is None:
        raise ConfigError(key=key, problem="only a timm backbone starts from a timm checkpoint")
    weights = _read(path / WEIGHTS if path.is_dir() else path, key=key)
    own = backbone.state_dict()
    heads, stems = (_words(known.get(name)) for name in ("classifier", "first_conv"))
    left_out = [
        name for name in weights
        if name not in own and name.startswith(tuple(f"{head}." for head in heads))
    ]  # fmt: skip
    kept = {name: tensor for name, tensor in weights.items() if name not in left_out}
    for stem in stems:
        name = f"{stem}.weight"
        if name in kept and name in own and kept[name].shape[1:2] != own[name].shape[1:2]:
            if (kept[name].shape[1], own[name].shape[1]) != (3, 1):
                problem = (
                    f"image.in_chans is {own[name].shape[1]}, of the file {kept[name].shape[1]}"
                )
                raise ConfigError(key=key, problem=problem)
            kept[name] = kept[name].sum(dim=1, keepdim=True)
    _load(backbone, kept, key=key)
    return sorted(kept), left_out


def load_note(encoder: BertNoteEncoder, folder: Path) -> tuple[list[str], list[str]]:
    """Put a BERT of transformers into ``encoder``; return the names taken and those left out.

    The pooler and any head are left out, and places beyond the encoder's ``max_tokens``. The names
    of PyTorch's early days are read too.
    """
    key = "start.note"
    _check_architecture(encoder.bert.config, folder)
    weights: Weights = {}
    left_out: list[str] = []
    for name, tensor in _read(folder / WEIGHTS, key=key).items():
        plain = name.removeprefix("bert.")
        plain = plain.replace("LayerNorm.gamma", "LayerNorm.weight")
        plain = plain.replace("LayerNorm.beta", "LayerNorm.bias")
        if plain.startswith(("pooler.", "cls.", "classifier.")) or plain.endswith("position_ids"):
            left_out.append(name)
        else:
            weights[plain] = tensor
    places = "embeddings.position_embeddings.weight"
    count = encoder.bert.config.max_position_embeddings
    if places in weights and len(weights[places]) > count:
        weights[places] = weights[places][:count]
    _load(encoder.bert, weights, key=key)
    return sorted(weights), left_out


def _backbone(network: FusionNetwork) -> nn.Module:
    if Modality.IMAGE not in network.modalities:
        raise ConfigError(key="start.image", problem="the model reads no image")
    return cast(nn.Module, network.encoder(Modality.IMAGE).backbone)


def _bert(network: FusionNetwork, key: str) -> BertNoteEncoder:
    if Modality.NOTE in network.modalities:
        encoder = network.encoder(Modality.NOTE)
        if isinstance(encoder, BertNoteEncoder):
            return encoder
    raise ConfigError(key=key, problem='needs a note encoder named "bert"')


def _check_architecture(own: Any, folder: Path) -> None:
    try:
        values = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        problem = f"{folder.name!r} holds no config.json"
        raise ConfigError(key="start.note", problem=problem) from error
    if not isinstance(values, dict) or values.get("model_type") != "bert":
        problem = f"{folder.name!r} holds no BERT; other encoders start from note.folder"
        raise ConfigError(key="start.note", problem=problem)
    for name in SHAPELESS:
        if name in values and values[name] != getattr(own, name):
            problem = f"is {getattr(own, name)!r}, of the checkpoint {values[name]!r}"
            raise ConfigError(key=f"model.note.arguments.{name}", problem=problem)


def _read(path: Path, *, key: str) -> Weights:
    """Return the weights of a file. Raises ``ConfigError`` if it holds none."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ConfigError(key=key, problem=f"{path.name!r} can not be read") from error
    except (SafetensorError, UnpicklingError, RuntimeError, ValueError, EOFError) as error:
        problem = f"{path.name!r} holds no plain weights"
        raise ConfigError(key=key, problem=problem) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(stored, dict) and isinstance(stored.get(wrapper), dict):
            stored = stored[wrapper]
    if not isinstance(stored, dict) or not all(isinstance(x, Tensor) for x in stored.values()):
        raise ConfigError(key=key, problem=f"{path.name!r} holds no plain weights")
    return {str(name): tensor for name, tensor in stored.items()}


def _load(module: nn.Module, weights: Weights, *, key: str) -> None:
    """Load strictly, and say what does not fit."""
    own = module.state_dict()
    problems = (
        [f"it lacks {name}" for name in own if name not in weights]
        + [f"{name} has no place in the model" for name in weights if name not in own]
        + [
            f"{name} is {list(tensor.shape)}, of the model {list(own[name].shape)}"
            for name, tensor in weights.items()
            if name in own and tensor.shape != own[name].shape
        ]
    )
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ConfigError(key=key, problem=f"the checkpoint does not fit: {problems[0]}{more}")
    module.load_state_dict(weights)


def _fetch(name: str) -> Path:
    """Return the local copy of a hub's repository. The only function that uses the network."""
    from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")
    try:
        folder = snapshot_download(
            repository, revision=revision or None, allow_patterns=list(HUB_FILES)
        )
    except (OSError, ValueError) as error:  # of the hub's errors these are the bases
        problem = f"{name!r} could not be fetched: {type(error).__name__}"
        raise ConfigError(key="start.hub", problem=problem) from error
    return Path(folder)


def _pack_weights(pack: str) -> Weights:
    try:
        return load_file(find_pack(Path(pack)) / WEIGHTS)
    except ConfigError as error:
        raise ConfigError(key="start.pack", problem=error.problem) from error
    except (OSError, SafetensorError) as error:
        raise ConfigError(key="start.pack", problem=f"{pack!r} holds no weights") from error


def _take_over(network: nn.Module, weights: Weights, prefixes: Sequence[str]) -> tuple[str, ...]:
    """Copy the weights below ``prefixes`` whose name and shape agree; return their names."""
    own = network.state_dict()
    fitting = {
        name: tensor.to(own[name].dtype)
        for name, tensor in weights.items()
        if name.startswith(tuple(prefixes)) and name in own and own[name].shape == tensor.shape
    }
    if not fitting:
        raise ConfigError(key="start", problem=f"no weight below {', '.join(prefixes)} fits")
    with torch.no_grad():
        network.load_state_dict(fitting, strict=False)
    return tuple(fitting)


def _words(value: object) -> tuple[str, ...]:
    """Return timm's name or names of a part as a tuple."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list | tuple) else ()
