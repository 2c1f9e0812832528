"""How many planted faults of an image the gate catches, and how many good films it stops."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mmcore.datasets.faults import FAULTS, plant
from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.phantoms import simulated
from mmcore.engine import Engine
from mmcore.errors import ConfigError
from mmcore.evaluate.card import gate_table, rewrite_card
from mmcore.evaluate.measure import read_cases, validation_only
from mmcore.evaluate.rates import rate
from mmcore.gate.quality import GOOD
from mmcore.gate.suitability import choose_image
from mmcore.records import Case, GateVerdict, Instance


@dataclass(frozen=True, slots=True)
class Judged:
    """One film and what became of it.

    planted: the fault, or "good". named: what its pixels looked like. verdict: the strictest on any
    target.
    """

    patient: str
    planted: str
    named: str
    verdict: GateVerdict

    @property
    def is_stopped(self) -> bool:
        """Whether a finding was withheld, or its pixels named faulty."""
        return self.verdict is GateVerdict.WITHHELD or self.named != GOOD


def judge_faults(engine: Engine, cases: Iterable[LabelledCase]) -> list[Judged]:
    """Return what the gate makes of every film alone, as it is and with each fault planted."""
    found = []
    for number, labelled in enumerate(tqdm(cases, desc="planting faults", unit=" films")):
        film, _ = choose_image(labelled.case.instances)
        if film is None:
            continue
        draw = np.random.default_rng(number)
        shown = chain(
            ((GOOD, film),), ((name, plant(film, fault, draw)) for name, fault in FAULTS.items())
        )
        for name, instance in shown:
            case = _alone(labelled.case, instance)
            gates = engine.predict(case).gate
            verdicts = {g.verdict for g in gates}
            worst = next(
                v
                for v in (GateVerdict.WITHHELD, GateVerdict.CAUTION, GateVerdict.SCORED)
                if v in verdicts
            )
            named, _ = engine.image_quality(case)
            found.append(Judged(labelled.patient, name, named, worst))
    return found


def gate_figures(judged: Iterable[Judged]) -> dict[str, dict[str, Any]]:
    """Return per fault how many films were stopped and how many rightly named.

    Of good films, how many were stopped: false alarms. "any fault" is over all that were planted.
    """
    rows = list(judged)
    figures = {}
    for name in (GOOD, *FAULTS):
        own = [row for row in rows if row.planted == name]
        figures[name.replace("-", " ")] = {
            "stopped": _figure(row.is_stopped for row in own),
            "named": _figure(row.named == name for row in own),
            "films": len(own),
        }
    faulty = [row for row in rows if row.planted != GOOD]
    figures["any fault"] = {
        "stopped": _figure(row.is_stopped for row in faulty),
        "named": _figure(row.named == row.planted for row in faulty),
        "films": len(faulty),
    }
    return figures


def measure_gate(folder: Path, *, data: Path | None, seed: int, patients: int) -> str:
    """Write into the pack's card what its gate catches on patients it was not trained on.

    Simulated ones of ``seed``, or the validation patients of ``data``. Return the table.
    """
    engine = Engine.load(folder)
    if engine.identity.is_simulated:
        cases = simulated(seed, patients)
        whom = f"{patients} simulated patients of seed {seed}"
        options = f" --patients {patients} --seed {seed}"
    elif data is not None:
        cases = validation_only(folder, read_cases(data))
        whom, options = "the validation patients", " --data FOLDER"
    else:
        raise ConfigError(key="data", problem="the folder of the validation patients is needed")
    figures = gate_figures(judge_faults(engine, cases))
    how = (
        f"On films of {whom}, none of them used to teach it: each alone, as it is and with every "
        "fault planted. Stopped: a finding withheld, or the pixels named faulty; of good films "
        "these are false alarms. In brackets the exact 95 % interval. Reproduce with `python -m "
        f"mmcore pack {engine.identity.name} --gate{options}`."
    )
    rewrite_card(folder, {"gate": {"how": how, "films": figures}})
    return gate_table(figures)


def _figure(answers: Iterable[bool]) -> dict[str, float | None]:
    found = rate(answers)
    return {key: found[key] for key in ("value", "low", "high")}


def _alone(case: Case, film: Instance) -> Case:
    """Return a case of this film and nothing else."""
    study = case.studies[0]
    series = replace(study.series[0], instances=(film,))
    return replace(
        case,
        digest=film.digest,
        studies=(replace(study, series=(series,)),),
        notes=(),
        observations=(),
        recordings=(),
        variants=(),
    )
