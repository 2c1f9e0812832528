"""A federated run as a YAML file: the run file of the model, and how the sites learn it together.

The file is a run file (mmcore/train/config.py) with one more section, ``federation``. Its ``data``
are the coordinator's own patients, not those of any site: scales, word pieces, the mean image,
calibration and the reference patients of the pack are made from them, so that nothing of the kind
has to leave a site.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import yaml

from mmcore.errors import ConfigError
from mmcore.model.config import read_section
from mmcore.records import Modality
from mmcore.simulate import FINDINGS
from mmcore.train.config import RunConfig, run_from

Algorithm = Literal["fedavg", "fedprox"]
NOISY = (Modality.IMAGE, Modality.RECORDING, Modality.OBSERVATIONS)
LEAST_SITES = 2
LEAST_SECURE = 3  # with two sites each could subtract its own weights from the mean


@dataclass(frozen=True, slots=True)
class SimulatedSite:
    """A made-up hospital whose patients differ from those of others.

    train, held_out: how many patients it learns from, and how many it is only measured on.
    odds: by finding, how many times as likely as others a patient with it is to come here.
    absent: by modality, the share of patients in whom it was not taken; 1 where it never is.
    noise: by modality, standard deviation of what its instruments add: of films in units of their
        range, of sound of full scale, of observations of the value itself.
    """

    train: int
    held_out: int
    odds: dict[str, float] = field(default_factory=dict)
    absent: dict[str, float] = field(default_factory=dict)
    noise: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.train > 0 and self.held_out > 0):
            raise ConfigError(key="federation.sites", problem="train and held_out must exceed 0")
        for name, odds in self.odds.items():
            if name not in FINDINGS or not odds > 0.0:
                problem = f"must exceed 0 and be of one of {', '.join(FINDINGS)}"
                raise ConfigError(key=f"federation.sites.odds.{name}", problem=problem)
        for name, share in self.absent.items():
            if name not in set(Modality) or not 0.0 <= share <= 1.0:
                problem = "must name a modality, with a share in [0, 1]"
                raise ConfigError(key=f"federation.sites.absent.{name}", problem=problem)
        for name, noise in self.noise.items():
            if name not in NOISY or not noise >= 0.0:
                problem = f"must not be negative and be of one of {', '.join(NOISY)}"
                raise ConfigError(key=f"federation.sites.noise.{name}", problem=problem)


@dataclass(frozen=True, slots=True)
class FederationConfig:
    """How sites learn together.

    algorithm: "fedavg" (McMahan et al. 2017), or "fedprox" (Li et al. 2020), which keeps what a
        site learns near to what all had by ``proximal`` / 2 times the squared distance.
    rounds: how often weights are averaged. local_epochs: of every site between two averages.
    least: sites without which a round does not count; it is then asked again.
    secure: whether the coordinator learns the sum alone and no site's weights (SecAgg+, Bell et
        al. 2020). span, most: where sums are secure, weights are whole numbers in a range: a weight
        beyond ``span`` and a site of more than ``most`` examinations are refused.
    patience: seconds for which a round is waited for before it is asked again.
    sites: simulated ones by name; empty where sites bring folders of patients. seed: of the
        simulated patients that they have. skip, pool: its first ``skip`` patients are left to the
        coordinator, and sites choose theirs, no patient twice, among the next ``pool``.
    deal: which of the ways to deal them out; another number gives sites other patients.
    """

    rounds: int
    algorithm: Algorithm = "fedavg"
    local_epochs: int = 1
    proximal: float = 0.0
    least: int = LEAST_SITES
    secure: bool = False
    span: float = 16.0
    most: int = 10_000
    patience: float = 3600.0
    seed: int = 0
    skip: int = 0
    pool: int = 0
    deal: int = 0
    sites: dict[str, SimulatedSite] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sites = {
            name: read_section(SimulatedSite, site, where=f"federation.sites.{name}")
            if isinstance(site, Mapping)
            else site
            for name, site in self.sites.items()
        }
        object.__setattr__(self, "sites", sites)
        if self.algorithm not in get_args(Algorithm):
            raise ConfigError(key="federation.algorithm", problem=f"{self.algorithm!r} is unknown")
        if (self.algorithm == "fedprox") != (self.proximal > 0.0):
            problem = "must exceed 0 for fedprox, and be left out for fedavg"
            raise ConfigError(key="federation.proximal", problem=problem)
        if not (self.rounds > 0 and self.local_epochs > 0 and self.patience > 0.0):
            problem = "rounds, local_epochs and patience must exceed 0"
            raise ConfigError(key="federation.rounds", problem=problem)
        few = LEAST_SECURE if self.secure else LEAST_SITES
        if self.least < few:
            problem = f"must be at least {few}" + (" where sums are secure" if self.secure else "")
            raise ConfigError(key="federation.least", problem=problem)
        if self.sites and len(self.sites) < self.least:
            problem = f"{len(self.sites)} are named, {self.least} are needed for a round"
            raise ConfigError(key="federation.sites", problem=problem)
        if not (self.span > 0.0 and self.most > 0):
            raise ConfigError(key="federation.span", problem="span and most must exceed 0")

    @property
    def words(self) -> str:
        """What a card says of how it was learned."""
        name = {"fedavg": "FedAvg", "fedprox": f"FedProx (mu {self.proximal:g})"}[self.algorithm]
        secure = ", sums by SecAgg+" if self.secure else ""
        return f"{name}, {self.rounds} rounds of {self.local_epochs} local epochs{secure}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A federated run: the model with the coordinator's own patients, and how sites learn it."""

    run: RunConfig
    federation: FederationConfig


def read_plan(path: Path) -> Plan:
    """Read a plan from YAML. Raises ``ConfigError`` naming the key at fault."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(key=path.name, problem=str(error)) from error
    if not isinstance(values, Mapping) or "federation" not in values:
        raise ConfigError(key=f"{path.name}: federation", problem="missing")
    federation = read_section(FederationConfig, values["federation"], where="federation")
    return Plan(
        _checked(run_from({k: v for k, v in values.items() if k != "federation"})), federation
    )


def _checked(run: RunConfig) -> RunConfig:
    """Refuse what needs more of a site's patients than their gradients."""
    for key, is_used in (
        ("relabel.folds", bool(run.relabel.folds)),
        ("start.text_epochs", bool(run.start.text_epochs)),
        ("alignment.epochs_before", bool(run.alignment.epochs_before)),
        ("training.patience", bool(run.training.patience)),
        ("training.lora", bool(run.training.lora)),
        ("loss.pos_weight_cap", run.loss.pos_weight_cap > 1.0),
    ):
        if is_used:
            raise ConfigError(key=key, problem="is not done in federated training; leave it out")
    return run
