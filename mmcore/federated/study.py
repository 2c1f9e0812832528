"""Whether learning together is worth it: sites alone, all patients in one place, and federated.

Every way starts from the same weights and sees as many epochs of the same patients, and is measured
on patients of every site that nobody learned from. Federated training is Flower's simulation.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from mmcore.errors import FederationError
from mmcore.evaluate.compare import Difference, compare_statistics
from mmcore.evaluate.resample import Figure, FloatArray, resample
from mmcore.federated.coordinator import Coordinator, open_coordinator
from mmcore.federated.judging import answers, macro_auroc, truths
from mmcore.federated.learner import Turn, learn
from mmcore.federated.plan import Plan, read_plan
from mmcore.federated.sites import Site, read_site, write_sites
from mmcore.federated.weights import put_weights
from mmcore.train.dataset import TrainingSet

CPU = torch.device("cpu")
CENTRAL, ALONE, TOGETHER = "central", "alone", "all sites"
WAYS = ("fedavg", "fedprox")
Said = dict[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Line:
    """What one way of training gave at one site, or over all of them.

    auroc: macro over the findings. against: paired difference to each of the other ways, this one
    minus that one.
    """

    deal: int
    site: str
    way: str
    auroc: Figure
    against: Mapping[str, Difference]


def compare_ways(path: Path, *, work: Path, deals: Sequence[int]) -> list[Line]:
    """Train every way on every deal of patients; return the lines of all sites.

    ``work`` keeps shards and what every way said, so that a stopped comparison goes on.
    """
    return [line for deal in deals for line in _compared(path, deal, work=work)]


def _compared(path: Path, deal: int, *, work: Path) -> list[Line]:
    folder = work / f"compare-{deal}"
    folder.mkdir(parents=True, exist_ok=True)
    plan = read_plan(_write_variant(path, folder / "plan.yaml", deal=deal))
    coordinator = open_coordinator(plan, work=work)
    folders = write_sites(plan, folder / "sites", work=work)
    model, words = coordinator.brief.model, coordinator.brief.tokenizer
    sites = [read_site(one, model, words) for one in folders]

    def federated(way: str) -> Said:
        return _federated(path, coordinator, sites, folder=folder, way=way, work=work)

    said = {
        CENTRAL: _kept(folder / "central.npz", lambda: _central(coordinator, sites)),
        ALONE: _kept(folder / "alone.npz", lambda: _alone(coordinator, sites)),
        **{way: _kept(folder / f"{way}.npz", partial(federated, way)) for way in WAYS},
    }
    return lines_of(deal, {site.name: truths(site.held_out) for site in sites}, said)


def lines_of(deal: int, truth: Said, said: Mapping[str, Said]) -> list[Line]:
    """Return a line for each model and site. truth: what is so; said: what each model says."""
    truth = {**truth, TOGETHER: np.concatenate(list(truth.values()))}
    said = {
        way: {**own, TOGETHER: np.concatenate([own[s] for s in truth if s != TOGETHER])}
        for way, own in said.items()
    }
    lines = []
    for site, labels in truth.items():
        statistics = {way: macro_auroc(labels, own[site]) for way, own in said.items()}
        for way, statistic in statistics.items():
            against = {
                other: compare_statistics(than, statistic, rows=len(labels))["macro"]
                for other, than in statistics.items()
                if way in WAYS and other not in WAYS
            }
            figure = resample(statistic, rows=len(labels))["macro"].figure()
            lines.append(Line(deal, site, way, figure, against))
    return lines


def _central(coordinator: Coordinator, sites: Sequence[Site]) -> Said:
    return _taught(coordinator, joined([site.train for site in sites]), sites, name=CENTRAL)


def _alone(coordinator: Coordinator, sites: Sequence[Site]) -> Said:
    said: Said = {}
    for site in sites:
        said |= _taught(coordinator, site.train, [site], name=site.name)
    return said


def _taught(
    coordinator: Coordinator, patients: TrainingSet, sites: Sequence[Site], *, name: str
) -> Said:
    """Train in one place for as many epochs as a site sees in all its rounds."""
    learner = coordinator.brief.build_learner()
    put_weights(learner, coordinator.first_weights(Path()))
    brief = coordinator.brief
    turn = Turn(0, 1, brief.rounds * brief.epochs, 0.0)
    learn(learner, patients, brief.training, turn, site=name, device=CPU)
    return {site.name: answers(learner.network, site.held_out) for site in sites}


def _federated(
    path: Path,
    coordinator: Coordinator,
    sites: Sequence[Site],
    *,
    folder: Path,
    way: str,
    work: Path,
) -> Said:
    """Train with Flower, as a person would: by the command, in a process of its own."""
    from mmcore.federated.server import read_progress

    deal = coordinator.plan.federation.deal
    own = _write_variant(path, folder / f"{way}.yaml", deal=deal, way=way)
    runs = folder / way
    runs.mkdir(exist_ok=True)
    if not (runs / "cohorts").exists():
        (runs / "cohorts").symlink_to((work / "cohorts").resolve())
    command = [
        sys.executable, "-m", "mmcore", "federated", "simulate", str(own),
        *(str(folder / "sites" / site.name) for site in sites),
        "--out", str(runs / "pack"), "--work", str(runs),
    ]  # fmt: skip
    subprocess.run(command, check=False)
    progress = read_progress(runs / coordinator.plan.run.name)
    if progress is None or progress.rounds < coordinator.plan.federation.rounds:
        raise FederationError(problem=f"{way} did not end; its folder is {runs}")
    learner = coordinator.brief.build_learner()
    put_weights(learner, progress.weights)
    return {site.name: answers(learner.network, site.held_out) for site in sites}


def joined(parts: Sequence[TrainingSet]) -> TrainingSet:
    """Return the examinations of several sites as if they were in one place."""
    first = parts[0]

    def cat(values: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
        known = [value for value in values if value is not None]
        return torch.cat(known) if known else None

    presence, labels = cat([p.presence for p in parts]), cat([p.labels for p in parts])
    assert presence is not None  # every set has both
    assert labels is not None
    return replace(
        first,
        inputs={m: torch.cat([p.inputs[m] for p in parts]) for m in first.inputs},
        presence=presence,
        labels=labels,
        regions=cat([p.regions for p in parts]),
        known=cat([p.known for p in parts]),
        patients=tuple(f"{n}/{who}" for n, p in enumerate(parts) for who in p.patients),
        subgroups={},
    )


def _write_variant(path: Path, out: Path, *, deal: int, way: str = "") -> Path:
    """Write the plan with another deal of patients and another seed, and one algorithm."""
    values: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    federation = {**values["federation"], "deal": deal}
    if way:
        federation["algorithm"] = way
        if way == "fedavg":
            federation.pop("proximal", None)
    training = {**values["training"], "seed": values["training"]["seed"] + deal}
    text = yaml.safe_dump({**values, "training": training, "federation": federation})
    out.write_text(text, "utf-8")
    return out


def _kept(path: Path, make: Callable[[], Said]) -> Said:
    """Return what was said, made once and kept."""
    if not path.exists():
        np.savez(path, **make())  # type: ignore[arg-type] # numpy's stub takes no **arrays of unknown keys
    with np.load(path, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def as_markdown(lines: Sequence[Line], plan: Plan) -> str:
    """Return the table of a comparison, a row for each deal and site."""
    counts = {name: f" ({site.train})" for name, site in plan.federation.sites.items()}
    heads = ["Deal", "Site (learns from)", "Central", "Alone"]
    heads += [f"{way}{of}" for way in WAYS for of in ("", " minus central", " minus alone")]
    rows = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for deal, site in dict.fromkeys((line.deal, line.site) for line in lines):
        own = {line.way: line for line in lines if (line.deal, line.site) == (deal, site)}
        cells = [str(deal), f"{site}{counts.get(site, '')}"]
        cells += [_figure(own[way].auroc) for way in (CENTRAL, ALONE)]
        for way in WAYS:
            against = own[way].against
            cells.append(_figure(own[way].auroc))
            cells += [_difference(against[other]) for other in (CENTRAL, ALONE)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def as_json(lines: Sequence[Line]) -> str:
    """Return the lines as JSON."""
    return json.dumps([asdict(line) for line in lines], indent=1) + "\n"


def _figure(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _difference(difference: Difference) -> str:
    return f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"
