"""The ``compare`` command: train presets on the same patients, and measure them on others.

Whatever was trained is kept below ``work`` under a digest of what decides it, so that a preset is
trained again only if it was changed. The figures of all presets are kept beside the page
(``figures.json``, and the default's answers in ``default.npz``), so that two presets can be
measured anew without the rest.
"""

import hashlib
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor

from mmcore.errors import ConfigError
from mmcore.evaluate.fusions import About, Measured, Row, make_row, scores
from mmcore.evaluate.fusions_page import Conditions, write_page
from mmcore.evaluate.resample import FloatArray
from mmcore.explain.shapley import coalition_presence
from mmcore.model.allocator import keep_freed_memory
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from mmcore.simulate import FINDINGS
from mmcore.train.config import RunConfig, read_run
from mmcore.train.dataset import TrainingSet
from mmcore.train.package import coalition_outputs, target_values
from mmcore.train.run import fit
from mmcore.train.sources import Source, open_source

PRESETS = Path(__file__).resolve().parents[1] / "model" / "presets" / "fusions"
DEFAULT = "f-attention"
"""The preset that the others are compared with: the fusion of the embedded packs."""

WORDS_ONLY = ("name", "version", "display", "card")  # of a run file: they decide nothing
CHUNK = 64
TIMED_CASES = 60
NOISE_SEED = 11
IMAGE_NOISE, LOST_TOKENS, LOST_LABS = 1.0, 0.3, 0.5
NOISE = {
    Modality.IMAGE: f"film + noise of {IMAGE_NOISE:g} SD",
    Modality.NOTE: f"{LOST_TOKENS:.0%} of the note's tokens lost",
    Modality.OBSERVATIONS: f"{LOST_LABS:.0%} of the observations lost",
}
"""What is done to an input while all others stay as they are, in words."""


@dataclass(frozen=True, slots=True, eq=False)
class Preset:
    """A run file of the comparison. digest: of everything in it that decides what is trained."""

    path: Path
    run: RunConfig
    digest: str

    @property
    def name(self) -> str:
        """The name of the run, which is also that of the file."""
        return self.run.name


def find_presets(names: Sequence[str]) -> list[Preset]:
    """Return presets by path, by name, or by the letter that their names start with; all for none.

    Raises ``ConfigError`` for a name that fits nothing, or if they do not share their patients.
    """
    known = sorted(PRESETS.glob("*.yaml"))
    chosen: dict[Path, None] = {}
    for name in names:
        fitting = [Path(name)] if Path(name).is_file() else [p for p in known if p.stem == name]
        fitting = fitting or [p for p in known if p.stem.startswith(f"{name}-")]
        if not fitting:
            there = ", ".join(p.stem for p in known)
            raise ConfigError(key="presets", problem=f"{name!r} is none; there is: {there}")
        chosen |= dict.fromkeys(fitting)
    presets = [read_preset(path) for path in (chosen or known)]
    for preset in presets:
        if preset.run.data != presets[0].run.data or preset.run.data.kind != "phantom":
            problem = f"{preset.name} and {presets[0].name} do not share simulated patients"
            raise ConfigError(key="data", problem=problem)
    return presets


def read_preset(path: Path) -> Preset:
    """Read one run file of the comparison."""
    values = yaml.safe_load(path.read_text("utf-8"))
    run = read_run(path)
    decisive = {key: value for key, value in values.items() if key not in WORDS_ONLY}
    text = json.dumps(decisive, sort_keys=True)
    return Preset(path, run, hashlib.sha256(text.encode()).hexdigest()[:12])


