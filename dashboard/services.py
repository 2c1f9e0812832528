"""Where pages meet mmcore: packs, demonstration cases, and the work done in the background.

The only module that uses Streamlit's caches. Nothing heavy is imported here before it is needed:
the first page must be on the screen before torch is.
"""

import gc
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
import yaml

from dashboard import columns, completing, jobs, keeping, people, state, turns
from dashboard.jobs import Job, Tell
from dashboard.keeping import prefer as prefer
from dashboard.keeping import preference as preference
from dashboard.language import ours, say, word
from dashboard.state import CaseWork
from mmcore.errors import MMCoreError
from mmcore.people import Action
from mmcore.records import Case, Explanation, Modality, Prediction
from mmcore.wording import person_name

if TYPE_CHECKING:
    from mmcore.explain.methods import MethodResult
    from mmcore.serve.scorer import Scorer

OUR_METHOD = "blended"  # the ledger's own way of making a map, among the methods
ROOT = Path(__file__).resolve().parent.parent
PACKS = ROOT / "assets" / "packs"
DEMOS = ROOT / "assets" / "demo"
DEMO_FILES = {
    "image.dcm": Modality.IMAGE,
    "note.txt": Modality.NOTE,
    "observations.json": Modality.OBSERVATIONS,
    "recording.wav": Modality.RECORDING,
    "variants.vcf": Modality.VARIANTS,
}


@dataclass(frozen=True, slots=True)
class PackFacts:
    """What ``pack.yaml`` says of a pack before it is loaded."""

    name: str
    display: str
    version: str
    is_simulated: bool
    folder: Path


@dataclass(frozen=True, slots=True)
class DemoCase:
    """A demonstration patient in ``assets/demo/<name>/``."""

    name: str
    title: str
    summary: str
    folder: Path


