"""How the cost of a case grows: with inputs, length of a note, slices, findings and threads."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import torch

from benchmarks.harness import Clock, Row, side_by_side
from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.modalities.image import ImageConfig
from mmcore.modalities.note import NoteConfig
from mmcore.packs import find_pack
from mmcore.records import Case, Instance, Modality, Note, Patient, Series, Study
from mmcore.simulate import sample_patient
from mmcore.simulate.ct import sample_ct
from tests.unit.modalities.untrained import untrained_pack

SEED = 608
WORDS = (25, 50, 100, 200)
SLICES = (4, 8, 16, 32)
FINDINGS = (1, 2, 3, 6)
PATIENTS = 16  # so many references a pack holds
FEWEST = 12  # slices that intake takes for a series
INPUTS, NOTES, STACKS = "inputs of a case", "words of a note", "slices of a CT"
SEVERAL, THREADS = "findings explained", "threads"
_EMPTY: dict[Modality, dict[str, object]] = {
    Modality.IMAGE: {"studies": ()},
    Modality.NOTE: {"notes": ()},
    Modality.OBSERVATIONS: {"observations": ()},
    Modality.RECORDING: {"recordings": ()},
    Modality.VARIANTS: {"variants": ()},
}


def rows(rounds: int) -> Iterator[Row]:
    """Measure along every axis."""
    engine = Engine.load(find_pack(Path("phantom")))
    engine.warm_up()
    number = count()
    case = phantom_case(sample_patient(SEED, 0))

    def work(of: Case, findings: int, using: Engine = engine) -> object:
        fresh = replace(of, digest=f"case {next(number)}")
        using.predict(fresh)
        names = list(using.target_names)[:findings]
        return [using.explain(fresh, name) for name in names]

    for n in range(1, len(_EMPTY) + 1):
        some = _with_inputs(case, list(_EMPTY)[:n])
        works = {f"{n}": lambda some=some: work(some, 1)}
        yield from side_by_side(INPUTS, works, rounds=rounds, x=n)
    for n in WORDS:
        words = (case.notes[0].text.split() * n)[:n]
        some = replace(case, notes=(replace(case.notes[0], text=" ".join(words)),))
        works = {f"{n}": lambda some=some: work(some, 1)}
        yield from side_by_side(NOTES, works, rounds=rounds, x=n)
    for n in FINDINGS:
        works = {f"{n}": lambda n=n: work(case, n)}
        yield from side_by_side(SEVERAL, works, rounds=rounds, x=n)
    for n in SLICES:
        cases = _labelled(n)
        with tempfile.TemporaryDirectory() as place:
            stacked = Engine.load(untrained_pack(Path(place) / "pack", _inputs(n), cases))
            stacked.warm_up()
            scan = cases[1].case
            works = {f"{n}": lambda s=stacked, c=scan: work(c, 1, s)}
            yield from side_by_side(STACKS, works, rounds=rounds, x=n)
    before = torch.get_num_threads()
    for n in (1, 2):
        torch.set_num_threads(n)
        works = {f"{n}": lambda: work(case, 1)}
        yield from side_by_side(THREADS, works, rounds=rounds, x=n, clock=Clock.WALL)
    torch.set_num_threads(before)


def _with_inputs(case: Case, wanted: list[Modality]) -> Case:
    for modality, empty in _EMPTY.items():
        if modality not in wanted:
            case = replace(case, **empty)
    return case


def _inputs(slices: int) -> dict[Modality, object]:
    """Return a small reader of CT series; its weights are random, its sizes those of phantom."""
    return {
        Modality.IMAGE: ImageConfig(
            "cnn", 128, 1, {"channels": (16, 32, 64, 96)}, mean=0.4, std=0.3, slices=slices
        ),
        Modality.NOTE: NoteConfig(
            max_tokens=32, name="lstm", arguments={"vocab_size": 300, "embedding": 8, "hidden": 8}
        ),
    }


def _labelled(slices: int) -> list[LabelledCase]:
    found = []
    for index in range(PATIENTS):
        ct = sample_ct(SEED, index, slices=max(slices, FEWEST), rows=128)
        digest = f"ct-{index}-{slices}"
        stack = tuple(
            Instance(
                f"{digest}-{n}", f"{n}", "1", "CT", pixels[None], value_unit="HU",
                body_part="CHEST", patient_orientation=("L", "P"),
            )
            for n, pixels in enumerate(ct.values)
        )  # fmt: skip
        study = Study("", "", None, None, (Series("", "CT", "", stack),))
        notes = (Note(digest, sample_patient(SEED, index, rows=64).note),)
        labels = {name: float(index % 2) for name in ("nodule", "effusion")}
        case = Case(digest, Patient(), studies=(study,), notes=notes)
        found.append(LabelledCase(case, f"p{index}", labels))
    return found
