"""How many cases a day one core or one GPU makes: the figures of docs/scaling.md.

Run by hand: ``python -m benchmarks.sizing phantom thorax --cases 16``, on a GPU machine
``python -m benchmarks.sizing phantom thorax --cases 64 --device cuda --batch 32``. On the CPU, CPU
seconds are told, decoding processes included, so that another load on the machine moves little; on
a GPU wall seconds are. Patients are simulated; they are read from files as any others.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from mmcore.engine import Engine
from mmcore.intake import case_from_paths
from mmcore.intake.worker import close_workers
from mmcore.packs import find_pack
from mmcore.records import Case, GateVerdict, Prediction
from mmcore.scale.calls import without_names
from mmcore.scale.wire import Message, to_bytes
from mmcore.screening import screener_of
from mmcore.simulate import sample_patient
from mmcore.simulate.cohort import write_patient

SEED = 9_119
DAY = 86_400.0


def main(
    packs: Annotated[list[str], typer.Argument(help="Packs, by folder or name.")],
    cases: Annotated[int, typer.Option(min=2)] = 16,
    batch: Annotated[int, typer.Option(min=2, help="Cases encoded together.")] = 8,
    device: Annotated[str, typer.Option()] = "cpu",
    explained: Annotated[int, typer.Option(min=0, help="Cases to explain.")] = 4,
) -> None:
    """Print what each step of a case costs, and the cases per day that follow."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(cases + 1):
            write_patient(sample_patient(SEED, number), Path(folder) / f"{number:04d}")
            (Path(folder) / f"{number:04d}" / "truth.json").unlink(missing_ok=True)
        folders = sorted(Path(folder).iterdir())
        case_from_paths([folders.pop()])  # imports and the start of processes are not counted
        read: list[Case] = []
        seconds = spent(lambda: read.extend(case_from_paths([one]) for one in folders), "cpu")
    unit = "CPU" if device == "cpu" else "wall"
    print(f"{cases} simulated patients; {unit} seconds per case, and cases a day\n")
    print(told("read from files (CPU)", seconds / cases))
    messages: list[bytes] = []
    seconds = spent(
        lambda: messages.extend(to_bytes({"case": without_names(c)}) for c in read), "cpu"
    )
    seconds += spent(lambda: [Message(one).take("case", Case) for one in messages], "cpu")
    size = sum(map(len, messages)) / cases / 2**20
    print(told(f"as a message of {size:.1f} MB, both ways (CPU)", seconds / cases))
    for name in packs:
        engine = Engine.load(find_pack(Path(name)), device=device)
        engine.warm_up()
        print(f"\n{engine.identity.name} {engine.identity.version} on {engine.device}")
        measure(engine, read, batch=batch, explained=explained, device=device)


def measure(
    engine: Engine, cases: Sequence[Case], *, batch: int, explained: int, device: str
) -> None:
    """Print what one pack costs."""
    fresh = Engine(engine.pack, device=device)
    fresh.warm_up()
    fresh.predict(cases[0])
    found: list[Prediction] = []
    alone = spent(lambda: found.extend(engine.predict(case) for case in cases), device)
    print(told("score", alone / len(cases)))

    def together() -> None:
        for start in range(0, len(cases), batch):
            fresh.predict_all(cases[start : start + batch])

    seconds = spent(together, device)
    print(told(f"score, {batch} together", seconds / len(cases), against=alone / len(cases)))
    screener = screener_of(Engine(engine.pack, device=device))
    if screener is not None and getattr(screener, "is_faster", False):
        screener.predict(cases[0])
        seconds = spent(lambda: [screener.predict(case) for case in cases], device)
        print(told("score, exported encoders", seconds / len(cases), against=alone / len(cases)))
    findings = 0

    def explain() -> None:
        nonlocal findings
        for case, prediction in zip(cases[:explained], found, strict=False):
            for gate in prediction.gate:
                if gate.verdict is not GateVerdict.WITHHELD:
                    engine.explain(case, gate.target)
                    findings += 1

    seconds = spent(explain, device) if explained else 0.0
    if findings:
        each = findings / explained
        print(told(f"explain all {each:.1f} shown targets", seconds / explained))
        print(told("score and explain", seconds / explained + alone / len(cases)))


def spent(work: Callable[[], object], device: str) -> float:
    """Return the seconds that ``work`` takes: of CPU, of decoding processes too, or on a GPU."""
    if device != "cpu":
        torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - started
    close_workers()
    before = sum(os.times()[:4])
    work()
    close_workers()  # what a process has used is known when it has ended
    return sum(os.times()[:4]) - before


def told(what: str, seconds: float, *, against: float | None = None) -> str:
    """Return one line."""
    ratio = "" if against is None else f"  {against / seconds:5.2f} x as many as one by one"
    return f"{what:44} {seconds:8.3f} s {DAY / seconds:12,.0f} a day{ratio}"


if __name__ == "__main__":
    typer.run(main)
