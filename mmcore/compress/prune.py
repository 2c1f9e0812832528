"""Pruning: inner channels that matter least taken out, or single weights set to zero.

Structured: a residual block computes ``reads(act(norm(makes(x))))``, and nobody else sees what lies
between ``makes`` and ``reads``. One in so many of these inner channels is kept, those without which
the answers to the pack's reference patients would change most by first order: the sum of squares of
activation times gradient (Molchanov et al. 2017). Half of them is half of the block's
multiplications, in any runtime. Channels between blocks, tokens and attention heads are left alone:
the ledger's overlay is made of tokens, and the notes of our packs cost little.

Unstructured: the smallest weights of every large tensor become zero (Han et al. 2015). The file is
as large as before and nothing is faster, since no engine here skips zeros; it tells how much of a
network is needed, no more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from mmcore.compress.variant import write_variant
from mmcore.errors import ConfigError
from mmcore.model.config import ModelConfig
from mmcore.model.int8 import is_large, unpack_int8
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import load_pack, write_weights
from mmcore.model.prepared import network_input
from mmcore.records import Modality

Inputs = Mapping[Modality, Tensor]


@dataclass(frozen=True, slots=True)
class Inner:
    """Channels that only one layer makes and only one reads; all by their names in the network.

    norm: between the two, or "" for none. groups: of the norm, each of which keeps as many.
    """

    makes: str
    norm: str
    reads: str
    groups: int


def inner_channels(network: nn.Module) -> Iterator[Inner]:
    """Yield what can be pruned: timm's basic residual blocks, and the perceptrons of a BERT."""
    for name, module in network.named_modules():
        kind = type(module).__name__
        if kind == "BasicBlock":
            groups = int(getattr(module.bn1, "num_groups", 1))
            yield Inner(f"{name}.conv1", f"{name}.bn1", f"{name}.conv2", groups)
        elif kind == "BertLayer":
            yield Inner(f"{name}.intermediate.dense", "", f"{name}.output.dense", 1)


def importance(network: FusionNetwork, inputs: Inputs) -> dict[str, Tensor]:
    """Return (C,) how much each inner channel matters, by the name of the layer that reads it.

    inputs: (R, ...) by modality, reference patients who have all of them. Targets count alike.
    """
    reads = [inner.reads for inner in inner_channels(network)]
    seen: dict[str, Tensor] = {}
    sums: dict[str, Tensor] = {}

    def keep(name: str, _: nn.Module, args: tuple[Tensor, ...]) -> None:
        seen[name] = args[0]

    with ExitStack() as stack, torch.enable_grad():
        for name in reads:
            hook = network.get_submodule(name).register_forward_pre_hook(partial(keep, name))
            stack.callback(hook.remove)
        encoded = {
            m: network.encode(m, network.embed(m, inputs[m]).detach().requires_grad_())
            for m in network.modalities
        }
        inner = {name: seen[name] for name in reads}
        baseline = {
            m: network.encode(m, network.embed(m, network.baseline(m)[None])).detach()
            for m in network.modalities
        }
        logits = network.decide(encoded, baseline)
        for column in range(logits.shape[1]):
            gradients: Sequence[Tensor | None] = torch.autograd.grad(
                logits[:, column].sum(), list(inner.values()), retain_graph=True, allow_unused=True
            )
            for (name, activation), gradient in zip(inner.items(), gradients, strict=True):
                if gradient is None:  # an input that may not speak of this target
                    continue
                effect = _by_channel(activation * gradient, network.get_submodule(name))
                sums[name] = sums.get(name, torch.zeros(effect.shape[1])) + effect.square().sum(0)
    return sums


def _by_channel(values: Tensor, reads: nn.Module) -> Tensor:
    """Return (R, C) sums over places: channels are axis 1 of a convolution, else the last."""
    axis = 1 if isinstance(reads, nn.Conv2d) else values.ndim - 1
    return values.detach().movedim(axis, 1).flatten(2).sum(2)


def prune_inner(
    network: FusionNetwork, inputs: Inputs, *, keep_one_in: int
) -> tuple[ModelConfig, FusionNetwork]:
    """Return the architecture and the network with one in so many inner channels.

    Raises ``ConfigError`` where nothing of the network can be pruned, or not so evenly.
    """
    config = _narrowed(network, keep_one_in)
    smaller = FusionNetwork(config)
    matters = importance(network, inputs)
    weights = network.state_dict()
    for inner in inner_channels(network):
        after = smaller.get_submodule(inner.makes).weight.shape
        if after == weights[f"{inner.makes}.weight"].shape:
            continue  # of an encoder whose configuration can not say so
        kept = _strongest(matters[inner.reads], inner.groups, keep_one_in)
        for key, axis in (
            (f"{inner.makes}.weight", 0), (f"{inner.makes}.bias", 0),
            (f"{inner.norm}.weight", 0), (f"{inner.norm}.bias", 0), (f"{inner.reads}.weight", 1),
        ):  # fmt: skip
            if key in weights:
                weights[key] = weights[key].index_select(axis, kept)
    smaller.load_state_dict(weights, strict=True)
    return config, smaller.eval().requires_grad_(requires_grad=False)


