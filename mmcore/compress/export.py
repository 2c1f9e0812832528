"""Encoders as ONNX graphs: what each computes from its input, for any number of rows.

A graph holds one encoder from the network's input to its tokens. That of an image also gives how
the tokens differ from those of the mirrored image and, where the model outlines lungs, the logits
of the lungs, since the gate asks for both. A graph is kept only if it answers as the network does.
"""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mmcore.encoding import LUNGS as LUNG_REGION
from mmcore.errors import MissingLibraryError, NotExportableError
from mmcore.modalities.image import ImageEncoder
from mmcore.model.exported import ASYMMETRY, INPUT, LUNGS, TOKENS, Exported, Graph, GraphRunner
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality

FLOAT_PARITY = 1e-3
"""Largest difference of any number that a float graph gives, in units of that output's spread."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How a graph compares with the encoder. largest, mean: absolute differences of its tokens.

    relative: the largest difference of any output in units of the spread of that output.
    """

    largest: float
    mean: float
    relative: float


class Exportable(nn.Module):
    """One encoder of a network, from its input to everything that scoring reads of it."""

    def __init__(self, network: FusionNetwork, modality: Modality) -> None:
        super().__init__()
        self.encoder = network.encoder(modality)
        head = network.segmentation if modality is Modality.IMAGE else None
        has_lungs = head is not None and LUNG_REGION in head.names
        self.head = head if has_lungs else None
        self.lungs = head.names.index(LUNG_REGION) if head is not None and has_lungs else 0

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what ``forward`` returns."""
        if not isinstance(self.encoder, ImageEncoder):
            return (TOKENS,)
        return (TOKENS, ASYMMETRY, *((LUNGS,) if self.head is not None else ()))

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs by ``outputs`` for (B, ...) inputs."""
        embedded = self.encoder.embed(inputs)
        if self.head is not None:
            tokens, maps = cast(ImageEncoder, self.encoder).forward_with_maps(embedded)
            further: tuple[Tensor, ...] = (self.head(tokens, maps)[:, self.lungs],)
        else:
            tokens, further = self.encoder(embedded), ()
        if isinstance(self.encoder, ImageEncoder):
            further = (self.encoder.asymmetry(embedded, tokens), *further)
        return tokens, *further


def export_encoder(network: FusionNetwork, modality: Modality, example: Tensor) -> bytes:
    """Return the serialised graph of one encoder.

    example: (2, ...) inputs, or more. Raises ``MissingLibraryError``, and ``NotExportableError``
    for an encoder that torch can not export.
    """
    require_onnx()
    module = Exportable(network, modality).eval()
    with TemporaryDirectory() as folder, quietly():
        path = Path(folder) / "encoder.onnx"
        try:
            torch.onnx.export(
                module, (example,), str(path),
                dynamo=True, external_data=False, verbose=False,
                input_names=[INPUT], output_names=list(module.outputs),
                dynamic_shapes={"inputs": {0: torch.export.Dim("batch")}},
            )  # fmt: skip
        except torch.onnx.OnnxExporterError as error:
            raise NotExportableError(modality=modality.value) from error
        return path.read_bytes()


@torch.no_grad()
def parity(network: FusionNetwork, modality: Modality, graph: Graph, inputs: Tensor) -> Parity:
    """Return how a graph and the encoder differ on (B, ...) inputs, together and row by row."""
    runner = GraphRunner(Exported({modality: graph}), pack=modality.value)
    module = Exportable(network, modality).eval()
    own = [output.numpy() for output in module(inputs)]
    whole = runner.run(modality, inputs.numpy())
    single = [runner.run(modality, inputs[i : i + 1].numpy()) for i in range(len(inputs))]
    relative = 0.0
    for name, expected in zip(module.outputs, own, strict=True):
        alone = np.concatenate([row[name] for row in single])
        gap = max(_largest(whole[name], expected), _largest(alone, expected))
        relative = max(relative, gap / max(float(expected.std()), 1e-6))
    difference = np.abs(whole[TOKENS] - own[0])
    return Parity(float(difference.max()), float(difference.mean()), relative)


def _largest(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    gap = float(np.abs(a - b).max())
    return gap if np.isfinite(gap) else float("inf")


def require_onnx() -> Any:
    """Return the package onnx. Raises ``MissingLibraryError`` if exporting is not possible."""
    try:
        import onnx
        import onnxruntime
        import onnxscript
    except ImportError as error:
        what = "exporting encoders"
        raise MissingLibraryError(what=what, requirements="requirements-compress.txt") from error
    del onnxruntime, onnxscript
    return onnx


@contextmanager
def quietly() -> Iterator[None]:
    """Keep torch and ONNX Runtime from printing progress and hints; what goes wrong is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
