"""Tests, places, marks, sections and disagreements in the result document."""

import json
import math
from dataclasses import replace

import jsonschema
import pytest

from mmcore.errors import ResultFormatError
from mmcore.explain.relations import Relation
from mmcore.records import Interaction, PartItem, PartTest, Place, Result, Section
from mmcore.report import result_document
from mmcore.report.reading import read_document
from tests.unit.report.factories import (
    IMAGE,
    NOTE,
    make_case,
    make_explanation,
    make_full_result,
    make_result,
    make_target,
)
from tests.unit.report.reports import SCHEMA, WITHHELD, target_of

TESTS = (
    PartTest("deletion", True, 0.8, 0.2, "Deleting the marked places moved it four times more."),
    PartTest("stability", False, 0.3, 0.7, "Small noise moved the map."),
    PartTest("anatomy", None, math.nan, 0.5, "No lungs were outlined."),
)


PLACES = (Place("left lower zone", 1.2, -0.1), Place("text marker", 0.05, 0.0, is_outside=True))


def checked(*, passed: bool = True) -> Result:
    """Return a result whose image has tests and places, and whose note has marks and sections."""
    target = make_target(prediction_set="both")
    made = make_explanation(target, interactions=(Interaction(IMAGE, NOTE, -0.5),))
    image = replace(
        made.parts[IMAGE], tests=TESTS, places=PLACES, passed=passed, reason="Unstable."
    )
    items = tuple(replace(item, mark="negated") for item in made.parts[NOTE].items)
    parts = {**made.parts, IMAGE: image, NOTE: replace(made.parts[NOTE], items=items)}
    case = make_case()
    note = replace(case.notes[0], sections=(Section("Exam", "examination", 17, 38),))
    return make_result(
        case=replace(case, notes=(note,)), targets=(target,),
        explanations={"pneumonia": replace(made, parts=parts)},
    )  # fmt: skip


def test_tests_places_marks_sections_set_and_relations_come_back_as_they_were():
    document = json.loads(json.dumps(result_document(checked())))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    (target,) = read_document(document).targets
    part, note = target.parts[IMAGE], target.parts[NOTE]
    assert part.tests[:2] == TESTS[:2]
    assert (part.tests[2].passed, part.tests[2].words) == (None, TESTS[2].words)
    assert math.isnan(part.tests[2].value)
    assert part.places == PLACES
    assert {item.mark for item in note.top} == {"negated"}
    assert [(s.title, s.start, s.end) for s in note.sections] == [("", 0, 16), ("Exam", 17, 38)]
    assert sum(s.signed for s in note.sections) == pytest.approx(0.47 + 0.22 - 0.06)
    assert target.prediction_set == "both"
    assert target.relations == (Relation.REDUNDANT,), "0.5 is over two thirds of 0.63"


def test_a_failed_part_tells_which_test_it_failed_and_no_place():
    document = result_document(checked(passed=False))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    part = read_document(document).targets[0].parts[IMAGE]
    assert [test.passed for test in part.tests] == [True, False, None]
    assert not part.places
    assert part.sum is None


def test_nothing_of_the_set_is_told_of_a_withheld_target():
    result = checked()
    withheld = replace(result.prediction, gate=(WITHHELD,))
    assert target_of(replace(result, prediction=withheld))["prediction_set"] is None


def test_an_older_document_without_the_newer_members_is_still_read():
    document = json.loads(json.dumps(result_document(checked())))
    (target,) = document["targets"]
    del target["prediction_set"]
    for interaction in target["interactions"]:
        del interaction["relation"]
    for part in target["parts"].values():
        for name in ("tests", "places", "sections"):
            del part[name]
        for item in part["top"]:
            del item["mark"]
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    (read,) = read_document(document).targets
    assert read.prediction_set is None
    assert read.relations == (None,)
    assert all(not (p.tests or p.places or p.sections) for p in read.parts.values())
    assert {item.mark for item in read.parts[NOTE].top} == {""}


@pytest.mark.parametrize(
    ("member", "value"),
    [("places", [{"name": "x", "positive": -1.0, "negative": 0.0, "is_outside": False}]),
     ("tests", [{"name": "x", "passed": "yes", "value": 0, "limit": 0, "words": ""}]),
     ("sections", [{"title": "", "kind": "other", "where": [1], "signed": 0}])],
)  # fmt: skip
def test_what_can_not_be_a_place_a_test_or_a_section_is_refused(member, value):
    document = json.loads(json.dumps(result_document(checked())))
    document["targets"][0]["parts"]["image"][member] = value
    with pytest.raises(ResultFormatError):
        read_document(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_a_disagreement_of_the_sources_is_filed_and_read_back() -> None:
    target = make_target("pneumonia")
    explanation = make_explanation(target)
    assert target.is_positive
    denied = PartItem("No pneumonia.", (10, 23), -0.3, "negated")
    note = explanation.parts[NOTE]
    steps = tuple(
        replace(c, signed=-0.9 if c.modality == NOTE else c.signed)
        for c in explanation.contributions
    )
    shift = sum(c.signed for c in steps) - sum(c.signed for c in explanation.contributions)
    coalitions = explanation.coalitions.copy()
    coalitions[-1] += shift
    changed = replace(
        explanation, contributions=steps, logit=explanation.logit + shift, coalitions=coalitions,
        interactions=(Interaction(IMAGE, NOTE, 0.0),),
        parts={**explanation.parts, NOTE: replace(note, items=(*note.items, denied))},
    )  # fmt: skip
    probability = 1 / (1 + math.exp(-changed.logit))
    moved = replace(target, logit=changed.logit, probability=probability, operating_point=0.01)
    result = make_result(targets=(moved,), explanations={"pneumonia": changed})
    document = result_document(result)
    (filed,) = document["targets"]
    assert filed["disagreement"]["raising"] == ["image"]
    assert filed["disagreement"]["lowering"] == ["note"]
    assert [c["what"] for c in filed["disagreement"]["clauses"]] == ["No pneumonia."]
    jsonschema.validate(document, SCHEMA)
    (read,) = read_document(document).targets
    assert read.disagreement.raising == (IMAGE,)
    assert read.disagreement.clauses == (denied,)


def test_an_older_document_holds_no_disagreement() -> None:
    document = result_document(make_full_result())
    for target in document["targets"]:
        del target["disagreement"]
    assert not any(t.disagreement for t in read_document(document).targets)