def compare_presets(names: Sequence[str], *, out: Path, work: Path) -> list[Row]:
    """Train and measure presets, and renew their lines in the page ``out``; return all its lines.

    ``work`` keeps shards and what was trained; run again with the same folder, a stopped command
    goes on. Lines of other presets stay as they are, if they are of the same patients.
    """
    keep_freed_memory()
    presets = find_presets(names)
    folder = out.parent / out.stem
    folder.mkdir(parents=True, exist_ok=True)
    default = read_preset(PRESETS / f"{DEFAULT}.yaml")
    conditions = _conditions(presets[0].run, default)
    earlier = _read_rows(folder / "figures.json", conditions)
    rows = {row.about.name: row for row in earlier}
    clock = _Clock(default, work)
    # The default first: the others are compared with what it says.
    for preset in sorted(presets, key=lambda p: p.digest != default.digest):
        trained = _trained(preset, work)
        if preset.digest == default.digest:
            kept = scores(trained.measured, FINDINGS)
            np.savez_compressed(folder / "default.npz", digest=default.digest, scores=kept)
        about = clock.time(preset, trained)
        said = _default_scores(folder / "default.npz", default.digest)
        rows[preset.name] = make_row(about, trained.measured, findings=FINDINGS, default=said)
        _write(out, folder, [rows[name] for name in sorted(rows)], conditions)
    return _read_rows(folder / "figures.json", conditions)


def _write(out: Path, folder: Path, rows: Sequence[Row], conditions: Conditions) -> None:
    """Write figures and page; the page is made of what was written, so that both agree."""
    content = {**asdict(conditions), "rows": [row.to_mapping() for row in rows]}
    figures = folder / "figures.json"
    figures.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_page(out, folder, _read_rows(figures, conditions), conditions)


def _conditions(run: RunConfig, default: Preset) -> Conditions:
    return Conditions(
        default=default.name, default_digest=default.digest, findings=tuple(FINDINGS),
        train_seed=run.data.seed, train_patients=run.data.train,
        held_out_seed=run.data.seed + 1, held_out_patients=run.data.validation,
    )  # fmt: skip


def _read_rows(path: Path, conditions: Conditions) -> list[Row]:
    """Return the rows measured earlier; none if they were measured on other patients."""
    if not path.exists():
        return []
    content = json.loads(path.read_text("utf-8"))
    rows = content.pop("rows", None)
    if rows is None or content != json.loads(json.dumps(asdict(conditions))):
        return []
    return [Row.from_mapping(row) for row in rows]


