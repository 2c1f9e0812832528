"""Graphs in 8-bit arithmetic: weights and activations, scales from the pack's reference patients.

Static quantisation in QDQ form (Jacob et al. 2018), weights per channel. One bit of the weights is
given up: without it, processors that have no VNNI instructions add two products in 16 bits and clip
them, and a pack would call findings otherwise from one machine to the next. Convolutions that read
few channels, as the first one does, stay in float: integers gain nothing there.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from mmcore.compress.export import quietly, require_onnx
from mmcore.model.exported import INPUT

QUANTISED = ("Conv", "MatMul", "Gemm")
FEW_CHANNELS = 4


def quantise(content: bytes, samples: npt.NDArray[np.generic]) -> bytes | None:
    """Return the graph in 8-bit arithmetic, or None if nothing of it multiplies by weights.

    samples: (R, ...) inputs from which the ranges of activations are taken. Raises
    ``MissingLibraryError``.
    """
    onnx = require_onnx()
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as folder, quietly():
        given, whole, small = (
            Path(folder) / f"{name}.onnx" for name in ("given", "whole", "small")
        )
        given.write_bytes(content)
        quant_pre_process(str(given), str(whole), skip_symbolic_shape=True)
        graph = onnx.load(str(whole)).graph
        weights = {one.name: tuple(one.dims) for one in graph.initializer}
        nodes = [n for n in graph.node if n.op_type in QUANTISED and weights.get(n.input[1])]
        narrow = [
            n.name for n in nodes
            if n.op_type == "Conv" and weights[n.input[1]][1] < FEW_CHANNELS
        ]  # fmt: skip
        if len(nodes) == len(narrow):
            return None
        quantization.quantize_static(
            str(whole), str(small), _Samples(samples),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=list(QUANTISED), nodes_to_exclude=narrow,
            per_channel=True, reduce_range=True,
        )  # fmt: skip
        return small.read_bytes()


class _Samples:
    """Hands calibration inputs to ONNX Runtime one by one, by the method that it calls."""

    def __init__(self, samples: npt.NDArray[np.generic]) -> None:
        self._rows = iter(samples)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next input, or None."""
        row = next(self._rows, None)
        return None if row is None else {INPUT: row[None]}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while (row := self.get_next()) is not None:
            yield row