@dataclass(slots=True)
class _Shelf:
    """The engines of this process, each loaded at most once, whoever asks first."""

    engines: dict[str, Job["Scorer"]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    loading: threading.Lock = field(default_factory=threading.Lock)

    def job(self, pack: PackFacts) -> Job["Scorer"]:
        with self.lock:
            if pack.name not in self.engines:
                self.engines[pack.name] = jobs.start(lambda _: self._load(pack))
            return self.engines[pack.name]

    def _load(self, pack: PackFacts) -> "Scorer":
        with self.loading:  # the first import of torchvision is not for two threads at once
            return load_engine(pack.folder)

    def forget(self, pack: PackFacts, job: Job["Scorer"]) -> None:
        """Let a failed loading go, unless somebody has already started another one."""
        with self.lock:
            if self.engines.get(pack.name) is job and job.error is not None:
                del self.engines[pack.name]


_SHELF = _Shelf()


def load_engine(folder: Path) -> "Scorer":
    """Load and warm up a pack's engine: seconds, and the first import of torch.

    Where the site has a model server, that is asked instead. Raises ``PackIntegrityError`` and
    ``ConfigError``.
    """
    from mmcore.serve.scorer import load_scorer

    engine = load_scorer(folder)
    gc.freeze()  # what was imported for the model stays: later collections need not walk it
    return engine


@st.cache_data(show_spinner=False)
def packs() -> tuple[PackFacts, ...]:
    """Return the installed packs; those trained on simulated patients come last."""
    found = []
    for head_file in sorted(PACKS.glob("*/pack.yaml")):
        head = yaml.safe_load(head_file.read_text("utf-8"))
        found.append(
            PackFacts(
                name=str(head["name"]),
                display=str(head["display"]),
                version=str(head["version"]),
                is_simulated=bool(head["is_simulated"]),
                folder=head_file.parent,
            )
        )
    return tuple(sorted(found, key=lambda pack: pack.is_simulated))


def pack() -> PackFacts | None:
    """Return the pack that reads the case in view or on its way; None if none is installed."""
    current, work = state.session(), state.active()
    chosen = current.resuming.pack_name if current.resuming is not None else None
    chosen = chosen or (work.pack_name if work else None) or current.pack_name
    installed = packs()
    return next((p for p in installed if p.name == chosen), installed[0] if installed else None)


def demo_cases() -> tuple[DemoCase, ...]:
    """Return the demonstration patients that are installed."""
    found = []
    for facts_file in sorted(DEMOS.glob("*/demo.yaml")):
        facts = yaml.safe_load(facts_file.read_text("utf-8"))
        folder = facts_file.parent
        title, summary = (word(str(facts[key])) for key in ("title", "summary"))
        found.append(DemoCase(folder.name, title, summary, folder))
    return tuple(found)


def engine_job() -> Job["Scorer"] | None:
    """Return the loading of this session's engine, started by whoever asks first."""
    chosen = pack()
    return None if chosen is None else _SHELF.job(chosen)


def warm_up(pack_to_use: PackFacts | None) -> Job["Scorer"] | None:
    """Return the loading of a pack's engine, started by whoever asks first; None without a pack."""
    return None if pack_to_use is None else _SHELF.job(pack_to_use)


def engine_status() -> str:
    """Return "absent", "cold", "loading", "ready" or "failed", without starting anything."""
    chosen = pack()
    if chosen is None:
        return "absent"
    job = _SHELF.engines.get(chosen.name)
    if job is None:
        return "cold"
    if not job.is_done:
        return "loading"
    return "failed" if job.error else "ready"


def engine_device() -> str:
    """Return the device of a ready engine in words, such as "CPU"."""
    job = engine_job()
    device: str = getattr(job.result, "device", "cpu") if job else "cpu"
    return "CPU" if device == "cpu" else device


def read_files(
    files: Sequence[tuple[str, bytes]],
    label: str,
    pack_name: str | None = None,
    *,
    completes: CaseWork | None = None,
) -> None:
    """Start reading dropped files as one case for a model; ``take_read_case`` collects it.

    completes: the open case of the same files that the new one takes the place of.
    Files and case are on the disk, where the site keeps any, before the case is there to be seen.
    Files of which none is of use are no case: they are shown with what is wrong, and not kept.
    """
    by, mappings = people.require(Action.OPEN).id, columns.remembered()

    @turns.first()
    def work(tell: Tell) -> Case:
        case = keeping.read_case(files, tell, mappings)
        if completes is not None:
            keeping.keep_case(case, files, label=label, pack_name=pack_name, by=by)
        else:
            keep_if_of_use(case, files, label=label, pack_name=pack_name, by=by)
        return case

    begin_reading(jobs.start(work), files, label, pack_name, completes=completes)


def keep_if_of_use(
    case: Case, files: Sequence[tuple[str, bytes]], *, label: str, pack_name: str | None, by: str
) -> None:
    """Keep a case that was read, unless nothing in it is of use; inside a job."""
    if case.has_used_files or columns.may_become_of_use(case):
        keeping.keep_case(case, files, label=label, pack_name=pack_name, by=by)


def begin_reading(
    job: Job[Any],
    files: Sequence[tuple[str, bytes]],
    label: str,
    pack_name: str | None = None,
    *,
    completes: CaseWork | None = None,
) -> None:
    """Note in this tab what is being read; arguments as of ``read_files``."""
    current = state.session()
    current.intake, current.intake_label = job, label
    current.intake_pack, current.intake_files = pack_name, tuple(files)
    current.intake_completes = "" if completes is None else completes.case.digest


def read_demo(demo: DemoCase) -> None:
    """Start reading a demonstration patient through the same door as any other files."""
    names = [name for name in DEMO_FILES if (demo.folder / name).is_file()]
    simulated = next((p.name for p in packs() if p.is_simulated), None)
    read_files([(name, (demo.folder / name).read_bytes()) for name in names], demo.title, simulated)


def take_read_case() -> CaseWork | None:
    """Open the case whose reading is done; ``None`` while it runs, failed or was never started."""
    current = state.session()
    if current.intake is None or not isinstance(current.intake.result, Case):
        return None
    before = current.cases.get(current.intake_completes)
    result, label = current.intake.result, current.intake_label
    work = look_at(result, label, current.intake_pack, current.intake_files)
    current.intake, current.intake_files, current.intake_completes = None, (), ""
    current.uploader_round += 1
    if before is not None:
        completing.take_place(before, work)
    return work


def look_at(
    case: Case, label: str, pack_name: str | None, files: Sequence[tuple[str, bytes]]
) -> CaseWork:
    """Open a case that was just read from ``files``, and look at it."""
    work = state.open_case(case, label)
    if work.pack_name is None:
        chosen = pack()
        work.pack_name = pack_name or (chosen.name if chosen else None)
    keeping.begin(work, files)
    return work


def started(work: CaseWork, name: str, task: Callable[["Scorer", Tell], Any]) -> Job[Any] | None:
    """Return the case's job of that name, started on first use; ``None`` without a pack."""
    engine = engine_job()
    if engine is None:
        return None

    @turns.first()
    def with_engine(tell: Tell) -> Any:
        tell(0.0, say("Waiting for the model"))
        engine.wait()
        if engine.error is not None:
            raise engine.error
        assert engine.result is not None  # done without error
        tell(0.0, "")
        return task(engine.result, tell)

    if name not in work.jobs:
        work.jobs[name] = jobs.start(with_engine)
    return work.jobs[name]


def predict(work: CaseWork) -> Job[Any] | None:
    """Start or find the prediction of a case."""

    def task(engine: "Scorer", _: Tell) -> tuple[Prediction, state.Seen]:
        from mmcore.report import key_recording

        case = work.case
        seen = state.Seen(engine.model_image(case), engine.model_note(case), key_recording(case))
        return engine.predict(case), seen

    return started(work, "predict", task)


def explain(work: CaseWork, target: str) -> Job[Explanation] | None:
    """Start or find the explanation of one target of a case."""
    return started(
        work,
        f"explain:{target}",
        lambda engine, tell: engine.explain(work.case, target, progress=tell),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Another method's map of the image beside ours.

    result: None where the method does not apply, for ``reason``. not_applicable: of every method,
    the reason why it does not apply to this target's image, or "".
    """

    result: "MethodResult | None"
    ours: "MethodResult"
    reason: str
    not_applicable: dict[str, str]


def methods() -> dict[str, str]:
    """Return the display names of the other methods of attribution, by name."""
    from mmcore.explain.methods import METHODS

    return {name: method.display for name, method in METHODS.items() if name != OUR_METHOD}


def compare(work: CaseWork, target: str, method: str) -> Job[Comparison] | None:
    """Start or find the attribution of the image by another method, and by ours to compare."""

    def task(engine: "Scorer", tell: Tell) -> Comparison:
        from mmcore.errors import MethodNotApplicableError

        reasons = engine.not_applicable(work.case, target, Modality.IMAGE)
        ours = engine.explain_with(work.case, target, Modality.IMAGE, OUR_METHOD)
        tell(0.5, "")
        try:
            result = engine.explain_with(work.case, target, Modality.IMAGE, method)
        except MethodNotApplicableError as error:
            return Comparison(None, ours, error.reason, reasons)
        return Comparison(result, ours, "", reasons)

    return started(work, f"method:{target}:{method}", task)


def withhold(work: CaseWork, target: str, error: MMCoreError) -> None:
    """Withhold one finding of a case whose ledger does not add up, as the report does."""
    from mmcore.serve.scoring import withhold as withheld

    if work.prediction is not None:
        work.prediction = withheld(work.prediction, target, reason=error.words)


def forget(work: CaseWork, job: Job[Any]) -> None:
    """Let a failed job go, so that asking again starts it afresh; a failed model load as well."""
    for name in [name for name, known in work.jobs.items() if known is job]:
        del work.jobs[name]
    chosen = pack()
    if chosen is not None:
        _SHELF.forget(chosen, _SHELF.job(chosen))


def collect(work: CaseWork) -> None:
    """Keep with the case whatever its jobs have finished; called after waiting for one of them."""
    for name, job in work.jobs.items():
        if job.result is None:
            continue
        if name == "predict":
            prediction, work.seen = job.result
            work.prediction = work.prediction or prediction  # more may be withheld by now
        elif name == "report":
            prediction, work.document, work.pdf, explanations = job.result
            work.prediction = prediction or work.prediction
            work.explanations.update(explanations)
        elif name.startswith("explain:"):
            work.explanations[name.removeprefix("explain:")] = job.result


def demo_contents(demo: DemoCase) -> tuple[Modality, ...]:
    """Return which inputs a demonstration patient has."""
    return tuple(m for name, m in DEMO_FILES.items() if (demo.folder / name).is_file())


def case_label(work: CaseWork) -> str:
    """Return how the case switcher names a case: who it is, else what it was called."""
    patient = work.case.patient
    names = (person_name(patient.name) or patient.patient_id, ours(work.label))
    return " · ".join(part for part in names if part)
