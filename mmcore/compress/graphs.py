"""A pack with its encoders as graphs: exported, in 8 bits where that pays, compared, or refused."""

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from mmcore.compress.agreement import SAME_CALLS, Agreement, agreement, score_all
from mmcore.compress.export import FLOAT_PARITY, Exportable, Parity, export_encoder, parity
from mmcore.compress.quantise import quantise
from mmcore.compress.timing import seconds_of, threads
from mmcore.compress.variant import add_limits, read_head, write_head, write_variant
from mmcore.datasets.labelled import LabelledCase
from mmcore.encoding import EncodedCase, Encoding
from mmcore.engine import Encode, Engine
from mmcore.errors import NotExportableError, PackIntegrityError
from mmcore.modalities.channel import FloatArray64
from mmcore.model.exported import Exported, Graph, GraphRunner, Within
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import Pack, load_pack
from mmcore.model.prepared import PreparedCase, network_input
from mmcore.records import Modality
from mmcore.screening import Margins, Screening, margins

FASTER = 1.1  # times, at least, for a float graph to be kept in place of the network
SAVES = 0.02  # of the time of all encoders, at least, for 8 bits in place of a float graph
USUAL = 0.99  # of the cases differ by less than what counts as near a threshold
ROWS = 4  # reference patients on whom a graph is held against its encoder


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What became of one encoder, and why.

    graph: what is kept; None where the network itself is as fast, or the encoder can not be
    exported. seconds: processor time of one input by "network", "float" and, where there is one,
    "int8". parity: of the float graph, None without one.
    """

    modality: Modality
    graph: Graph | None
    seconds: dict[str, float]
    parity: Parity | None

    @property
    def words(self) -> str:
        """The choice in one line, with how much faster each form is than the network."""
        if self.parity is None:
            return f"{self.modality}: network (its encoder can not be exported)"
        kept = "network" if self.graph is None else f"{self.graph.kind} graph"
        ratios = ", ".join(
            f"{name} {self.seconds['network'] / seconds:.2f}"
            for name, seconds in self.seconds.items()
            if name != "network"
        )
        return f"{self.modality}: {kept} (times faster than the network: {ratios})"


def choose_graphs(pack: Pack) -> tuple[Choice, ...]:
    """Export every encoder and choose the form of each that is worth having.

    A float graph loses nothing and is kept where it is faster; 8 bits move numbers, so they are to
    save a part of the whole. Raises ``MissingLibraryError``, and ``PackIntegrityError`` if a float
    graph does not answer as its encoder does, or none is faster.
    """
    made = {m: _forms(pack, m) for m in pack.config.modalities}
    total = sum(seconds["network"] for _, seconds, _ in made.values())
    choices = []
    for m, (graphs, seconds, found) in made.items():
        kept, best = None, seconds["network"]
        if "float" in graphs and best / seconds["float"] >= FASTER:
            kept, best = graphs["float"], seconds["float"]
        if "int8" in graphs and best - seconds["int8"] >= SAVES * total:
            kept = graphs["int8"]
        choices.append(Choice(m, kept, seconds, found))
    if not any(choice.graph for choice in choices):
        raise PackIntegrityError(pack=pack.identity.name, problem="no encoder is faster as a graph")
    return tuple(choices)


def _forms(
    pack: Pack, modality: Modality
) -> tuple[dict[str, Graph], dict[str, float], Parity | None]:
    """Return the graphs of one encoder, the time of each form, and how the float one compares."""
    inputs = network_input(pack.reference.patients[modality.value])
    graphs: dict[str, Graph] = {}
    found: Parity | None = None
    try:
        plain = Graph("float", export_encoder(pack.network, modality, inputs[:2]))
    except NotExportableError:
        pass  # the network goes on reading this input
    else:
        found = parity(pack.network, modality, plain, inputs[:ROWS])
        if not found.relative <= FLOAT_PARITY:
            problem = (
                f"the exported {modality} encoder differs by {found.relative:.1e} of its spread"
            )
            raise PackIntegrityError(pack=pack.identity.name, problem=problem)
        graphs["float"] = plain
        if (small := quantise(plain.content, inputs.numpy())) is not None:
            graphs["int8"] = Graph("int8", small)
    with threads(1):
        seconds = seconds_of(_single(pack.network, modality, graphs, inputs[:1]))
    return graphs, seconds, found


def _single(
    network: FusionNetwork, modality: Modality, graphs: dict[str, Graph], row: torch.Tensor
) -> dict[str, Callable[[], object]]:
    """Return what encodes one input, by the form of the encoder, each with one thread."""
    module, array = Exportable(network, modality).eval(), row.numpy()

    def by_network() -> object:
        with torch.no_grad():
            return module(row)

    work: dict[str, Callable[[], object]] = {"network": by_network}
    for name, graph in graphs.items():
        runner = GraphRunner(Exported({modality: graph}), pack=modality.value)

        def by_graph(runner: GraphRunner = runner) -> object:
            return runner.run(modality, array)

        work[name] = by_graph
    return work


def write_exported(
    folder: Path, out: Path, cases: Iterable[LabelledCase], *, total: int | None = None
) -> tuple[tuple[Choice, ...], "Compared"]:
    """Write the pack with its encoders as graphs to ``out``; compare the two on ``cases``.

    Raises what ``write_variant`` and ``choose_graphs`` raise, and ``PackIntegrityError`` if fewer
    than ``SAME_CALLS`` of the findings are called alike; then nothing is left.
    """
    choices = choose_graphs(load_pack(folder))

    def change(copy: Path, head: dict[str, Any]) -> list[str]:
        head["exported"] = {"within": asdict(Within()), "encoders": _write_graphs(copy, choices)}
        return []

    def check(copy: Path) -> Compared:
        found = compare_graphs(Engine.load(folder, device="cpu"), copy, cases, total=total)
        if not found.graphs.same >= SAME_CALLS:
            calls, same = found.graphs.calls, found.graphs.same
            problem = f"graphs call {same:.1%} of {calls} findings alike"
            raise PackIntegrityError(pack=folder.name, problem=problem)
        head = read_head(copy)
        head["exported"]["within"] = asdict(found.within)
        write_head(copy, head)
        add_limits(copy, [_limit(choices, found)])
        return found

    return choices, write_variant(folder, out, suffix="onnx", change=change, check=check)


@dataclass(frozen=True, slots=True)
class Compared:
    """How the graphs of a pack compare with its network.

    graphs: of the graphs alone. delivered: with the network in their place near thresholds. again:
    the part of cases for which it was. within: what is near, as far as the two usually differ.
    faster: the network's processor time from prepared input to scores over that of the graphs.
    """

    graphs: Agreement
    delivered: Agreement
    again: float
    within: Within
    faster: float

    @property
    def faster_delivered(self) -> float:
        """``faster`` with the network's time for the cases that it answered after the graphs."""
        return 1.0 / (1.0 / self.faster + self.again)


