"""How private a training is: the section ``privacy`` of a run file."""

from dataclasses import dataclass
from typing import Literal, get_args

from mmcore.errors import ConfigError

Accountant = Literal["prv", "rdp"]


@dataclass(frozen=True, slots=True)
class PrivacyConfig:
    """A run is (epsilon, delta)-differentially private for one training patient more or less.

    epsilon: what all steps together may spend; the noise is chosen by it. delta: must be below one
        in as many as there are patients.
    clip: the largest norm of the gradient of one patient; longer ones are cut to it.
    accountant: "prv" (Gopi et al. 2021), tighter, or "rdp" (Mironov 2017).
    """

    epsilon: float
    delta: float
    clip: float = 1.0
    accountant: Accountant = "prv"

    def __post_init__(self) -> None:
        if not self.epsilon > 0.0:
            raise ConfigError(key="privacy.epsilon", problem="must exceed 0")
        if not 0.0 < self.delta < 1.0:
            raise ConfigError(key="privacy.delta", problem="must lie between 0 and 1")
        if not self.clip > 0.0:
            raise ConfigError(key="privacy.clip", problem="must exceed 0")
        if self.accountant not in get_args(Accountant):
            problem = f"{self.accountant!r} is unknown; known: {', '.join(get_args(Accountant))}"
            raise ConfigError(key="privacy.accountant", problem=problem)
