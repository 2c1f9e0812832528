"""The demonstration cases are exactly the simulated patients that they say they are."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from mmcore.errors import ConfigError
from mmcore.simulate.demo import INPUTS, write_demo

DEMOS = Path(__file__).parents[3] / "assets" / "demo"
FOLDERS = sorted(p.parent for p in DEMOS.glob("*/demo.yaml"))


def test_there_are_demonstration_cases() -> None:
    assert len(FOLDERS) >= 4


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_a_demo_can_be_made_again_from_its_description(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "demo.yaml", tmp_path)
    made = write_demo(tmp_path)
    assert {p.name for p in made} == {p.name for p in folder.iterdir()} - {"demo.yaml"}
    for path in made:
        assert path.read_bytes() == (folder / path.name).read_bytes()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_the_truth_does_not_lie_beside_the_inputs(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} <= {*INPUTS, "demo.yaml"}


def test_what_was_simulated_before_sound_genes_and_courses_has_not_changed_by_a_bit() -> None:
    folder = DEMOS / "heart-failure"
    bundle = json.loads((folder / "observations.json").read_text("utf-8"))
    codes = [e["resource"].get("code", {}).get("text") for e in bundle["entry"]]
    first = [e for at, e in enumerate(bundle["entry"]) if codes[at] not in codes[:at]]
    assert len(first) < len(codes)  # what came before the latest values stands behind them
    latest = json.dumps({**bundle, "entry": first}, ensure_ascii=False, indent=1) + "\n"
    parts = {
        "image": (folder / "image.dcm").read_bytes(),
        "note": (folder / "note.txt").read_bytes(),
        "latest observations": latest.encode("utf-8"),
    }
    assert {name: hashlib.sha256(x).hexdigest()[:16] for name, x in parts.items()} == {
        "image": "fc22c995be16907d",
        "note": "c1373acf03051f3c",
        "latest observations": "6cb5c742b3e9dadb",
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_every_demonstration_has_a_small_recording_and_a_panel(folder: Path) -> None:
    assert 0 < (folder / "recording.wav").stat().st_size < 50_000
    assert 0 < (folder / "variants.vcf").stat().st_size < 5_000


def test_a_description_without_a_seed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text("title: A\nsummary: B\n")
    with pytest.raises(ConfigError, match="needs title"):
        write_demo(tmp_path)
