"""Measure a pack and write the figures into its card: the command behind every figure shown."""

from collections.abc import Iterator
from pathlib import Path

from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.phantoms import from_folder, simulated
from mmcore.datasets.thorax import is_thorax, is_validation, read_thorax
from mmcore.engine import Engine
from mmcore.errors import ConfigError
from mmcore.evaluate.card import read_facts, write_card
from mmcore.evaluate.figures import write_figures
from mmcore.evaluate.outputs import run
from mmcore.evaluate.report import Report, as_json, as_markdown, figures


def read_cases(folder: Path) -> Iterator[LabelledCase]:
    """Yield the labelled cases of a folder, simulated patients or open radiographs alike."""
    return read_thorax(folder) if is_thorax(folder) else from_folder(folder)


def validation_only(pack: Path, cases: Iterator[LabelledCase]) -> Iterator[LabelledCase]:
    """Yield the cases of patients that the pack was not trained on, by the split in its card.

    Raises ``ConfigError`` if the card does not say how the patients were split.
    """
    training = read_facts(pack).get("training", {})
    if not {"seed", "parts"} <= set(training):
        raise ConfigError(key="card.training", problem="does not say how patients were split")
    for labelled in cases:
        if is_validation(labelled.patient, seed=training["seed"], parts=training["parts"]):
            yield labelled


def measure_simulated(folder: Path, *, seed: int, patients: int) -> str:
    """Evaluate the pack on fresh simulated patients, renew its card, return the table."""
    how = (
        f"On {patients} simulated patients of seed {seed}, none of them seen in training or "
        "calibration; value (95 % bootstrap interval over patients). Reproduce with "
        f"`python -m mmcore evaluate --pack {_called(folder)} --seed {seed} --patients {patients} "
        "--card`."
    )
    return _measure(folder, simulated(seed, patients), total=patients, how=how)


def measure_validation(folder: Path, data: Path) -> str:
    """Evaluate the pack on the patients of ``data`` that it was not trained on; renew its card."""
    how = (
        "On the validation patients of the open data, on whom the network was not trained and "
        "calibration and operating points were fitted, so that calibration figures flatter; value "
        "(95 % bootstrap interval over patients). Reproduce with `python -m mmcore evaluate --pack "
        f"{_called(folder)} --data FOLDER --validation --card`."
    )
    return _measure(folder, validation_only(folder, read_cases(data)), total=None, how=how)


def _called(folder: Path) -> str:
    """Return the name of the pack, which its folder need not have while it is made."""
    return str(read_facts(folder)["name"])


def _measure(folder: Path, cases: Iterator[LabelledCase], *, total: int | None, how: str) -> str:
    engine = Engine.load(folder)
    outputs = run(engine, cases, total=total)
    measured: Report = figures(engine, outputs)
    table = as_markdown(measured)
    pictures = write_figures(folder, engine, outputs, measured)
    write_card(
        folder,
        read_facts(folder),
        figures={"how": how, "table": table, "values": as_json(measured), "pictures": pictures},
    )
    return table
