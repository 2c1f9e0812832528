"""Result documents on disk: what is written is read back, and nothing else is."""

import copy
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from mmcore.errors import ResultFormatError
from mmcore.records import GateVerdict, TargetGate
from mmcore.report import document_digest, read_result, render_pdf, result_document, write_result
from mmcore.report.reading import read_document
from tests.unit.report.factories import make_result

SCHEMA = json.loads(Path("docs/result.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document() -> dict:
    gates = {"cardiomegaly": TargetGate("cardiomegaly", GateVerdict.WITHHELD, "Lateral view.")}
    return result_document(make_result(gates=gates))


def test_a_document_is_read_back_as_it_was_written(document, tmp_path):
    path = tmp_path / "case.json"
    write_result(document, path)
    assert read_result(path) == document
    assert document_digest(read_result(path)) == document_digest(document)


def test_the_pdf_of_a_document_read_back_is_the_same_file(document, tmp_path):
    write_result(document, tmp_path / "case.json")
    assert render_pdf(read_result(tmp_path / "case.json")) == render_pdf(document)


def test_text_of_any_script_survives_the_file(document, tmp_path):
    changed = copy.deepcopy(document)
    changed["case"]["patient"]["name"] = "山田太郎 محمد \U0001fac1 \ud800 \x00"
    write_result(changed, tmp_path / "case.json")
    assert read_result(tmp_path / "case.json") == changed


def test_the_digest_does_not_depend_on_the_order_of_members(document):
    assert document_digest(dict(reversed(document.items()))) == document_digest(document)


def test_a_bad_document_is_not_written_and_the_old_file_stays(document, tmp_path):
    path = tmp_path / "case.json"
    write_result(document, path)
    before = path.read_bytes()
    with pytest.raises(ResultFormatError):
        write_result(document | {"schema": "consilium.result/2"}, path)
    with pytest.raises(ResultFormatError):
        write_result(document | {"timings": {"encode": math.nan}}, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["case.json"]


@pytest.mark.parametrize(
    ("find", "put"),
    [
        (r'"encode": [\d.]+', '"encode": NaN'),
        (r'"encode": [\d.]+', '"encode": -Infinity'),
        (r'"encode": [\d.]+', '"encode": 1e400'),
        (r'"encode": [\d.]+', '"encode": 1' + "0" * 400),
        (r'"encode": [\d.]+', '"encode": 1' + "0" * 5000),
        (r'"encode": [\d.]+', '"encode": true'),
        (r'"encode": ([\d.]+)', r'"encode": \1, "encode": \1'),
        (r'"device": "cpu"', '"device": null'),
        (r'"schema": "[^"]+"', '"schema": "other/1"'),
        (r"\{", "[" * 100_000),
        (r"\{", "\ufeff{"),
        (r"(?s).*", "[]"),
        (r"(?s).*", ""),
    ],
)
def test_what_is_not_strict_json_of_a_result_is_refused(document, tmp_path, find, put):
    path = tmp_path / "case.json"
    write_result(document, path)
    path.write_text(re.sub(find, put, path.read_text("utf-8"), count=1), "utf-8")
    with pytest.raises(ResultFormatError):
        read_result(path)


def set_logit(document: dict) -> None:
    document["targets"][0]["logit"] += 0.01


def set_full_coalition(document: dict) -> None:
    document["targets"][0]["coalitions"][-1]["value"] += 0.01


def tell_withheld_logit(document: dict) -> None:
    next(t for t in document["targets"] if t["name"] == "cardiomegaly")["logit"] = 0.5


def tell_withheld_parts(document: dict) -> None:
    withheld = next(t for t in document["targets"] if t["name"] == "cardiomegaly")
    withheld["parts"] = document["targets"][0]["parts"]


def fail_part_but_keep_it(document: dict) -> None:
    document["targets"][0]["parts"]["image"]["passed"] = False


def drop_gate(document: dict) -> None:
    del document["gate"][0]


def cut_overlay(document: dict) -> None:
    overlay = document["targets"][0]["parts"]["image"]["overlay"]
    overlay["rows"] -= 1


def forge_image_size(document: dict) -> None:
    document["case"]["key_image"]["rows"] += 1


def send_no_png(document: dict) -> None:
    document["case"]["key_image"]["png"] = "aGVsbG8="


def divide_by_nothing(document: dict) -> None:
    document["case"]["key_image"]["spacing_mm"] = [0.0, 0.6]


@pytest.mark.parametrize(
    "tamper",
    [
        set_logit, set_full_coalition, tell_withheld_logit, tell_withheld_parts,
        fail_part_but_keep_it, drop_gate, cut_overlay, forge_image_size, send_no_png,
        divide_by_nothing,
    ],
)  # fmt: skip
def test_a_document_that_contradicts_itself_is_refused(document, tamper: Callable[[dict], None]):
    changed = copy.deepcopy(document)
    tamper(changed)
    with pytest.raises(ResultFormatError):
        read_document(changed)
    with pytest.raises(ResultFormatError):
        render_pdf(changed)


def objects_of(value: object) -> Iterator[dict]:
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from objects_of(member)
    elif isinstance(value, list):
        for item in value[:1]:
            yield from objects_of(item)


def test_whatever_the_reader_misses_the_schema_requires(document):
    refused = 0
    schema = jsonschema.Draft202012Validator(SCHEMA)
    changed = copy.deepcopy(document)
    for member in list(objects_of(changed)):
        for name in list(member):
            value = member.pop(name)
            try:
                read_document(changed)
            except ResultFormatError:
                refused += 1
                # The members of these two are keyed by stage and modality; a ledger may lack one.
                assert not schema.is_valid(changed), name
            member[name] = value
    assert refused > 80


def test_a_complaint_names_the_place_and_never_the_value(document):
    changed = copy.deepcopy(document)
    changed["case"]["patient"]["birth_date"] = "Rivera, born in spring"
    with pytest.raises(ResultFormatError) as refusal:
        read_document(changed)
    assert refusal.value.where == "document.case.patient.birth_date"
    assert "Rivera" not in str(refusal.value)
