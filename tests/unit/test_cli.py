"""The commands that other people's scripts rely on."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from mmcore.cli import app
from mmcore.evaluate import explanations
from mmcore.evaluate.explanations import ExplanationFigures
from tests.tiny import tiny_pack

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "result.schema.json").read_text())


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("patients")
    assert run("simulate", out, "--patients", 2, "--seed", 4).exit_code == 0
    return out


def test_simulate_writes_one_folder_per_patient_and_the_same_ones_again(
    patients: Path, tmp_path: Path
) -> None:
    names = ["image.dcm", "note.txt", "observations.json", "recording.wav", "truth.json"]
    names.append("variants.vcf")
    assert sorted(p.name for p in (patients / "patient-000001").iterdir()) == names
    run("simulate", tmp_path, "--patients", 2, "--seed", 4)
    for name in names:
        again = (tmp_path / "patient-000001" / name).read_bytes()
        assert again == (patients / "patient-000001" / name).read_bytes()


def test_score_writes_a_valid_result_named_after_the_case(patients: Path, tmp_path: Path) -> None:
    done = run("score", patients / "patient-000000", "--pack", tiny_pack(), "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (written,) = tmp_path.glob("*.json")
    document = json.loads(written.read_text())
    Draft202012Validator(SCHEMA).validate(document)
    assert written.stem == document["case"]["digest"]
    for target in document["targets"]:
        if target["logit"] is not None:
            total = target["base"] + sum(c["signed"] for c in target["contributions"])
            assert total == pytest.approx(target["logit"], abs=1e-4)


def test_a_file_that_is_no_input_is_refused_in_the_json_not_by_the_exit_code(
    tmp_path: Path,
) -> None:
    (tmp_path / "empty.dcm").write_bytes(b"")
    out = tmp_path / "out"
    done = run("score", tmp_path / "empty.dcm", "--pack", tiny_pack(), "--out", out)
    assert done.exit_code == 0, done.output
    (written,) = out.glob("*.json")
    document = json.loads(written.read_text())
    Draft202012Validator(SCHEMA).validate(document)
    assert document["case"]["files"][0]["verdict"] == "refused"
    assert document["targets"] == []
    assert {g["verdict"] for g in document["gate"]} == {"withheld"}


def test_explain_says_which_file_was_refused_and_why(tmp_path: Path) -> None:
    (tmp_path / "empty.dcm").write_bytes(b"")
    done = run("explain", tmp_path / "empty.dcm", "--pack", tiny_pack())
    assert done.output.startswith("refused: empty.dcm: the file is empty")


def test_a_place_that_can_not_be_written_is_refused_in_one_line(
    patients: Path, tmp_path: Path
) -> None:
    run("score", patients / "patient-000000", "--pack", tiny_pack(), "--out", tmp_path)
    (written,) = tmp_path.glob("*.json")
    place = tmp_path / "nowhere" / "report.pdf"
    done = run("report", written, "--out", place)
    assert done.exit_code == 1
    assert done.output == f"refused: {place}: No such file or directory\n"


def test_a_wrong_call_exits_with_two(tmp_path: Path) -> None:
    assert (
        run("score", tmp_path / "nowhere", "--pack", tiny_pack(), "--out", tmp_path).exit_code == 2
    )
    assert run("pack", "no-such-pack").exit_code == 2
    assert run("report", tmp_path / "nowhere", "--out", tmp_path / "a.pdf").exit_code == 2
    (tmp_path / "file").write_bytes(b"a note")
    arguments = (tmp_path / "file", "--pack", tiny_pack(), "--out", tmp_path / "file")
    assert run("score", *arguments).exit_code == 2
    assert run("evaluate", "--pack", tiny_pack(), "--data", tmp_path / "nowhere").exit_code == 2


def test_every_case_that_could_not_be_read_keeps_its_own_result(tmp_path: Path) -> None:
    for name in ("one.pdf", "other.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-" + name.encode())
    files = (tmp_path / "one.pdf", tmp_path / "other.pdf")
    assert run("score", *files, "--pack", tiny_pack(), "--out", tmp_path / "out").exit_code == 0
    documents = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.json")]
    names = {document["case"]["files"][0]["name"] for document in documents}
    assert names == {"one.pdf", "other.pdf"}


def test_report_renders_the_result_alone(
    patients: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("score", patients / "patient-000001", "--pack", tiny_pack(), "--out", tmp_path)
    (result,) = tmp_path.glob("*.json")
    pdf = tmp_path / "report.pdf"
    assert run("report", result, "--out", pdf).exit_code == 0
    assert pdf.read_bytes().startswith(b"%PDF-")
    translated = tmp_path / "translated.pdf"
    assert run("report", result, "--out", translated, "--language", "zh-Hans").exit_code == 0
    assert translated.read_bytes() != pdf.read_bytes()
    assert run("report", result, "--out", pdf, "--language", "xx").exit_code == 1
    template, letter = tmp_path / "template.yaml", tmp_path / "letter.pdf"
    monkeypatch.setenv("CONSILIUM_REPORT_TEMPLATE", str(template))
    template.write_text("department: Radiology")
    assert run("report", result, "--out", letter).exit_code == 0
    assert letter.read_bytes() != pdf.read_bytes()
    template.write_text("departement: Radiology")
    refused = run("report", result, "--out", tmp_path / "none.pdf")
    assert refused.exit_code == 1
    assert "departement" in refused.output
    assert not (tmp_path / "none.pdf").exists()


def test_a_damaged_result_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"schema": "consilium.result/1", "pack": NaN}')
    done = run("report", tmp_path / "result.json", "--out", tmp_path / "report.pdf")
    assert done.exit_code == 1
    assert "refused" in done.output
    assert not (tmp_path / "report.pdf").exists()


def test_evaluate_reports_what_every_input_is_worth_with_intervals(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = run(
        "evaluate", "--pack", tiny_pack(), "--patients", 20, "--seed", 6, "--json", figures
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    measured = json.loads(figures.read_text())
    inputs = ["image", "note", "observations", "recording", "variants"]
    without_one = {"+".join(m for m in inputs if m != gone) for gone in inputs}
    beside = {"average", "subgroups", "outlines", "counts"}
    assert set(measured) == {"all", *inputs, *without_one, *beside}
    assert measured["counts"]["patients"] == 20
    assert set(measured["subgroups"]) == {"sex", "age"}
    assert set(measured["outlines"]) <= {*measured["all"]}
    auroc = measured["all"]["consolidation"]["auroc"]
    assert auroc["low"] <= auroc["value"] <= auroc["high"]
    assert "| consolidation |" in done.output


def test_evaluate_on_written_patients_gives_what_it_gives_on_the_same_ones_in_memory(
    tmp_path: Path,
) -> None:
    run("simulate", tmp_path / "data", "--patients", 20, "--seed", 6)
    for name, arguments in {
        "files": ["--data", tmp_path / "data"],
        "memory": ["--patients", 20, "--seed", 6],
    }.items():
        run("evaluate", "--pack", tiny_pack(), "--json", tmp_path / name, *arguments)
    files, memory = (json.loads((tmp_path / n).read_text())["all"] for n in ("files", "memory"))
    for target, figures in memory.items():
        for name, figure in figures.items():
            assert files[target][name]["value"] == pytest.approx(figure["value"], abs=0.02), (
                target,
                name,
            )


def test_what_could_not_be_counted_is_null_not_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations, "check_explanations", lambda *_: ExplanationFigures())
    done = run("evaluate", "--pack", tiny_pack(), "--explain", 1)
    assert done.exit_code == 0, done.output
    assert "NaN" not in done.stdout
    assert json.loads(done.stdout)["peak_in_lesion"] is None
