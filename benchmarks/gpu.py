"""What a GPU makes of the model: achieved against what the device can do. Runs alone on such a one.

Run by hand: ``python benchmarks/gpu.py``. Prints, and with ``--out`` writes as JSON: the device's
own limits as measured (products of matrices in each precision, copies of memory, copies from the
host with and without pinned memory); for the whole network at several batch sizes and precisions,
eager, as CUDA graphs and compiled, cases a second and the part of the roofline that is reached
(Williams, Waterman and Patterson 2009); cases a second of the engine with and without explanation,
the answers of every way beside those in float32, and that running out of memory costs nothing.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.model.network import FusionNetwork
from mmcore.packs import find_pack
from mmcore.records import Case, Modality
from mmcore.simulate import sample_patient

SEED = 612
BATCHES = (1, 8, 32, 128)
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
SIZE = 4096  # rows of the matrices that are multiplied
BYTES = 256 * 2**20  # of a copy
GIGA, TERA = 1e9, 1e12

Inputs = dict[Modality, Tensor]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the device can do. products: TFLOP/s by precision. memory, host, pinned: GB/s."""

    device: str
    products: dict[str, float]
    memory: float
    host: float
    pinned: float


@dataclass(frozen=True, slots=True)
class Speed:
    """One way of running the network.

    reached: part of the roofline, the least time that products and memory allow. differs: largest
    difference of a logit from float32.
    """

    way: str
    precision: str
    batch: int
    milliseconds: float
    cases_per_second: float
    teraflops: float
    reached: float
    differs: float


class Whole(torch.nn.Module):
    """The whole network as one function of embedded inputs: what is captured and compiled."""

    def __init__(self, network: FusionNetwork, baseline: Inputs) -> None:
        super().__init__()
        self.network, self.baseline = network, baseline

    def forward(self, *embedded: Tensor) -> Tensor:
        """Return (B, K) logits."""
        modalities = self.network.modalities
        pairs = zip(modalities, embedded, strict=True)
        encoded = {m: self.network.encode(m, x) for m, x in pairs}
        return self.network.decide(encoded, self.baseline)


