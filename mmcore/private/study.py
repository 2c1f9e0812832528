"""What privacy costs and what it buys: figures at several epsilons, and the attack on them.

Both train the model of one run file again and again on simulated patients.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mmcore.errors import ConfigError
from mmcore.evaluate.resample import Figure, resample
from mmcore.federated.judging import answers, macro_auroc, truths
from mmcore.model.network import FusionNetwork
from mmcore.private.config import PrivacyConfig
from mmcore.private.ledger import Spent
from mmcore.private.membership import Attack, attack
from mmcore.train.config import RunConfig, read_run
from mmcore.train.dataset import TrainingSet
from mmcore.train.run import fit, fit_privately
from mmcore.train.sources import Source, open_source


@dataclass(frozen=True, slots=True)
class Point:
    """One training: what it spent, None without privacy, and its macro AUROC on others."""

    spent: Spent | None
    auroc: Figure
    seconds: float


@dataclass(frozen=True, slots=True)
class Attacked:
    """What an attacker tells of models trained one way; epsilon None without privacy."""

    epsilon: float | None
    attack: Attack


def measure_curve(path: Path, *, epsilons: Sequence[float], work: Path) -> list[Point]:
    """Train without privacy and with every epsilon; measure all on the run's validation patients.

    These gave scales and word pieces, and no training saw them.
    """
    run = _private_run(path)
    assert run.privacy is not None  # _private_run refuses a run without it
    source = open_source(run, work=work, data=None)
    truth = truths(source.validation)
    points = []
    for epsilon in (None, *epsilons):
        with tempfile.TemporaryDirectory() as folder:
            privacy = None if epsilon is None else replace(run.privacy, epsilon=epsilon)
            network, spent, seconds = _fitted(run, source, privacy, Path(folder))
        statistic = macro_auroc(truth, answers(network.cpu(), source.validation))
        auroc = resample(statistic, rows=len(truth))["macro"].figure()
        points.append(Point(spent, auroc, seconds))
    return points


def measure_attack(
    path: Path,
    *,
    epsilons: Sequence[float],
    work: Path,
    patients: int,
    epochs: int,
    models: int,
) -> list[Attacked]:
    """Attack models of a deliberately over-fitted setting, without privacy and with every epsilon.

    patients: the first ones of the run, of whom each model learns from one half. epochs: many, so
    that models without privacy learn their patients by heart. No dropout helps against that. The
    count is that of "rdp", which is quick and gives a little more noise than "prv".
    """
    run = _private_run(path)
    assert run.privacy is not None  # _private_run refuses a run without it
    source = open_source(run, work=work, data=None)
    fusion = replace(source.model.fusion, dropout=0.0)
    source = replace(source, model=replace(source.model, fusion=fusion))
    size = min(run.training.batch_size, patients // 4)
    training = replace(run.training, epochs=epochs, batch_size=size, modality_dropout=0.0)
    promised = replace(run.privacy, delta=min(run.privacy.delta, 0.5 / patients), accountant="rdp")
    pool = source.train.subset(range(patients))
    found = []
    for epsilon in (None, *epsilons):
        privacy = None if epsilon is None else replace(promised, epsilon=epsilon)

        def train(
            part: TrainingSet, number: int, privacy: PrivacyConfig | None = privacy
        ) -> FusionNetwork:
            own = replace(run, training=replace(training, seed=number))
            with tempfile.TemporaryDirectory() as folder:
                return _fitted(own, replace(source, train=part), privacy, Path(folder))[0]

        found.append(Attacked(epsilon, attack(pool, train, models=models)))
    return found


def _private_run(path: Path) -> RunConfig:
    run = read_run(path)
    if run.privacy is None or run.data.kind != "phantom":
        raise ConfigError(
            key="privacy", problem="is missing, or the run is not of simulated patients"
        )
    return run


def _fitted(
    run: RunConfig, source: Source, privacy: PrivacyConfig | None, folder: Path
) -> tuple[FusionNetwork, Spent | None, float]:
    """Train once; both ways without validation losses, which cost time and change nothing."""
    quiet = replace(source, validation=source.validation.subset([0]))
    if privacy is None:
        plain = replace(run, privacy=None)
        network, seconds = fit(plain, quiet, folder=folder)
        return network, None, seconds
    told, network, seconds = fit_privately(replace(run, privacy=privacy), quiet, folder=folder)
    return network, Spent(**told.card["privacy"]), seconds


def curve_markdown(points: Sequence[Point]) -> str:
    """Return the table of a curve."""
    rows = [
        "| Epsilon | Delta | Noise | Steps | Macro AUROC | Seconds |",
        "|---|---|---|---|---|---|",
    ]
    for point in points:
        figure = _figure(point.auroc)
        s = point.spent
        told = (
            "none | | | "
            if s is None
            else f"{s.epsilon:.2f} | {s.delta:g} | {s.noise:.2f} | {s.steps}"
        )
        rows.append(f"| {told} | {figure} | {point.seconds:.0f} |")
    return "\n".join(rows)


def attack_markdown(found: Sequence[Attacked]) -> str:
    """Return the table of an attack."""
    rows = [
        "| Epsilon | AUROC on own minus on other patients | Likelihood ratio | Loss alone |",
        f"|{'---|' * 4}",
    ]
    for one in found:
        epsilon = "none" if one.epsilon is None else f"{one.epsilon:g}"
        ratio, loss = (_figure(figure) for figure in (one.attack.ratio, one.attack.loss))
        rows.append(f"| {epsilon} | {one.attack.gap:+.3f} | {ratio} | {loss} |")
    return "\n".join(rows)


def _figure(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def as_json(rows: Sequence[Point] | Sequence[Attacked]) -> str:
    """Return either table as JSON."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"
