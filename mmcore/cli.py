"""Every capability without the UI. Heavy libraries load with the command that needs them."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from mmcore.audit.command import audit
from mmcore.bench.command import bench
from mmcore.compress.command import compress
from mmcore.deid.command import deid
from mmcore.federated.command import federated
from mmcore.network.command import fetch, listen, outbox, peers, send
from mmcore.people.command import people
from mmcore.private.command import private
from mmcore.results.command import results
from mmcore.scale.commands import archive, serve
from mmcore.serve.explaining import explain
from mmcore.terminal import PackOption, pack_folder, refusing
from mmcore.worklist.commands import backup, move, restore, watch
from mmcore.worklist.rekeying import rekey

app = typer.Typer(
    name="mmcore", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Consilium's core: simulate, train, evaluate, score, report.",
)  # fmt: skip


@app.command()
def simulate(
    out: Annotated[
        Path, typer.Argument(file_okay=False, help="Folder to write one folder per patient into.")
    ],
    patients: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    seed: Annotated[int, typer.Option(help="Same seed, same patients.")] = 0,
    ct: Annotated[bool, typer.Option(help="A small chest CT of each patient too.")] = False,
) -> None:
    """Write simulated patients with their truth."""
    from mmcore.simulate import write_cohort

    with typer.progressbar(length=patients, label="simulating") as bar:
        write_cohort(out, patients=patients, seed=seed, ct=ct, on_progress=lambda *_: bar.update(1))


@app.command()
def train(
    config: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="Run file, e.g. mmcore/model/presets/phantom.yaml."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Pack folder to write.")],
    work: Annotated[Path, typer.Option(help="Shards and checkpoints; the same folder resumes.")] = (
        Path("runs")
    ),
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder of patients, if the run wants one."
        ),
    ] = None,
    measure: Annotated[int, typer.Option(help="Fresh patients for the card's figures.")] = 1000,
) -> None:
    """Train a model and write its pack."""
    from mmcore.train.run import train_pack

    with refusing():
        train_pack(config, out=out, work=work, data=data, measure=measure)
    typer.echo(f"{out}: a pack, with its figures in {out / 'card.md'}")


@app.command()
def evaluate(
    pack: PackOption,
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder of simulated patients or of open radiographs; else made from --seed.",
        ),
    ] = None,
    patients: Annotated[
        int, typer.Option(min=20, help="How many to simulate; each is one case.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Seed that was not trained on.")] = 9000,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures here.")
    ] = None,
    validation: Annotated[
        bool, typer.Option(help="Of --data, only patients that the pack was not trained on.")
    ] = False,
    card: Annotated[bool, typer.Option(help="Renew the pack's card with the figures.")] = False,
    against: Annotated[
        Path | None, typer.Option(help="Another pack: print paired differences to it instead.")
    ] = None,
    explain: Annotated[
        int, typer.Option(help="Check the explanations of this many simulated patients instead.")
    ] = 0,
) -> None:
    """Print held-out figures with bootstrap intervals, by target, subgroup and input."""
    from mmcore.datasets.labelled import LabelledCase
    from mmcore.datasets.phantoms import simulated
    from mmcore.engine import Engine
    from mmcore.evaluate import measure
    from mmcore.evaluate.outputs import run
    from mmcore.evaluate.report import as_json, as_markdown, figures
    from mmcore.evaluate.versus import versus_markdown

    with refusing():
        folder = pack_folder(pack)
        if explain:
            typer.echo(json.dumps(_explanations(folder, seed=seed, patients=explain), indent=1))
            return
        if card:
            if json_file is not None or (data is not None) is not validation:
                raise typer.BadParameter("--card goes alone, or with --data and --validation")
            typer.echo(
                measure.measure_simulated(folder, seed=seed, patients=patients)
                if data is None
                else measure.measure_validation(folder, data)
            )
            return
        engine = Engine.load(folder)

        def cases() -> Iterator[LabelledCase]:
            read = simulated(seed, patients) if data is None else measure.read_cases(data)
            return measure.validation_only(folder, read) if validation else read

        if against is not None:
            typer.echo(versus_markdown(Engine.load(pack_folder(against)), engine, cases))
            return
        measured = figures(engine, run(engine, cases(), total=patients if data is None else None))
        typer.echo(as_markdown(measured))
        if json_file is not None:
            json_file.write_text(json.dumps(as_json(measured), indent=1), "utf-8")


@app.command()
def compare(
    presets: Annotated[
        list[str] | None,
        typer.Option(
            help="Run file, name or first letter of one; more may follow. All by default."
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="[PRESET]...")] = None,
    out: Annotated[Path, typer.Option(dir_okay=False, help="Page whose lines are renewed.")] = Path(
        "docs/fusions.md"
    ),
    work: Annotated[Path, typer.Option(help="Shards and models; the same folder resumes.")] = (
        Path("runs")
    ),
) -> None:
    """Train ways to join modalities on the same patients and compare them on others."""
    from mmcore.evaluate.fusions_page import main_table
    from mmcore.train.comparison import DEFAULT, compare_presets

    with refusing():
        rows = compare_presets([*(presets or []), *(more or [])], out=out, work=work)
        typer.echo(main_table(rows, DEFAULT))


@app.command()
def score(
    cases: Annotated[list[Path], typer.Argument(help="Folders, files or zips, one case each.")],
    pack: PackOption,
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder for one <case digest>.json per case.")
    ],
    autocast: Annotated[
        bool, typer.Option(help="bfloat16 on a GPU: faster, and more parts are withheld.")
    ] = False,
) -> None:
    """Score and explain cases; every refusal is in the JSON, exit code 2 is a wrong call only."""
    from mmcore.engine import Engine
    from mmcore.serve.scoring import score_path

    missing = [path for path in cases if not path.exists()]
    if missing:
        raise typer.BadParameter(f"{missing[0]} does not exist")
    with refusing():
        engine = Engine.load(pack_folder(pack), autocast=autocast)
        out.mkdir(parents=True, exist_ok=True)
        for path in cases:
            written = score_path(engine, path, out)
            typer.echo(str(written))


app.command()(explain)
app.command()(deid)
for command in (watch, backup, restore, move, rekey):
    app.command()(command)


@app.command()
def report(
    result: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A result written by `score`.")
    ],
    out: Annotated[Path, typer.Option(dir_okay=False, help="PDF file to write.")],
    language: Annotated[str, typer.Option(help="Of its words, such as zh-Hans.")] = "en",
) -> None:
    """Render a result as PDF, with the letterhead of the site; of the case nothing else is read."""
    from mmcore.errors import ConfigError
    from mmcore.language import LANGUAGES
    from mmcore.report import read_result, render_pdf
    from mmcore.report.template import template_of

    with refusing():
        if language not in LANGUAGES:
            problem = f"{language} is none of {', '.join(LANGUAGES)}"
            raise ConfigError(key="language", problem=problem)
        out.write_bytes(render_pdf(read_result(result), language, template_of()))


@app.command()
def pack(
    folder: Annotated[Path, typer.Argument(help="A pack folder, or the name of an embedded one.")],
    int8: Annotated[
        Path | None, typer.Option(help="Write its 8-bit variant to this folder.")
    ] = None,
    gate: Annotated[
        bool, typer.Option(help="Teach the pack what a faulty film looks like, and measure it.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="Labelled patients, for both.")] = None,
    patients: Annotated[int, typer.Option(help="Simulated patients to measure on.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of these patients.")] = 2029,
) -> None:
    """Load a pack strictly and print what it is; with --int8 write a variant of half the size.

    With --gate the pack itself is changed: planted faults in its training films, then figures on
    other patients for its card.
    """
    from mmcore.engine import Engine

    with refusing():
        if gate:
            _teach_gate(pack_folder(folder), data=data, patients=patients, seed=seed)
        if int8 is not None:
            _write_int8(pack_folder(folder), int8, data=data, patients=patients, seed=seed)
            folder = int8
        engine = Engine.load(pack_folder(folder))
        identity = engine.identity
        typer.echo(f"{identity.name} {identity.version}\nSHA-256 {identity.digest}")
        typer.echo("inputs:  " + ", ".join(m.value for m in engine.modalities))
        typer.echo("targets: " + ", ".join(t.name for t in engine.pack.config.targets))


app.command()(bench)
app.add_typer(audit, name="audit")
app.add_typer(people, name="people")
app.add_typer(compress, name="compress")
app.add_typer(federated, name="federated")
app.add_typer(private, name="private")
app.command()(results)
app.command()(serve)
app.command()(archive)
app.command()(send)
app.command()(outbox)
app.command()(peers)
app.command()(fetch)
app.command()(listen)


def _teach_gate(folder: Path, *, data: Path | None, patients: int, seed: int) -> None:
    from mmcore.evaluate.gate import measure_gate
    from mmcore.train.quality import teach_quality, training_cases

    teach_quality(folder, training_cases(folder, data))
    typer.echo(measure_gate(folder, data=data, seed=seed, patients=patients))


def _write_int8(folder: Path, out: Path, *, data: Path | None, patients: int, seed: int) -> None:
    from mmcore.compress.command import agreement_line, labelled_cases
    from mmcore.compress.weights import WEIGHTS, write_int8

    cases, total = labelled_cases(data, patients=patients, seed=seed)
    found = write_int8(folder, out, cases, total=total)
    before, after = ((one / WEIGHTS).stat().st_size / 1e6 for one in (folder, out))
    typer.echo(f"{agreement_line(found)}; weights {before:.1f} to {after:.1f} MB")


def _explanations(folder: Path, *, seed: int, patients: int) -> dict[str, float | None]:
    from tqdm import tqdm

    from mmcore.engine import Engine
    from mmcore.evaluate.explanations import check_explanations
    from mmcore.simulate import sample_patient

    engine = Engine.load(folder)
    drawn = (
        sample_patient(seed, index)
        for index in tqdm(range(patients), desc="explaining", unit=" cases")
    )
    summary = check_explanations(engine, drawn).summary()
    # JSON knows no NaN: what could not be counted is null.
    return {name: rate if math.isfinite(rate) else None for name, rate in summary.items()}
