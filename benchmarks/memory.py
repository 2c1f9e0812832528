"""Memory of a process that scores and explains, step by step, each in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.harness import ROOT, Row, single

GROUP = "memory of the process at its highest"
_HEAD = "import resource\n"
_TAIL = "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
_LOAD = """
from pathlib import Path
from mmcore.engine import Engine
from mmcore.packs import find_pack
engine = Engine.load(find_pack(Path("phantom")))
engine.warm_up()
"""
_SCORE = """
from mmcore.datasets.phantoms import phantom_case
from mmcore.simulate import sample_patient
cases = [phantom_case(sample_patient(610, n)) for n in range(4)]
for case in cases:
    engine.predict(case)
"""
_EXPLAIN = """
for case in cases:
    for target in list(engine.target_names)[:3]:
        engine.explain(case, target)
"""
STEPS = {
    "torch alone": "import torch\n",
    "model loaded": _LOAD,
    "four cases scored": _LOAD + _SCORE,
    "four cases explained": _LOAD + _SCORE + _EXPLAIN,
}


def rows(rounds: int) -> Iterator[Row]:
    """Measure every step in MiB."""
    for name, code in STEPS.items():
        values = [_highest(code) for _ in range(min(rounds, 3))]
        yield single(GROUP, name, values, "MiB")


def _highest(code: str) -> float:
    answer = subprocess.run(
        [sys.executable, "-c", _HEAD + code + _TAIL], cwd=ROOT, check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    return int(answer.stdout.split()[-1]) / 1024.0
