"""Studies scored by the processes of a Ray cluster. The door to ray.data.

Imported only where ``requirements-scale.txt`` is installed; see ``mmcore/scale/cluster.py``.
"""

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from mmcore.errors import (
    FileRefusedError,
    MissingLibraryError,
    MMCoreError,
    NothingToScoreError,
    PeerConfigError,
    PeerError,
)
from mmcore.intake import case_from_files
from mmcore.language import joined, say
from mmcore.records import Case, FileVerdict, Prediction
from mmcore.scale.archive import Outcome
from mmcore.scale.cluster import need_places
from mmcore.scale.rows import not_scored, scored
from mmcore.scale.studies import Source, StudyAt

if TYPE_CHECKING:
    from mmcore.screening import Predicts

Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spreading:
    """How an archive is spread. workers: processes. cpus, gpus: of each; gpus may be a part."""

    workers: int = 1
    cpus: float = 1.0
    gpus: float = 0.0


class Scoring:
    """One process with one engine, which scores batches of studies."""

    def __init__(self, folder: str, source: Source, device: str, threads: int) -> None:
        """Load the pack."""
        import torch

        from mmcore.engine import Engine
        from mmcore.screening import screener_of

        torch.set_num_threads(threads)
        self._source = source
        self._engine = Engine.load(Path(folder), device=device)
        self._engine.warm_up()
        self._screener: Predicts = self._engine
        with suppress(MissingLibraryError):  # then the network itself answers
            self._screener = screener_of(self._engine)

    def __call__(self, batch: Columns) -> Columns:
        """Return outcomes as JSON, one for each study of the batch."""
        outcomes = self.outcomes([_study(text) for text in batch["study"]])
        return {"outcome": [json.dumps(asdict(one), default=_plain) for one in outcomes]}

    def outcomes(self, studies: Sequence[StudyAt]) -> list[Outcome]:
        """Return what became of each study; nothing that one of them holds costs another."""
        outcomes: dict[str, Outcome] = {}
        cases: list[tuple[StudyAt, Case, float]] = []
        for study in studies:
            started = time.perf_counter()
            try:
                case = case_from_files(self._source.load(study))
                cases.append((study, case, time.perf_counter() - started))
            except PeerError as error:
                outcomes[study.key] = self._failed(study, error, may_pass=error.may_pass)
            except (PeerConfigError, OSError) as error:
                outcomes[study.key] = self._failed(study, error, may_pass=True)
            except Exception as error:  # noqa: BLE001 - one bad study must not end the archive
                outcomes[study.key] = self._failed(study, error)
        found, each = self._predictions([case for _, case, _ in cases])
        for (study, case, seconds), prediction in zip(cases, found, strict=True):
            if isinstance(prediction, Prediction):
                row = scored(study, case, prediction, seconds=seconds + each)
                outcomes[study.key] = Outcome(study.key, row)
            else:
                outcomes[study.key] = self._failed(study, prediction, case=case)
        return [outcomes[study.key] for study in studies]

    def _predictions(self, cases: Sequence[Case]) -> tuple[list[Prediction | Exception], float]:
        """Return what is said of each case, and the seconds that each took on average."""
        started = time.perf_counter()
        found: list[Prediction | Exception] = []
        try:
            if self._screener is self._engine or self._engine.device != "cpu":
                found.extend(self._engine.predict_all(cases))
        except Exception:  # noqa: BLE001 - one by one, so that it costs the one it is due to
            found.clear()
        for case in cases[len(found) :]:
            try:
                found.append(self._screener.predict(case))
            except Exception as error:  # noqa: BLE001 - the failure of this case
                found.append(error)
        return found, (time.perf_counter() - started) / max(1, len(cases))

    def _failed(
        self, study: StudyAt, error: Exception, *, case: Case | None = None, may_pass: bool = False
    ) -> Outcome:
        reason = _reason(error, case)
        if may_pass:
            return Outcome(study.key, None, reason)
        return Outcome(study.key, not_scored(study, self._engine.identity, reason, case=case))


class RaySpread:
    """Scores the studies of a source with a pack on the Ray that this process has joined."""

    def __init__(self, folder: Path, source: Source, how: Spreading) -> None:
        """Remember what to do; nothing starts yet."""
        self._folder, self._source, self._how = folder, source, how

    def __call__(self, studies: Sequence[StudyAt], batch: int) -> Iterator[Outcome]:
        """Yield outcomes as they come; those of a process that died twice are left out.

        Raises ``ConfigError`` where Ray has no room for all workers.
        """
        how = self._how
        need_places(how.workers, cpus=how.cpus, gpus=how.gpus)
        device = "cuda" if how.gpus else "cpu"
        context = ray.data.DataContext.get_current()
        context.max_errored_blocks = -1  # a batch that is lost is told apart by who is missing
        context.enable_progress_bars = False
        todo = ray.data.from_items(
            [{"study": json.dumps(asdict(study))} for study in studies],
            override_num_blocks=math.ceil(len(studies) / batch),
        )
        spread = todo.map_batches(
            Scoring,
            fn_constructor_args=(str(self._folder), self._source, device, max(1, int(how.cpus))),
            batch_size=batch,
            compute=ray.data.ActorPoolStrategy(size=how.workers),
            num_cpus=how.cpus,
            num_gpus=how.gpus,
            max_restarts=-1,
            max_task_retries=1,
        )
        for row in spread.iter_rows():
            found = json.loads(row["outcome"])
            if found["row"] is not None:
                found["row"]["scored_at"] = datetime.fromisoformat(found["row"]["scored_at"])
            yield Outcome(**found)


def _study(text: str) -> StudyAt:
    found = json.loads(text)
    return StudyAt(found["key"], found["where"], tuple(found["files"]))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _reason(error: Exception, case: Case | None) -> str:
    """Return why a study was not scored, without patient text."""
    if isinstance(error, NothingToScoreError):
        refused = [] if case is None else [
            file.reason for file in case.files if file.verdict is FileVerdict.REFUSED
        ]  # fmt: skip
        nothing = say("the case holds no input of this model")
        return joined([nothing, *dict.fromkeys([*error.reasons, *refused])], "; ")
    if isinstance(error, FileRefusedError):
        return error.detail
    if isinstance(error, MMCoreError):
        return error.words
    return say("The case could not be scored ({kind}).", kind=type(error).__name__)