def seconds(work: Callable[[], object], device: torch.device, *, tries: int = 10) -> float:
    """Return the median seconds of ``work``, all of it done."""
    times = []
    for number in range(tries + 3):  # the first ones choose kernels
        _wait(device)
        started = time.perf_counter()
        work()
        _wait(device)
        if number >= 3:
            times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def limits(device: torch.device, size: int) -> Limits:
    """Measure the device itself."""
    products = {}
    for name, precision in PRECISIONS.items():
        a = torch.randn(size, size, device=device, dtype=precision or torch.float32)
        products[name] = 2.0 * size**3 / seconds(lambda a=a: a @ a, device) / TERA
    there = torch.empty(BYTES // 4, device=device)
    here = torch.empty(BYTES // 4)
    pinned = here.pin_memory() if device.type == "cuda" else here
    return Limits(
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        products=products,
        memory=2.0 * BYTES / seconds(lambda: there.clone(), device) / GIGA,
        host=BYTES / seconds(lambda: there.copy_(here), device) / GIGA,
        pinned=BYTES / seconds(lambda: there.copy_(pinned, non_blocking=True), device) / GIGA,
    )


def network_speeds(
    engine: Engine, case: Case, limit: Limits, options: argparse.Namespace
) -> Iterator[Speed]:
    """Yield the speed of every way of running the network."""
    one, whole = engine.with_ledger(case, next(iter(engine.target_names)), _as_one_function)
    device = one[0].device
    weights = sum(p.numel() for p in whole.network.parameters())
    for batch in options.batches:
        inputs = tuple(x.expand(batch, *x.shape[1:]).contiguous() for x in one)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            expected = whole(*inputs).float()
        flops = float(counter.get_total_flops())
        for precision, dtype in PRECISIONS.items():
            width = 4 if dtype is None else 2
            moved = width * (weights + 2 * sum(x.numel() for x in inputs))
            least = max(flops / (limit.products[precision] * TERA), moved / (limit.memory * GIGA))
            for way, prepare in _ways(device, options).items():
                work = prepare(whole, inputs, dtype)
                with torch.no_grad():
                    answer = work()
                    took = seconds(work, device, tries=options.tries)
                yield Speed(
                    way, precision, batch, 1000.0 * took, batch / took, flops / took / TERA,
                    least / took, float((answer.float() - expected).abs().max()),
                )  # fmt: skip


def _as_one_function(ledger: "object", _: object) -> tuple[tuple[Tensor, ...], Whole]:
    network = ledger.network  # type: ignore[attr-defined]
    own = tuple(ledger.embedded[m] for m in network.modalities)  # type: ignore[attr-defined]
    return own, Whole(network, dict(ledger.baseline)).eval()  # type: ignore[attr-defined]


Way = Callable[[Whole, tuple[Tensor, ...], torch.dtype | None], Callable[[], Tensor]]


def _ways(device: torch.device, options: argparse.Namespace) -> dict[str, Way]:
    ways: dict[str, Way] = {"eager": _eager}
    if device.type == "cuda":
        ways["CUDA graph"] = _graph
    if options.compile:
        ways["compiled"] = _compiled
    return ways


def _cast(device: torch.device, dtype: torch.dtype | None) -> AbstractContextManager[object]:
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)


def _eager(
    whole: Whole, inputs: tuple[Tensor, ...], dtype: torch.dtype | None
) -> Callable[[], Tensor]:
    def run() -> Tensor:
        with _cast(inputs[0].device, dtype):
            answer: Tensor = whole(*inputs)
            return answer

    return run


def _graph(
    whole: Whole, inputs: tuple[Tensor, ...], dtype: torch.dtype | None
) -> Callable[[], Tensor]:
    run = _eager(whole, inputs, dtype)
    side = torch.cuda.Stream()
    with torch.no_grad(), torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad(), torch.cuda.graph(graph):
        answer = run()

    def replay() -> Tensor:
        graph.replay()
        return answer

    return replay


def _compiled(
    whole: Whole, inputs: tuple[Tensor, ...], dtype: torch.dtype | None
) -> Callable[[], Tensor]:
    quick = torch.compile(whole, dynamic=False)

    def run() -> Tensor:
        with _cast(inputs[0].device, dtype):
            answer: Tensor = quick(*inputs)
            return answer

    return run


def throughput(engine: Engine, cases: list[Case], device: torch.device) -> dict[str, float]:
    """Return cases a second of the engine, from records to judged scores and explanations."""
    number = count()

    def fresh() -> list[Case]:
        return [replace(case, digest=f"{case.digest}-{next(number)}") for case in cases]

    def each() -> None:
        for case in fresh():
            engine.predict(case)

    def together() -> None:
        engine.predict_all(fresh())

    def explained() -> None:
        for case in fresh():
            engine.predict(case)
            engine.explain(case, next(iter(engine.target_names)))

    works = {"one by one": each, "together": together, "with one explanation each": explained}
    return {name: len(cases) / seconds(work, device, tries=3) for name, work in works.items()}


def survives_little_memory(engine: Engine, case: Case) -> bool:
    """Say whether a case is explained though other work holds nearly all of the memory."""
    expected = engine.explain(case, next(iter(engine.target_names)))
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    held = torch.empty(max(free - 64 * 2**20, 0), dtype=torch.uint8, device="cuda")
    try:
        fresh = replace(case, digest=f"{case.digest}-little-memory")
        found = engine.explain(fresh, next(iter(engine.target_names)))
    finally:
        del held
    return abs(found.logit - expected.logit) < 1e-2


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, default=Path("phantom"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--cases", type=int, default=32)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("no CUDA device here; --device cpu tries the script out")
    device = torch.device(options.device)
    engine = Engine.load(find_pack(options.pack), device=options.device)
    engine.warm_up()
    cases = [phantom_case(sample_patient(SEED, index)) for index in range(options.cases)]
    limit = limits(device, options.size)
    print(limit.device)
    for name, value in limit.products.items():
        print(f"  products in {name:9} {value:9.2f} TFLOP/s")
    print(
        f"  memory {limit.memory:.0f} GB/s; from the host {limit.host:.1f} GB/s, pinned "
        f"{limit.pinned:.1f} GB/s"
    )
    print("way         precision  batch       ms  cases/s  TFLOP/s  of roofline  logits differ by")
    speeds = []
    for speed in network_speeds(engine, cases[0], limit, options):
        speeds.append(speed)
        print(
            f"{speed.way:11} {speed.precision:9} {speed.batch:6} {speed.milliseconds:8.2f} "
            f"{speed.cases_per_second:8.1f} {speed.teraflops:8.3f} {speed.reached:12.1%} "
            f"{speed.differs:12.4f}",
            flush=True,
        )
    rates = throughput(engine, cases, device)
    for name, rate in rates.items():
        print(f"engine, {name:26} {rate:8.1f} cases/s")
    survived = None
    if device.type == "cuda":
        survived = survives_little_memory(engine, cases[0])
        print(f"explained with 64 MiB left: {'yes' if survived else 'NO'} ({engine.device})")
    if options.out:
        told = {
            "limits": asdict(limit), "speeds": [asdict(speed) for speed in speeds],
            "engine": rates, "survives": survived, "torch": torch.__version__,
        }  # fmt: skip
        options.out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