def compare_graphs(
    engine: Engine, copy: Path, cases: Iterable[LabelledCase], *, total: int | None = None
) -> Compared:
    """Score cases by the network of ``engine`` and by the graphs of the pack ``copy``."""
    other = Engine.load(copy, device="cpu")
    assert other.pack.exported is not None  # it was just written
    screening = Screening(other.pack, other.pack.exported)
    own: list[tuple[Margins, float]] = []
    seen: list[tuple[Margins, float]] = []

    def watched(encode: Encode, found: list[tuple[Margins, float]]) -> Encode:
        def run(encoding: Encoding, prepared: PreparedCase) -> EncodedCase:
            started = time.process_time()
            case = encode(encoding, prepared)
            seconds = time.process_time() - started
            found.append((margins(other.pack, case), seconds))
            return case

        return run

    by_network = watched(lambda encoding, prepared: encoding.encode(prepared), own)
    by_graphs = watched(screening.encode, seen)
    network, graphs = score_all(
        [lambda case: engine.predict_by(case, by_network),
         lambda case: other.predict_by(case, by_graphs)],
        cases, total=total,
    )  # fmt: skip
    within = _usual([margin for margin, _ in own], [margin for margin, _ in seen])
    again = np.array([margin.is_near(within) for margin, _ in seen])
    taken = [median(seconds for _, seconds in rows) for rows in (own, seen)]
    return Compared(
        graphs=agreement(network, graphs),
        delivered=agreement(network, graphs.instead(network, again)),
        again=float(again.mean()),
        within=within,
        faster=taken[0] / taken[1],
    )


def _usual(own: list[Margins], seen: list[Margins]) -> Within:
    """Return what the largest difference of every kind of margin stays below in ``USUAL`` cases."""

    def below(gaps: Iterable[FloatArray64]) -> float:
        largest = [float(np.abs(gap).max(initial=0.0)) for gap in gaps]
        known = [gap for gap in largest if np.isfinite(gap)]
        return ceil(100 * float(np.quantile(known, USUAL))) / 100 if known else 0.0

    pairs = list(zip(own, seen, strict=True))
    return Within(
        score=below(a.score - b.score for a, b in pairs),
        quality=below(np.array([a.quality - b.quality]) for a, b in pairs),
        novelty=below(a.novelty - b.novelty for a, b in pairs),
    )


def _write_graphs(folder: Path, choices: Iterable[Choice]) -> dict[str, dict[str, str]]:
    encoders = {}
    for choice in choices:
        if choice.graph is not None:
            file = f"{choice.modality}.onnx"
            (folder / file).write_bytes(choice.graph.content)
            sha = hashlib.sha256(choice.graph.content).hexdigest()
            encoders[choice.modality.value] = {
                "file": file, "kind": choice.graph.kind, "sha256": sha,
            }  # fmt: skip
    return encoders


def _limit(choices: Iterable[Choice], found: Compared) -> str:
    kept = ", ".join(f"{c.modality} ({c.graph.kind})" for c in choices if c.graph is not None)
    one, both = found.graphs, found.delivered
    return (
        f"Scores beside which nothing is explained come from exported encoders: {kept}. On "
        f"{one.cases} cases they alone called {one.same:.2%} of {one.calls} findings as the "
        f"network does and gave {one.verdicts:.2%} of the gate's verdicts; probabilities "
        f"differed by {one.mean:.4f} on average, by {one.largest:.3f} at most. Near a threshold "
        f"the network answers, in {found.again:.0%} of these cases, as it does for whatever is "
        f"explained: calls alike then {both.same:.2%}, verdicts {both.verdicts:.2%}."
    )
