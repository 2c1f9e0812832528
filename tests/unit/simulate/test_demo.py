"""The demonstration cases are exactly the simulated patients that they say they are."""

import hashlib
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


def test_what_was_simulated_before_sound_and_genes_has_not_changed_by_a_bit() -> None:
    digests = {
        name: hashlib.sha256((DEMOS / "heart-failure" / name).read_bytes()).hexdigest()[:16]
        for name in ("image.dcm", "note.txt", "observations.json")
    }
    assert digests == {
        "image.dcm": "fc22c995be16907d",
        "note.txt": "c1373acf03051f3c",
        "observations.json": "6cb5c742b3e9dadb",
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_every_demonstration_has_a_small_recording_and_a_panel(folder: Path) -> None:
    assert 0 < (folder / "recording.wav").stat().st_size < 50_000
    assert 0 < (folder / "variants.vcf").stat().st_size < 5_000


def test_a_description_without_a_seed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text("title: A\nsummary: B\n")
    with pytest.raises(ConfigError, match="needs title"):
        write_demo(tmp_path)
