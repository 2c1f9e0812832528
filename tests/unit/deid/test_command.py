"""``python -m mmcore deid``: preview, approve, export, and the same scores afterwards."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mmcore.cli import app
from mmcore.engine import Engine
from mmcore.intake import case_from_paths
from mmcore.records import Case
from mmcore.simulate import sample_patient, write_patient
from tests.tiny import tiny_pack
from tests.unit.deid.planted import add_pixels, base, written


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["deid", *(str(a) for a in arguments)])


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    folder = tmp_path / "Zqxname"
    write_patient(sample_patient(4, 0), folder)
    (folder / "truth.json").unlink()
    return folder


def score(case: Case) -> dict[str, float]:
    engine = Engine.load(tiny_pack())
    return {t.name: t.logit for t in engine.predict(case).targets if t.logit is not None}


def test_a_case_scores_the_same_without_its_patient(patient: Path, tmp_path: Path) -> None:
    key, out = tmp_path / "key", tmp_path / "out"
    done = run(
        patient, "--key-file", key, "--new-key", "--out", out, "--keep-dates-shifted",
        "--mask-text", "none",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before, after = case_from_paths([patient]), case_from_paths([out])
    assert [f.name for f in after.files if f.verdict == "refused"] == []
    ours, theirs = score(after), score(before)
    assert ours
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert "zqx" not in done.output.lower()


def test_an_image_with_text_leaves_only_with_the_boxes_of_who_looked(tmp_path: Path) -> None:
    dataset = base("US", "1.2.840.10008.5.1.4.1.1.6.1")
    add_pixels(dataset, np.tile(np.arange(120, dtype=np.uint8), (90, 1)), stored=8)
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "us.dcm").write_bytes(written(dataset))
    key, seen = tmp_path / "key", tmp_path / "seen"
    call = (tmp_path / "case", "--key-file", key)
    assert run(*call, "--new-key", "--preview", seen).exit_code == 0
    refused = run(*call, "--out", tmp_path / "without")
    assert "TEXT_NOT_APPROVED" in refused.output
    assert not list((tmp_path / "without").glob("*.dcm"))
    (picture,) = seen.glob("*.png")
    boxes = json.loads((seen / "boxes.json").read_text())
    assert boxes == {picture.stem: []}
    boxes[picture.stem] = [[2, 3, 10, 40]]
    (seen / "boxes.json").write_text(json.dumps(boxes))
    done = run(*call, "--out", tmp_path / "with", "--approved", seen / "boxes.json")
    assert done.exit_code == 0, done.output
    (image,) = case_from_paths([tmp_path / "with" / "image-001.dcm"]).instances
    assert (image.pixels[0, 2:12, 3:43] == 0).all()
    assert image.pixels[0, 20, 100] == 100
    report = json.loads((tmp_path / "with" / "report.json").read_text())
    assert report["files"][0]["masked"] == [[2, 3, 10, 40]]


def test_wrong_calls_are_refused_before_anything_is_written(patient: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert run(patient, "--key-file", key).exit_code == 2
    assert run(patient, "--key-file", key, "--out", tmp_path / "o").exit_code == 1  # no key
    key.write_text("short")
    refused = run(patient, "--key-file", key, "--out", tmp_path / "o")
    assert refused.exit_code == 1
    assert "short" not in refused.output
    assert run(patient, "--key-file", key, "--new-key", "--out", tmp_path / "o").exit_code == 1
    assert key.read_text() == "short"
    assert run(patient, "--key-file", key, "--out", patient).exit_code == 2
    bad = tmp_path / "bad.json"
    bad.write_text('{"x": [[1, 2]]}')
    assert (
        run(patient, "--key-file", key, "--out", tmp_path / "o", "--approved", bad).exit_code == 2
    )
    assert not list((tmp_path / "o").glob("*"))
