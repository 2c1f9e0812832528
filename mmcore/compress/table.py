"""The page that compares compressed packs: one table of size, speed and figures, in one run.

Everything between two marks of the page is written anew; what stands outside of them is left.
"""

import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scipy.special import expit

from mmcore.compress.agreement import Agreement, agreement, score_all
from mmcore.compress.timing import seconds_of, threads
from mmcore.compress.variant import read_head
from mmcore.compress.weights import WEIGHTS
from mmcore.datasets.labelled import LabelledCase
from mmcore.encoding import EncodedCase, Encoding
from mmcore.engine import Encode, Engine
from mmcore.errors import ConfigError
from mmcore.evaluate.aggregate import multilabel_figures
from mmcore.evaluate.resample import Figure
from mmcore.model.prepared import PreparedCase
from mmcore.records import Case
from mmcore.screening import Screener, Screening

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
TITLE = "# Compression"
TIMED_CASES = 24
TIMED_ROUNDS = 6
THREADS = (1, 2)


@dataclass(frozen=True, slots=True)
class Row:
    """One pack of the table. name, version: of its head.

    numbers: of its weights that are not zero. bytes, deflated: of weights and graphs as stored and
    as zlib packs them. faster: by number of threads, the first pack's time from prepared input to
    scores over this one's. auroc: macro, with interval. agreement: with the first pack.
    """

    name: str
    version: str
    numbers: int
    bytes: int
    deflated: int
    faster: tuple[float, ...]
    auroc: Figure
    agreement: Agreement


def compare_packs(
    folders: Sequence[Path], cases: Iterable[LabelledCase], *, total: int | None = None
) -> tuple[Row, ...]:
    """Score the same cases with every pack, as in the background of a worklist; time a few.

    The first pack is the one that the others are held against. Raises ``ConfigError`` if their
    targets differ.
    """
    engines = [Engine.load(folder, device="cpu") for folder in folders]
    if len({tuple(engine.target_names) for engine in engines}) != 1:
        raise ConfigError(key="packs", problem="do not have the same targets")
    timed: list[Case] = []

    def watched() -> Iterable[LabelledCase]:
        for one in cases:
            if len(timed) < TIMED_CASES:
                timed.append(one.case)
            yield one

    scores = score_all([Screener(engine).predict for engine in engines], watched(), total=total)
    faster = [_faster(engines, timed, count) for count in THREADS]
    rows = []
    for number, (folder, engine, own) in enumerate(zip(folders, engines, scores, strict=True)):
        figures = multilabel_figures(
            own.labels, expit(own.logits),
            operating_points=dict(zip(own.findings, own.points.tolist(), strict=True)),
            groups=own.patients, names=("auroc",),
        )  # fmt: skip
        stored = [(folder / file).read_bytes() for file in _files(folder)]
        network = engine.pack.network
        rows.append(
            Row(
                name=engine.identity.name,
                version=engine.identity.version,
                numbers=sum(int(p.count_nonzero()) for p in network.parameters()),
                bytes=sum(map(len, stored)),
                deflated=sum(len(zlib.compress(content)) for content in stored),
                faster=tuple(ratios[number] for ratios in faster),
                auroc=figures.macro["auroc"],
                agreement=agreement(scores[0], own),
            )
        )
    return tuple(rows)


def _files(folder: Path) -> list[str]:
    encoders = read_head(folder).get("exported", {}).get("encoders", {})
    return [WEIGHTS, *(entry["file"] for entry in encoders.values())]


def _faster(engines: Sequence[Engine], cases: Sequence[Case], count: int) -> list[float]:
    """Return the first engine's time over each one's, with so many threads.

    Processor time for one thread, the clock for more.
    """
    work: dict[str, Callable[[], object]] = {}
    with threads(count):
        for number, engine in enumerate(engines):
            exported = engine.pack.exported
            encode: Encode = (
                (lambda encoding, prepared: encoding.encode(prepared))
                if exported is None
                else Screening(engine.pack, exported, threads=count).answer
            )
            work[str(number)] = _encoding_all(engine, cases, encode)
        clock = time.process_time if count == 1 else time.perf_counter
        seconds = seconds_of(work, rounds=TIMED_ROUNDS, clock=clock)
    return [seconds["0"] / seconds[name] for name in work]


def _encoding_all(engine: Engine, cases: Sequence[Case], encode: Encode) -> Callable[[], object]:
    """Return what encodes all the cases once more, from their prepared inputs to scores."""
    ready: list[tuple[Encoding, PreparedCase]] = []

    def kept(encoding: Encoding, prepared: PreparedCase) -> EncodedCase:
        ready.append((encoding, prepared))
        return encoding.encode(prepared)

    for number, case in enumerate(cases):
        # Under a digest that the engine has not seen: it would answer from what it kept.
        engine.predict_by(replace(case, digest=f"timed-{number}"), kept)
    return lambda: [encode(encoding, prepared) for encoding, prepared in ready]


def write_page(out: Path, rows: Sequence[Row], how: str) -> None:
    """Write the measured part of the page ``out``; ``how`` says on whom and by which command."""
    before, after = f"{TITLE}\n\n", "\n"
    if out.exists():
        text = out.read_text("utf-8")
        if text.count(BEGIN) == text.count(END) == 1:
            before, _, rest = text.partition(BEGIN)
            after = rest.partition(END)[2]
    out.write_text(f"{before}{BEGIN}\n{how}\n\n{table(rows)}\n{END}{after}", "utf-8")


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    head = ["Pack", "Weights not zero", "MB", "MB deflated",
            *(f"Times as fast, {n} thread{'s' if n > 1 else ''}" for n in THREADS),
            "Macro AUROC", "Difference", "Calls alike", "Verdicts alike",
            "Mean difference of probability"]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        same, gap = row.agreement, row.agreement.auroc
        cells = [
            f"{row.name} {row.version}",
            f"{row.numbers:,}",
            f"{row.bytes / 1e6:.2f}",
            f"{row.deflated / 1e6:.2f}",
            *(f"{ratio:.2f}" for ratio in row.faster),
            f"{row.auroc.value:.4f} ({row.auroc.low:.4f} to {row.auroc.high:.4f})",
            f"{gap.value:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})",
            f"{same.same:.2%}",
            f"{same.verdicts:.2%}",
            f"{same.mean:.4f}",
        ]
        if row is rows[0]:
            cells[7:] = ["-"] * 4
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def how_measured(cases: int, *, seed: int | None) -> str:
    """Return on whom a table was measured, and how; ``seed`` of simulated patients, or None."""
    whom = f"simulated patients of seed {seed}" if seed is not None else "labelled cases"
    return (
        f"{cases} {whom}, on whom nothing was trained, calibrated or chosen; values with 95 % "
        "bootstrap intervals over patients, differences paired. Speed is that from prepared inputs "
        f"to scores, over {TIMED_CASES} of these cases taken in turns with all packs in one run: "
        "medians, processor time for one thread and the clock for two. It counts the cases that "
        "graphs hand to the network."
    )
