"""Scoring a case, beside what a script around one DenseNet does with the image alone.

The script is the way of torchxrayvision's examples: pydicom, values to a fixed range, a square of
224 pixels, DenseNet-121 without gradients. Its weights are random: only its time is looked at. Ours
reads five inputs, checks and judges them, and asks all coalitions.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pydicom
import torch

from benchmarks.harness import Clock, Row, side_by_side
from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.intake import case_from_paths
from mmcore.model.vision import import_timm
from mmcore.packs import find_pack
from mmcore.simulate import sample_patient
from mmcore.simulate.cohort import write_patient

GROUP = "scoring"
SEED = 607
TRUTH = "truth.json"


def rows(rounds: int) -> Iterator[Row]:
    """Measure from files to scores, and its steps."""
    engine = Engine.load(find_pack(Path("phantom")))
    engine.warm_up()
    case, number = phantom_case(sample_patient(SEED, 0)), count()
    network = import_timm().create_model("densenet121", in_chans=1, num_classes=18).eval()

    def again() -> object:
        return engine.predict(replace(case, digest=f"case {next(number)}"))

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_patient(sample_patient(SEED, 0), folder)
        files = [path for path in sorted(folder.iterdir()) if path.name != TRUTH]
        film = next(path for path in files if path.suffix == ".dcm")

        def from_files() -> object:
            read = case_from_paths(files)
            return engine.predict(replace(read, digest=f"read {next(number)}"))

        def script() -> object:
            pixels = torch.from_numpy(pydicom.dcmread(film).pixel_array.astype("float32"))
            pixels = (pixels / pixels.max() * 2.0 - 1.0) * 1024.0
            square = torch.nn.functional.interpolate(pixels[None, None], (224, 224))
            with torch.no_grad():
                return network(square).sigmoid()

        works = {
            "five inputs, from files to judged scores": from_files,
            "one image, a script around DenseNet-121": script,
        }
        yield from side_by_side(GROUP, works, rounds=rounds, clock=Clock.WALL)
    whole = "score of a case in memory"
    steps = {whole: again, "of that, preparing its inputs": lambda: engine.prepare(case)}
    yield from side_by_side(GROUP, steps, rounds=rounds)
