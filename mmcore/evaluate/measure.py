"""Measure a pack and write the figures into its card: the command behind every figure shown."""

from pathlib import Path

from mmcore.datasets.phantoms import simulated
from mmcore.engine import Engine
from mmcore.evaluate.card import read_facts, write_card
from mmcore.evaluate.report import as_json, as_markdown, figures, run


def measure_card(folder: Path, *, seed: int, patients: int) -> str:
    """Evaluate the pack on fresh simulated patients, renew its card, return the table."""
    engine = Engine.load(folder)
    measured = figures(engine, run(engine, simulated(seed, patients), total=patients))
    table = as_markdown(measured)
    how = (
        f"On {patients} simulated patients of seed {seed}, none of them seen in training or "
        "calibration; value (95 % bootstrap interval over patients). Reproduce with "
        f"`python -m mmcore evaluate --pack {folder.name} --seed {seed} --patients {patients}`."
    )
    write_card(
        folder,
        read_facts(folder),
        figures={"how": how, "table": table, "values": as_json(measured)},
    )
    return table
