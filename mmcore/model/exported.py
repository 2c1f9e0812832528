"""Encoders of a pack as ONNX graphs, run by ONNX Runtime on the CPU.

A pack may hold, beside its weights, graphs that turn an input into the encoder's tokens faster than
the network does. They serve scores beside which nothing is explained (``mmcore/screening.py``):
attribution needs gradients, and a ledger must add up to the score of the very network that it
explains. ``pack.yaml`` names each graph with its SHA-256, so the digest of the pack covers them.

    exported:
      within: {score: 0.3, quality: 0.5, novelty: 0.05}
      encoders:
        image: {file: image.onnx, kind: int8, sha256: ...}

The library is optional (requirements-compress.txt); a pack without graphs never needs it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch

from mmcore.errors import MissingLibraryError, PackIntegrityError
from mmcore.records import FloatArray, Modality

GraphKind = Literal["float", "int8"]
INPUT, TOKENS = "inputs", "tokens"
ASYMMETRY, LUNGS = "asymmetry", "lungs"  # further outputs for an image
LARGEST = 2_000_000_000  # bytes: a graph that is one message


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """One encoder. content: serialised ONNX, weights included, as its digest says."""

    kind: GraphKind
    content: bytes


@dataclass(frozen=True, slots=True)
class Within:
    """How near to a threshold the graphs are not believed and the network itself is asked.

    score: log-odds from an operating point. quality: log-odds of a good film from the least that
    passes. novelty: of an input's distance to training patients from its threshold, in units of it.
    """

    score: float = 0.0
    quality: float = 0.0
    novelty: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """The graphs of a pack by modality, and how far they are believed."""

    graphs: Mapping[Modality, Graph]
    within: Within = Within()


def read_exported(folder: Path, section: object, *, modalities: tuple[Modality, ...]) -> Exported:
    """Return the graphs that the ``exported`` section of pack.yaml names.

    Raises ``PackIntegrityError`` if one is missing, is not what its digest says, or is of a
    modality that the pack does not read.
    """
    name = folder.name
    if not isinstance(section, Mapping) or set(section) != {"within", "encoders"}:
        raise PackIntegrityError(pack=name, problem="exported must hold within and encoders")
    within, encoders = section["within"], section["encoders"]
    known = {field.name for field in fields(Within)}
    if not isinstance(within, Mapping) or set(within) != known:
        raise PackIntegrityError(pack=name, problem=f"exported.within must hold {sorted(known)}")
    if not all(isinstance(x, float) and 0.0 <= x < float("inf") for x in within.values()):
        raise PackIntegrityError(pack=name, problem="exported.within holds no number from 0 on")
    if not isinstance(encoders, Mapping) or not encoders:
        raise PackIntegrityError(pack=name, problem="exported.encoders names no encoder")
    graphs = {}
    for key, entry in encoders.items():
        if key not in modalities:
            raise PackIntegrityError(pack=name, problem=f"exported.{key} is no input of the model")
        graphs[Modality(key)] = _read_graph(folder, f"exported.{key}", entry)
    return Exported(graphs, Within(**within))


def _read_graph(folder: Path, where: str, entry: object) -> Graph:
    if not isinstance(entry, Mapping) or set(entry) != {"file", "kind", "sha256"}:
        problem = f"{where} must hold file, kind and sha256"
        raise PackIntegrityError(pack=folder.name, problem=problem)
    file, kind = str(entry["file"]), entry["kind"]
    path = folder / file
    if Path(file).name != file or not path.is_file() or path.stat().st_size > LARGEST:
        raise PackIntegrityError(pack=folder.name, problem=f"{where}: {file} is missing")
    if kind not in get_args(GraphKind):
        raise PackIntegrityError(pack=folder.name, problem=f"{where}.kind {kind!r} is unknown")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        problem = f"{file} is not the file that the pack was made with"
        raise PackIntegrityError(pack=folder.name, problem=problem)
    return Graph(kind, content)


class GraphRunner:
    """Runs the graphs of a pack. May be called by any thread, which ONNX Runtime allows.

    Raises ``MissingLibraryError`` without ONNX Runtime, and ``PackIntegrityError`` for a graph that
    it can not load.
    """

    def __init__(self, exported: Exported, *, pack: str, threads: int | None = None) -> None:
        runtime = import_runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # ADR 0012
        options.log_severity_level = 3  # errors
        self._sessions: dict[Modality, Any] = {}
        for modality, graph in exported.graphs.items():
            try:
                # From bytes: a graph that keeps its weights in other files is then refused.
                self._sessions[modality] = runtime.InferenceSession(
                    graph.content, options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:
                problem = f"the graph of its {modality} encoder: {type(error).__name__}"
                raise PackIntegrityError(pack=pack, problem=problem) from error

    def __contains__(self, modality: Modality) -> bool:
        return modality in self._sessions

    def run(self, modality: Modality, inputs: npt.NDArray[np.generic]) -> dict[str, FloatArray]:
        """Return every output of a graph by its name, for (B, ...) network inputs."""
        session = self._sessions[modality]
        found = session.run(None, {INPUT: inputs})
        return {out.name: array for out, array in zip(session.get_outputs(), found, strict=True)}


def import_runtime() -> Any:
    """Return ONNX Runtime, with the events off that builds for Windows would send home.

    Raises ``MissingLibraryError``.
    """
    try:
        import onnxruntime
    except ImportError as error:
        what = "scoring with the exported encoders of a pack"
        raise MissingLibraryError(what=what, requirements="requirements-compress.txt") from error
    onnxruntime.disable_telemetry_events()
    return onnxruntime
