"""The modality of docs/bring-your-own-model.md, run as it is printed there."""

import re
import subprocess
import sys
from pathlib import Path

from mmcore.modalities import recording, variants
from mmcore.modalities.note_encoders import NOTE_ENCODERS
from mmcore.modalities.observations_encoders import OBSERVATIONS_ENCODERS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "bring-your-own-model.md").read_text("utf-8")
CHECK = """
import numpy as np
from mmcore.intake import RawFile, case_from_files
from tests.unit.modalities.laws import (
    assert_absence_is_one_input, assert_gradients_reach_everything, assert_rows_do_not_mix,
)

case = case_from_files([RawFile("walk", b"GAIT1 patient-1 61 63 58")])
config = GaitConfig()
prepared = prepare(case, config, None).prepared
assert prepared.values[:4, 1].tolist() == [1.0, 1.0, 1.0, 0.0]
evidence = prepared.name_parts(np.ones((20, 2)))
assert sum(item.signed for item in evidence.items) == 40.0
assert prepare(case_from_files([]), config, None).prepared is None
encoder, inputs = GaitEncoder(config, 8), torch.rand(3, 20, 2)
assert_rows_do_not_mix(encoder, inputs)
assert_absence_is_one_input(encoder, inputs)
assert_gradients_reach_everything(encoder, inputs)
"""


def printed(section: str) -> str:
    """Return the first block of code of a section."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.search(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert found is not None
    return found[1]


def test_the_printed_modality_works(tmp_path: Path) -> None:
    blocks = [printed(f"Adding a modality: {half}") for half in ("intake", "encoder")]
    script = tmp_path / "gait.py"
    script.write_text("\n".join([*blocks, CHECK]), "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script], cwd=ROOT, env={"PYTHONPATH": str(ROOT)},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_encoder_is_in_the_table() -> None:
    table = PAGE.partition("\n## Choosing encoders\n")[2].partition("\n## ")[0]
    names = {*NOTE_ENCODERS, *OBSERVATIONS_ENCODERS, *recording.ENCODERS, *variants.ENCODERS}
    assert [name for name in sorted(names) if f"`{name}`" not in table] == []