def _default_scores(path: Path, digest: str) -> FloatArray | None:
    """Return what the default said of the held-out patients, None if it was not measured yet."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as kept:
        return kept["scores"] if str(kept["digest"]) == digest else None


@dataclass(frozen=True, slots=True, eq=False)
class _Trained:
    """A trained preset: what it said, and what training took."""

    measured: Measured
    source: Source
    parameters: int
    minutes: float
    threads: int


def _trained(preset: Preset, work: Path) -> _Trained:
    """Train and measure a preset, or read both if that was done before."""
    source = open_source(preset.run, work=work, data=None)
    folder = work / "compare" / f"{preset.name}-{preset.digest}"
    folder.mkdir(parents=True, exist_ok=True)
    answers, facts = folder / "answers.npz", folder / "facts.json"
    if not facts.exists():
        network, seconds = fit(preset.run, source, folder=folder)
        network.cpu().eval().half().float()  # measured as it would be shipped
        said = {f"noisy {kind}": x for kind, x in noisy_outputs(network, source.validation).items()}
        values = coalition_outputs(network, source.validation)
        np.savez_compressed(answers, values=values, **said)  # type: ignore[arg-type] # numpy's stub takes no **arrays of unknown keys
        content = {
            "parameters": sum(p.numel() for p in network.parameters()),
            "minutes": round(seconds / 60.0, 2),
            "threads": torch.get_num_threads(),
        }
        facts.write_text(json.dumps(content), "utf-8")
        for checkpoint in folder.rglob("checkpoint.pt"):
            checkpoint.unlink()  # of no use any more, and some are large
    with np.load(answers, allow_pickle=False) as kept:
        arrays = {key: kept[key] for key in kept.files}
    measured = Measured(
        targets=source.model.targets,
        modalities=tuple(m.value for m in source.model.modalities),
        values=arrays.pop("values"),
        truth=target_values(source.model, source.validation),
        noisy={key.removeprefix("noisy "): x for key, x in arrays.items()},
    )
    return _Trained(measured, source, **json.loads(facts.read_text("utf-8")))


def noisy_outputs(network: FusionNetwork, examinations: TrainingSet) -> dict[str, FloatArray]:
    """Return (N, K) outputs with all inputs, one of which was disturbed, by what was done to it."""
    result: dict[str, FloatArray] = {}
    for modality in network.modalities:
        if modality not in NOISE:
            continue
        said: list[FloatArray] = []
        generator = torch.Generator().manual_seed(NOISE_SEED)
        with torch.inference_mode():
            for rows in torch.split(torch.arange(len(examinations)), CHUNK):
                batch = examinations.batch(rows)
                inputs = dict(batch.inputs)
                inputs[modality] = disturbed(inputs[modality], modality, network, generator)
                said.append(network(inputs, batch.presence).logits.double().numpy())
        result[NOISE[modality]] = np.concatenate(said)
    return result


def disturbed(
    inputs: Tensor, modality: Modality, network: FusionNetwork, generator: torch.Generator
) -> Tensor:
    """Return a batch of one modality with noise, or with parts of it at their baseline."""
    if modality is Modality.IMAGE:
        return inputs + IMAGE_NOISE * torch.randn(inputs.shape, generator=generator)
    baseline = network.baseline(modality)
    if modality is Modality.NOTE:
        is_lost = torch.rand(inputs.shape, generator=generator) < LOST_TOKENS
    else:
        drawn = torch.rand(inputs.shape[:2], generator=generator) < LOST_LABS  # whole codes
        is_lost = drawn[:, :, None, None].expand_as(inputs)
    return torch.where(is_lost, baseline.expand_as(inputs), inputs)


class _Clock:
    """Times presets in turns with the default, so that another load hits both alike."""

    def __init__(self, default: Preset, work: Path) -> None:
        self._default = default
        self._work = work
        self._source: Source | None = None

    def time(self, preset: Preset, trained: _Trained) -> About:
        """Return all that is to be said of a preset but its figures."""
        if self._source is None:
            is_default = preset.digest == self._default.digest
            self._source = (
                trained.source if is_default
                else open_source(self._default.run, work=self._work, data=None)
            )  # fmt: skip
        sources = (trained.source, self._source)
        networks = [FusionNetwork(source.model).eval() for source in sources]
        spent: tuple[list[float], list[float]] = ([], [])
        with _one_thread():
            for case in range(-2, TIMED_CASES):  # the first ones warm up
                for network, source, seconds in zip(networks, sources, spent, strict=True):
                    took = decide_case(network, source.validation, row=max(case, 0))
                    if case >= 0:
                        seconds.append(took)
        own, of_default = spent
        ratio = statistics.median(a / b for a, b in zip(own, of_default, strict=True))
        if preset.digest == self._default.digest:
            ratio = 1.0
        run = preset.run
        return About(
            name=preset.name, display=run.display, digest=preset.digest,
            fusion=run.model.fusion.kind, parameters=trained.parameters,
            minutes=trained.minutes, threads=trained.threads,
            ms=round(1000.0 * statistics.median(own), 2), ms_ratio=round(ratio, 2),
        )  # fmt: skip


def decide_case(network: FusionNetwork, examinations: TrainingSet, *, row: int) -> float:
    """Return the seconds to encode one case and to decide for every subset of its inputs.

    Weights do not matter to it. Reading files and encoding baselines, done once, are not in it.
    """
    batch = examinations.batch(torch.tensor([row]))
    presence = torch.from_numpy(coalition_presence(len(network.modalities)))
    with torch.inference_mode():
        baseline = {
            m: network.encode(m, network.embed(m, network.baseline(m)[None]))
            for m in network.modalities
        }
        started = time.perf_counter()
        mixed = {}
        for column, m in enumerate(network.modalities):
            own = network.encode(m, network.embed(m, batch.inputs[m]))
            mixed[m] = torch.where(presence[:, column, None, None], own, baseline[m])
        network.decide(mixed, baseline)
        return time.perf_counter() - started


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
