"""Demonstration cases: simulated patients chosen by seed and index in a ``demo.yaml``."""

from pathlib import Path

import yaml

from mmcore.errors import ConfigError
from mmcore.simulate.cohort import write_patient
from mmcore.simulate.patient import sample_patient

INPUTS = ("image.dcm", "note.txt", "observations.json", "recording.wav", "variants.vcf")


def write_demo(folder: Path) -> tuple[Path, ...]:
    """Write the input files that ``folder/demo.yaml`` asks for; returns their paths.

    The file holds title, summary, seed, index and, optionally, ``leave_out``: input files that this
    patient does not have. The truth of the patient is not written beside them.

    Raises ``ConfigError`` if the file is not of that form.
    """
    values = yaml.safe_load((folder / "demo.yaml").read_text("utf-8"))
    if not isinstance(values, dict) or not {"title", "summary", "seed", "index"} <= set(values):
        raise ConfigError(key="demo.yaml", problem="needs title, summary, seed and index")
    left_out = set(values.get("leave_out", ()))
    if unknown := left_out - set(INPUTS):
        raise ConfigError(key="leave_out", problem=f"{sorted(unknown)[0]} is no input file")
    write_patient(sample_patient(int(values["seed"]), int(values["index"])), folder)
    (folder / "truth.json").unlink()
    for name in left_out:
        (folder / name).unlink()
    return tuple(folder / name for name in INPUTS if name not in left_out)
