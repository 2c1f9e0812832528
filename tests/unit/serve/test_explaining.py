"""The command that explains one case."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from mmcore.cli import app
from tests.tiny import tiny_pack

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "result.schema.json").read_text())


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("patients")
    assert run("simulate", out, "--patients", 1, "--seed", 4).exit_code == 0
    (out / "patient-000000" / "truth.json").unlink()
    return out / "patient-000000"


def test_the_asked_target_alone_is_explained_in_the_shape_of_a_result(
    patient: Path, tmp_path: Path
) -> None:
    written = tmp_path / "one.json"
    done = run("explain", patient, "--pack", tiny_pack(), "--target", "effusion", "--json", written)
    assert done.exit_code == 0, done.output
    document = json.loads(written.read_text())
    Draft202012Validator(SCHEMA).validate(document)
    explained = [t["name"] for t in document["targets"] if t["contributions"]]
    assert explained == ["effusion"]


def test_another_method_says_that_it_is_another_and_where_it_does_not_apply(
    patient: Path, tmp_path: Path
) -> None:
    asked = ("explain", patient, "--pack", tiny_pack(), "--target", "effusion")
    done = run(*asked, "--method", "layer_gradcam", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (written,) = tmp_path.glob("*.json")
    document = json.loads(written.read_text())
    Draft202012Validator(SCHEMA).validate(document)
    assert any("Grad-CAM" in notice for notice in document["notices"])
    (target,) = (t for t in document["targets"] if t["contributions"])
    assert target["parts"]["image"]["overlay"] is not None
    assert not target["parts"]["note"]["passed"]
    assert "only images" in target["parts"]["note"]["reason"]
    printed = run(*asked, "--method", "layer_gradcam").output
    assert "effusion: base" in printed
    assert "only images" in printed


@pytest.mark.parametrize(
    ("option", "value"),
    [("--target", "gout"), ("--method", "lime"), ("--baseline", "black")],
)
def test_what_is_unknown_is_refused_in_one_line(patient: Path, option: str, value: str) -> None:
    asked = ["explain", patient, "--pack", tiny_pack(), option, value]
    done = run(*asked, *(["--method", "saliency"] if option == "--baseline" else []))
    assert done.exit_code == 1
    assert "refused" in done.output
    assert value in done.output


def test_a_case_that_can_not_be_scored_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.dcm").write_bytes(b"")
    done = run("explain", tmp_path / "empty.dcm", "--pack", tiny_pack())
    assert done.exit_code == 0, done.output
    assert "withheld" in done.output


def test_the_printed_parts_of_an_input_add_up_to_all_of_it(patient: Path) -> None:
    printed = run("explain", patient, "--pack", tiny_pack(), "--target", "effusion").output
    left = re.findall(r"([+-][0-9.]+)  ([0-9]+) more, together", printed)
    assert left, "an input with more parts than are printed"
    shown = re.split(r"^  [+-]", printed, flags=re.MULTILINE)[1:]
    for block in (b for b in shown if "more, together" in b):
        total = float(re.search(r"^ *([0-9.]+)", block)[1])
        sign = printed[printed.index(block) - 1]
        parts = [float(n) for n in re.findall(r"^    +([+-][0-9.]+)  ", block, re.MULTILINE)]
        assert len(parts) == 7
        error = float(re.search(r"completeness error ([+-][0-9.]+)", block)[1])
        assert sum(parts) == pytest.approx(float(f"{sign}{total}"), abs=abs(error) + 0.005)
