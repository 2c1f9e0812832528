"""What the result document promises to everything that is drawn from it."""

import json
import math
from dataclasses import replace

import jsonschema
import pytest

from mmcore.errors import LedgerNotAdditiveError, NonFiniteResultError
from mmcore.records import Contribution, PartItem, Result
from mmcore.report import result_document
from mmcore.report.reading import read_document
from tests.unit.report.factories import (
    IMAGE,
    NOTE,
    make_case,
    make_explanation,
    make_full_result,
    make_instance,
    make_result,
    make_target,
)
from tests.unit.report.reports import SCHEMA, WITHHELD, target_of


def failed_image(name: str = "pneumonia") -> Result:
    explanation = make_explanation(make_target(name))
    part = replace(explanation.parts[IMAGE], passed=False, reason="No better than random.")
    parts = dict(explanation.parts) | {IMAGE: part}
    return make_result(explanations={name: replace(explanation, parts=parts)})


@pytest.mark.parametrize(
    "result",
    [
        make_result(),
        make_result(gates={"pneumonia": WITHHELD}),
        make_result(case=make_case(instances=(), observations=()), present=(NOTE,)),
        make_result(targets=(), explanations={}),
        make_result(case=make_case(instances=(make_instance(spacing_mm=None),))),
        failed_image(),
        make_full_result(),
        make_full_result(gates={"pneumonia": WITHHELD}),
    ],
    ids=[
        "plain",
        "withheld",
        "note only",
        "no targets",
        "no spacing",
        "failed part",
        "five modalities",
        "five modalities withheld",
    ],
)
def test_document_is_valid_by_the_published_schema_and_by_its_reader(result):
    document = result_document(result)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    read_document(document)


def test_base_plus_contributions_is_the_logit():
    for target in result_document(make_result())["targets"]:
        total = target["base"] + sum(c["signed"] for c in target["contributions"])
        assert total == pytest.approx(target["logit"], abs=1e-9)


def test_probability_is_the_logistic_of_the_logit_at_full_precision():
    target = target_of(make_result())
    assert target["probability"] == 1.0 / (1.0 + math.exp(-target["logit"]))


def test_coalitions_name_their_modalities_and_run_from_base_to_logit():
    target = target_of(make_result())
    values = {tuple(c["modalities"]): c["value"] for c in target["coalitions"]}
    assert len(values) == 8
    assert values[()] == pytest.approx(target["base"], abs=1e-6)
    assert values["image", "note", "observations"] == pytest.approx(target["logit"], abs=1e-6)
    assert values["image", "observations"] == pytest.approx(1.9 - 0.63, abs=1e-6)


def test_nothing_of_a_withheld_score_is_in_the_document():
    target = target_of(make_result(gates={"pneumonia": WITHHELD}))
    for name in ("logit", "probability", "interval", "called", "base"):
        assert target[name] is None
    for name in ("contributions", "interactions", "coalitions", "parts"):
        assert not target[name]


def test_a_part_that_failed_carries_only_its_reason():
    part = target_of(failed_image())["parts"]["image"]
    assert part == {
        "sum": None, "completeness_error": None, "passed": False,
        "reason": "No better than random.", "top": [], "overlay": None,
        "tests": [], "places": [], "sections": [],
    }  # fmt: skip


def test_a_failed_part_may_hold_numbers_that_are_not_finite():
    explanation = make_explanation(make_target())
    part = replace(explanation.parts[NOTE], passed=False, reason="Did not add up.", sum=math.nan)
    parts = dict(explanation.parts) | {NOTE: part}
    result = make_result(explanations={"pneumonia": replace(explanation, parts=parts)})
    assert target_of(result)["parts"]["note"]["sum"] is None


def test_a_ledger_that_misses_its_logit_is_refused():
    explanation = replace(make_explanation(make_target()), base=-0.5)
    with pytest.raises(LedgerNotAdditiveError):
        result_document(make_result(explanations={"pneumonia": explanation}))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(bad):
    targets = (make_target("pneumonia", logit=1.0),)
    with pytest.raises(NonFiniteResultError):
        result_document(make_result(targets=(replace(targets[0], logit=bad),)))
    with pytest.raises(NonFiniteResultError):
        result_document(make_result(targets=targets, timings={"encode": bad}))
    first = Contribution(IMAGE, 1.0, 1.0, (bad, 1.2))
    explanation = make_explanation(targets[0], (1.0, 0.0, 0.0))
    ledger = replace(explanation, contributions=(first, *explanation.contributions[1:]))
    with pytest.raises(NonFiniteResultError):
        result_document(make_result(targets=targets, explanations={"pneumonia": ledger}))


def test_strong_evidence_for_does_not_crowd_out_evidence_against():
    items = tuple(PartItem(f"word {i}", (i, i + 1), 1.0 - 0.01 * i) for i in range(40))
    items += (PartItem("no fever", (60, 68), -0.02),)
    explanation = make_explanation(make_target())
    part = replace(explanation.parts[NOTE], items=items)
    parts = dict(explanation.parts) | {NOTE: part}
    result = make_result(explanations={"pneumonia": replace(explanation, parts=parts)})
    top = target_of(result)["parts"]["note"]["top"]
    assert [item["what"] for item in top][-1] == "no fever"
    assert len(top) == 13


def test_the_text_of_a_note_is_not_in_the_document():
    case = make_case()
    note = replace(case.notes[0], text="Lives with Mr Quillfeather.")
    document = result_document(make_result(case=replace(case, notes=(note,))))
    assert "Quillfeather" not in json.dumps(document)
    assert document["case"]["notes"][0]["characters"] == 27


def test_unknown_facts_are_null_and_not_a_stand_in():
    instance = make_instance(spacing_mm=None, view_position=None, acquired_at=None)
    case = make_case(instances=(instance,))
    case = replace(case, patient=replace(case.patient, birth_date=None, age_years=None))
    case_document = result_document(make_result(case=case))["case"]
    assert case_document["key_image"]["spacing_mm"] is None
    assert case_document["key_image"]["acquired_at"] is None
    assert case_document["patient"]["birth_date"] is None
    assert case_document["patient"]["age_years"] is None
