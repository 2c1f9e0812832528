"""What a private training has spent: one entry per step that added noise, kept with the weights."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from mmcore.errors import ConfigError, MissingLibraryError
from mmcore.private.config import PrivacyConfig


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent, as a card says it.

    epsilon at ``delta``, after ``steps`` of ``planned``. rate: the chance of a patient to be in a
    step, each on its own. noise: standard deviation of the noise over ``clip``, the largest norm of
    a patient's gradient. patients: who are protected.
    """

    epsilon: float
    delta: float
    steps: int
    planned: int
    rate: float
    noise: float
    clip: float
    accountant: str
    patients: int

    @property
    def words(self) -> str:
        """What a person is told."""
        return (
            f"epsilon {self.epsilon:.2f} at delta {self.delta:g} for each of {self.patients} "
            f"training patients ({self.steps} steps, {self.accountant.upper()} accountant, chance "
            f"of a patient in a step {self.rate:.4f}, gradients cut at {self.clip:g}, noise "
            f"{self.noise:.3f} of that)"
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values for the card."""
        return {**asdict(self), "epsilon": round(self.epsilon, 4), "noise": round(self.noise, 4)}


class Ledger:
    """The account of one run: what a step costs is settled before the first, and each is counted.

    Of Opacus this uses the accountants. Raises ``MissingLibraryError`` where it is not installed,
    and ``ConfigError`` if ``delta`` promises nothing or the budget is too small for any noise.
    """

    def __init__(
        self, config: PrivacyConfig, *, patients: int, batch_size: int, steps: int
    ) -> None:
        if not config.delta < 1.0 / patients:
            problem = f"is {config.delta:g}; with {patients} patients it must be below 1/{patients}"
            raise ConfigError(key="privacy.delta", problem=problem)
        if not 0 < batch_size <= patients:
            problem = f"is {batch_size}; there are {patients} patients to draw from"
            raise ConfigError(key="training.batch_size", problem=problem)
        try:
            from opacus.accountants import create_accountant
            from opacus.accountants.utils import get_noise_multiplier
        except ImportError as error:
            raise MissingLibraryError(
                what="private training", requirements="requirements-private.txt"
            ) from error
        self.config = config
        self.patients = patients
        self.rate = batch_size / patients
        self.planned = steps
        try:
            with _bounds_may_be_loose():
                self.noise = float(
                    get_noise_multiplier(
                        target_epsilon=config.epsilon, target_delta=config.delta,
                        sample_rate=self.rate, steps=steps, accountant=config.accountant,
                    )
                )  # fmt: skip
        except ValueError as error:
            problem = f"{config.epsilon:g} is too little for {steps} steps of this size"
            raise ConfigError(key="privacy.epsilon", problem=problem) from error
        self._accountant = create_accountant(mechanism=config.accountant)

    def count(self) -> None:
        """Enter one step. Raises ``ConfigError`` rather than spend more than was planned."""
        if self.steps >= self.planned:
            problem = f"all {self.planned} steps that the budget was made for are taken"
            raise ConfigError(key="privacy.epsilon", problem=problem)
        self._accountant.step(noise_multiplier=self.noise, sample_rate=self.rate)

    @property
    def steps(self) -> int:
        """How many steps are counted; equal ones in a row are one entry of Opacus's history."""
        return sum(int(count) for _, _, count in self._accountant.history)

    def spent(self) -> Spent:
        """Return what is spent so far."""
        config = self.config
        with _bounds_may_be_loose():
            epsilon = float(self._accountant.get_epsilon(delta=config.delta)) if self.steps else 0.0
        return Spent(
            epsilon, config.delta, self.steps, self.planned, self.rate, self.noise, config.clip,
            config.accountant, self.patients,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        stored = dict(self._accountant.state_dict())
        return {"mechanism": stored["mechanism"], "history": [list(x) for x in stored["history"]]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint kept.

        Raises ``ConfigError`` if it was kept under another noise or rate: its steps can not be
        added to a plan that does not know them.
        """
        history = [tuple(entry) for entry in state["history"]]
        now = (self.config.accountant, self.noise, self.rate)
        if any((state["mechanism"], noise, rate) != now for noise, rate, _ in history):
            problem = "the run in this folder was begun with another budget; use another folder"
            raise ConfigError(key="privacy", problem=problem)
        self._accountant.load_state_dict({"mechanism": state["mechanism"], "history": history})


@contextmanager
def _bounds_may_be_loose() -> Iterator[None]:
    """Let "rdp" give a bound that more of its orders would tighten: it holds all the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Optimal order is the")
        yield
