"""What scores and explains cases for others: an engine here, or one behind a model server."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mmcore.records import Case, Explanation, Instance, Modality, Note, PackIdentity, Prediction

if TYPE_CHECKING:
    from mmcore.explain.methods import MethodResult


class Scorer(Protocol):
    """One model that answers; ``mmcore.engine.Engine`` says what each of these gives."""

    def __hash__(self) -> int:
        """Two are the same only if they are one."""

    @property
    def identity(self) -> PackIdentity:
        """Name, version and digest of the pack."""

    @property
    def device(self) -> str:
        """Where the network lies, e.g. "cpu" or "cuda"."""

    @property
    def card_markdown(self) -> str:
        """The model card as Markdown."""

    @property
    def card_facts(self) -> Mapping[str, Any]:
        """The model facts of ``card.yaml``."""

    @property
    def target_names(self) -> Mapping[str, str]:
        """What a reader is shown for each target, by its name."""

    def warm_up(self) -> None:
        """Do what the first case would otherwise wait for."""

    def model_image(self, case: Case) -> Instance | None:
        """Return the instance that the model looks at, or None."""

    def model_note(self, case: Case) -> Note | None:
        """Return the note that the model reads, or None."""

    def predict(self, case: Case) -> Prediction:
        """Score every target of the case and judge whether each score may be shown."""

    def explain(
        self, case: Case, target: str, *, progress: Callable[[float, str], None] | None = None
    ) -> Explanation:
        """Return the ledger of one target."""

    def explain_with(
        self,
        case: Case,
        target: str,
        modality: Modality,
        method: str,
        *,
        baseline: str = "stored",
    ) -> "MethodResult":
        """Return the parts of one modality by another method."""

    def not_applicable(self, case: Case, target: str, modality: Modality) -> dict[str, str]:
        """Return of every method why it does not apply there, or ""."""


def load_scorer(folder: Path) -> Scorer:
    """Return what answers with the pack in ``folder``: an engine of this process, or a server's.

    A server where ``CONSILIUM_ENGINE_URL`` names one. Raises ``PackIntegrityError`` and
    ``ConfigError``.
    """
    from mmcore.scale.place import server_of_site

    server = server_of_site()
    if server is not None:
        from mmcore.scale.remote import RemoteEngine

        return RemoteEngine(folder, server)
    from mmcore.engine import Engine

    engine = Engine.load(folder)
    engine.warm_up()
    return engine