def _narrowed(network: FusionNetwork, keep_one_in: int) -> ModelConfig:
    """Return the architecture with one in so many inner channels, as far as it can say so."""
    if keep_one_in < 2:
        raise ConfigError(key="inner", problem="must be at least 2: one channel of so many is kept")
    config = network.config
    inner = list(inner_channels(network))
    image, note = config.image, config.note
    blocks = [one.groups for one in inner if one.makes.startswith("encoders.image.")]
    if image is not None and blocks:
        arguments = dict(image.arguments)
        reduced = int(arguments.get("block_reduce_first", 1)) * keep_one_in
        widths = [int(width) for width in arguments.get("channels", (64, 128, 256, 512))]
        if any(width % (reduced * max(blocks)) for width in widths):
            problem = f"channels {widths} can not be kept one in {keep_one_in}, alike in each group"
            raise ConfigError(key="inner", problem=problem)
        arguments["block_reduce_first"] = reduced
        config = config.with_input(Modality.IMAGE, replace(image, arguments=arguments))
    if note is not None and note.name == "bert":
        arguments = dict(note.arguments)
        width = int(arguments.get("intermediate_size", 3072))
        if width % keep_one_in:
            problem = f"intermediate_size {width} is no multiple of {keep_one_in}"
            raise ConfigError(key="inner", problem=problem)
        arguments["intermediate_size"] = width // keep_one_in
        config = config.with_input(Modality.NOTE, replace(note, arguments=arguments))
    if config is network.config:
        problem = "neither the image nor the note encoder has inner channels that can be pruned"
        raise ConfigError(key="inner", problem=problem)
    return config


def _strongest(scores: Tensor, groups: int, keep_one_in: int) -> Tensor:
    """Return the channels to keep, in order: as many of every group."""
    grouped = scores.reshape(groups, -1)
    count = grouped.shape[1] // keep_one_in
    chosen = grouped.topk(count, dim=1).indices.sort(dim=1).values
    first = torch.arange(groups)[:, None] * grouped.shape[1]
    return (chosen + first).flatten()


def zero_smallest(tensors: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Return the tensors with that share of the weights of every large one set to zero.

    Raises ``ConfigError`` unless ``share`` lies between 0 and 1.
    """
    if not 0.0 < share < 1.0:
        raise ConfigError(key="zero", problem="must lie between 0 and 1")
    thinned = {}
    for name, tensor in tensors.items():
        thinned[name] = tensor
        if is_large(name, tensor):
            magnitude = tensor.float().abs()
            limit = magnitude.flatten().kthvalue(round(share * tensor.numel())).values
            thinned[name] = tensor * (magnitude > limit)
    return thinned


def write_pruned(folder: Path, out: Path, *, keep_one_in: int) -> None:
    """Write the pack with one in so many inner channels to ``out``, as ``write_variant`` does."""
    pack = load_pack(folder)
    patients = {m: network_input(pack.reference.patients[m.value]) for m in pack.config.modalities}
    config, network = prune_inner(pack.network, patients, keep_one_in=keep_one_in)

    def change(copy: Path, head: dict[str, Any]) -> list[str]:
        head["model"] = config.to_mapping()
        write_weights(network, copy / "model.safetensors")
        return [
            f"One in {keep_one_in} inner channels of the image and note encoders was kept. Nothing "
            "was trained after that: calibration and what the gate knows are those of the whole "
            "pack."
        ]

    write_variant(folder, out, suffix="pruned", change=change, check=load_pack)


def write_thinned(folder: Path, out: Path, *, share: float) -> None:
    """Write the pack with that share of its weights at zero to ``out``, as ``write_variant``."""

    def change(copy: Path, head: dict[str, Any]) -> list[str]:
        weights = copy / "model.safetensors"
        tensors = unpack_int8(load_tensors(weights.read_bytes()))
        weights.write_bytes(save_tensors(zero_smallest(tensors, share)))
        return [
            f"The smallest {share:.0%} of the weights of every large tensor are zero. Nothing was "
            "trained after that."
        ]

    write_variant(folder, out, suffix="thinned", change=change, check=load_pack)
