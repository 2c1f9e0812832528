"""Where training starts: weights of another pack, of a local checkpoint, or of plain text."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mmcore.errors import ConfigError
from mmcore.modalities.note_encoders import BertNoteEncoder
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from mmcore.train.config import StartConfig
from mmcore.train.pretrain import Pretrained, pretrain, read_corpus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer

PACKS = Path(__file__).resolve().parents[2] / "assets" / "packs"


def start_from(
    network: FusionNetwork,
    start: StartConfig,
    *,
    texts: "Sequence[str]",
    tokenizer: "Tokenizer | None",
    seed: int,
    folder: Path,
) -> Pretrained | None:
    """Put the weights that a run starts from into ``network``; say how pre-training went.

    ``folder`` keeps what pre-training gave, so that a resumed run does not repeat it. Raises
    ``ConfigError`` if a named file is not there or nothing in it fits.
    """
    if start.pack:
        _take_over(network, _pack_weights(start.pack), start.modules)
    if not start.text_epochs:
        return None
    note = network.config.note
    encoder = network.encoder(Modality.NOTE) if note is not None else None
    if note is None or tokenizer is None or not isinstance(encoder, BertNoteEncoder):
        problem = 'only a note encoder named "bert" learns from texts'
        raise ConfigError(key="start.text_epochs", problem=problem)
    corpus = read_corpus(texts, tokenizer, note)
    return pretrain(encoder, corpus, epochs=start.text_epochs, seed=seed, cache=folder / "text.pt")


def _pack_weights(pack: str) -> dict[str, Tensor]:
    for folder in (Path(pack), PACKS / pack):
        if (folder / "model.safetensors").is_file():
            return load_file(folder / "model.safetensors")
    raise ConfigError(key="start.pack", problem=f"{pack!r} is no pack folder and no embedded pack")


def _take_over(
    network: nn.Module, weights: dict[str, Tensor], prefixes: "Sequence[str]"
) -> tuple[str, ...]:
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
