"""An engine that is elsewhere: it looks like the local one and asks a model server.

What only reads a pack's head or a case is done here; numbers come from the server. While none
answers, a site may have them computed here instead, by the same pack.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from mmcore.errors import ModelServerError, PackIntegrityError
from mmcore.language import say, word
from mmcore.packs import identity_of
from mmcore.records import Case, Explanation, Instance, Modality, Note, Prediction
from mmcore.scale.asking import PATIENCE_SECONDS, ModelServer
from mmcore.scale.calls import Call, without_names
from mmcore.scale.place import ServerPlace
from mmcore.scale.wire import to_bytes

if TYPE_CHECKING:
    from mmcore.engine import Engine
    from mmcore.explain.methods import MethodResult

Found = TypeVar("Found")
SHORT_PATIENCE_SECONDS = 10.0  # where the answer can be computed here instead
REST_SECONDS = 30.0  # after a failure, for which nobody waits for the server again


class RemoteEngine:
    """The pack of a folder, run by a model server. Every method may be called by any thread."""

    def __init__(
        self,
        folder: Path,
        place: ServerPlace,
        *,
        server: ModelServer | None = None,
        load: "Callable[[Path], Engine] | None" = None,
    ) -> None:
        """Read the head of the pack; the server is not asked yet.

        load: of the engine that computes here where the site wants that. Raises
        ``PackIntegrityError``.
        """
        self.identity = identity_of(folder)
        try:
            head = yaml.safe_load((folder / "pack.yaml").read_text("utf-8"))
            self.card_facts: Mapping[str, Any] = yaml.safe_load(
                (folder / "card.yaml").read_text("utf-8")
            )
            self.card_markdown = (folder / "card.md").read_text("utf-8")
            self.target_names: Mapping[str, str] = {
                str(target["name"]): word(str(target["display"]))
                for target in head["model"]["targets"]
            }
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            problem = f"its head can not be read ({type(error).__name__})"
            raise PackIntegrityError(pack=folder.name, problem=problem) from error
        self._folder, self._has_fallback = folder, place.has_fallback
        patience = SHORT_PATIENCE_SECONDS if place.has_fallback else PATIENCE_SECONDS
        self._server = server or ModelServer(place, patience=patience)
        self._load = load or _load
        self._local: Engine | None = None
        self._lock = threading.Lock()
        self._rests_until = 0.0

    @property
    def device(self) -> str:
        """That it is a server, in a word; each prediction names the device it was made on."""
        return say("server")

    def warm_up(self) -> None:
        """Nothing to do: replicas warm up before they are asked."""

    def close(self) -> None:
        """Close the connections to the server."""
        self._server.close()

    def model_image(self, case: Case) -> Instance | None:
        """Return the instance that the model looks at, or None if none is suitable."""
        from mmcore.gate.suitability import choose_image

        return choose_image(case.instances)[0]

    def model_note(self, case: Case) -> Note | None:
        """Return the note that the model reads: the latest, or the first if none has a time."""
        from mmcore.modalities.note import choose_note

        return choose_note(case.notes)

    def predict(self, case: Case) -> Prediction:
        """Score every target of the case and judge whether each score may be shown.

        Raises ``NothingToScoreError``, ``NonFiniteResultError`` and ``ModelServerError``. A
        prediction that was computed here for want of a server says so.
        """

        def here(engine: "Engine", problem: str) -> Prediction:
            found = engine.predict(case)
            told = say("The model server {problem}; this was computed here.", problem=problem)
            return replace(found, notices=(*found.notices, told))

        return self._from(lambda: self._ask(Call.PREDICT, case, "prediction", Prediction), here)

    def explain(
        self, case: Case, target: str, *, progress: Callable[[float, str], None] | None = None
    ) -> Explanation:
        """Return the ledger of one target.

        Raises ``UnknownTargetError``, ``NothingToScoreError``, ``LedgerNotAdditiveError`` and
        ``ModelServerError``.
        """
        return self._from(
            lambda: self._ask(Call.EXPLAIN, case, "explanation", Explanation, target=target),
            lambda engine, _: engine.explain(case, target, progress=progress),
        )

    def explain_with(
        self,
        case: Case,
        target: str,
        modality: Modality,
        method: str,
        *,
        baseline: str = "stored",
    ) -> "MethodResult":
        """Return the parts of one modality by another method, for comparison with our own."""
        from mmcore.explain.methods import MethodResult

        return self._from(
            lambda: self._ask(
                Call.EXPLAIN_WITH, case, "result", MethodResult,
                target=target, modality=modality, method=method, baseline=baseline,
            ),
            lambda engine, _: engine.explain_with(
                case, target, modality, method, baseline=baseline
            ),
        )  # fmt: skip

    def not_applicable(self, case: Case, target: str, modality: Modality) -> dict[str, str]:
        """Return of every other method why it does not apply to the modality there, or ""."""
        return self._from(
            lambda: self._ask(
                Call.NOT_APPLICABLE, case, "reasons", dict[str, str],
                target=target, modality=modality,
            ),
            lambda engine, _: engine.not_applicable(case, target, modality),
        )  # fmt: skip

    def _ask(
        self, call: Call, case: Case, name: str, kind: type[Found], **arguments: object
    ) -> Found:
        if case.attachments:
            problem = say("takes no inputs of further kinds")
            raise ModelServerError(problem=problem, may_pass=False)
        message = to_bytes({"case": without_names(case), **arguments})
        return self._server.ask(self.identity.digest, call, message).take(name, kind)

    def _from(self, remote: Callable[[], Found], local: "Callable[[Engine, str], Found]") -> Found:
        """Return the server's answer; where the site wants that, our own while there is none."""
        if not self._has_fallback:
            return remote()
        problem: str = say("can not be reached")
        if time.monotonic() >= self._rests_until:
            try:
                return remote()
            except ModelServerError as error:
                self._rests_until = time.monotonic() + REST_SECONDS * error.may_pass
                problem = error.problem
        return local(self._engine(), problem)

    def _engine(self) -> "Engine":
        with self._lock:
            if self._local is None:
                self._local = self._load(self._folder)
            return self._local


def _load(folder: Path) -> "Engine":
    from mmcore.engine import Engine

    engine = Engine.load(folder)
    engine.warm_up()
    return engine
