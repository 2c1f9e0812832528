"""What the files do not agree on is filed with the result and told in every view of it."""

import json
from datetime import datetime
from pathlib import Path

import jsonschema

from mmcore.records import Contradiction, ContradictionKind
from mmcore.report import result_document
from mmcore.report.reading import read_document
from tests.unit.report.factories import make_case, make_result

SIDE = Contradiction(
    ContradictionKind.SIDE, "a.dcm says left and b.txt says right", ("a.dcm", "b.txt")
)
TOLD = "Contradiction: a.dcm says left and b.txt says right."


def test_contradictions_and_the_time_of_the_prediction_are_filed_and_read_back() -> None:
    case = make_case(contradictions=(SIDE,), as_of=datetime(2024, 5, 6, 12), notices=("Else.",))
    document = json.loads(json.dumps(result_document(make_result(case=case))))
    schema = json.loads(Path("docs/result.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    assert document["case"]["contradictions"] == [
        {"kind": "side", "words": TOLD, "files": ["a.dcm", "b.txt"]}
    ]
    assert document["case"]["as_of"] == "2024-05-06T12:00:00"
    assert read_document(document).case.notices == (TOLD, "Else.")


def test_a_document_from_before_contradictions_is_still_read() -> None:
    document = json.loads(json.dumps(result_document(make_result())))
    del document["case"]["contradictions"], document["case"]["as_of"]
    assert all("Contradiction" not in told for told in read_document(document).case.notices)
