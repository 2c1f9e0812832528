"""The result as FHIR: valid R4, complete in itself, and nothing in it that may not be told."""

import base64
import json
from typing import Any

import pytest

from mmcore.errors import ResultFormatError
from mmcore.report import add, render_pdf, result_document
from mmcore.results import Kind
from mmcore.results.fhir_check import check_bundle, references
from mmcore.results.make import make_results
from tests.unit.report.factories import make_case, make_result
from tests.unit.results.filed import (
    SIGNED_AT,
    STUDY,
    document_with,
    signed,
    standard_film,
    withholding,
)


def bundle_of(document: dict[str, object]) -> dict[str, Any]:
    (made,) = make_results(document, [standard_film()], kinds=[Kind.FHIR])
    return json.loads(made.data)


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = (entry["resource"] for entry in bundle["entry"])
    return [resource for resource in found if resource["resourceType"] == kind]


def test_every_finding_is_an_observation_with_its_interval() -> None:
    document = document_with()
    found = {o["code"]["text"]: o for o in resources(bundle_of(document), "Observation")}
    target = document["targets"][0]
    observation = found["Pneumonia"]
    assert observation["valueQuantity"]["value"] == target["probability"]
    interval = observation["component"][0]["valueRange"]
    assert [interval["low"]["value"], interval["high"]["value"]] == target["interval"]
    assert len(found) == len(document["targets"])


def test_contributions_in_it_add_up_to_the_logit() -> None:
    document = document_with()
    observation = resources(bundle_of(document), "Observation")[0]
    logits = [
        component["valueQuantity"]["value"]
        for component in observation["component"]
        if component.get("valueQuantity", {}).get("code") == "{logit}"
    ]
    assert sum(logits) == pytest.approx(document["targets"][0]["logit"])


def test_a_finding_with_a_snomed_code_has_it_and_one_that_nearly_fits_has_ours() -> None:
    codings = [o["code"]["coding"][0] for o in resources(bundle_of(document_with()), "Observation")]
    by_name = {coding["display"]: coding for coding in codings}
    assert by_name["Pneumothorax"]["code"] == "36118008"
    assert by_name["Pneumothorax"]["system"] == "http://snomed.info/sct"
    assert by_name["Heart failure"]["system"].startswith("urn:uuid:")


def test_a_draft_is_preliminary_and_marked_as_asserted_by_a_machine() -> None:
    bundle = bundle_of(document_with())
    for kind in ("DiagnosticReport", "Observation"):
        for resource in resources(bundle, kind):
            assert resource["status"] == "preliminary"
            assert resource["meta"]["security"][0]["code"] == "AIAST"
            assert resource["meta"]["tag"][0]["code"] == "not-verified"


def test_a_signed_reading_is_final_and_names_who_signed() -> None:
    bundle = bundle_of(signed(document_with()))
    (report,) = resources(bundle, "DiagnosticReport")
    assert report["status"] == "final"
    assert report["resultsInterpreter"] == [{"display": "Dr Ada Byron"}]
    assert report["issued"] == "2024-03-06T09:30:00+00:00"
    (provenance,) = resources(bundle, "Provenance")
    assert provenance["agent"][1]["who"] == {"display": "Dr Ada Byron"}


def test_an_addendum_is_appended() -> None:
    document = add(
        signed(document_with()), text="Called Dr Lind.", name="Dr Byron", account=None, at=SIGNED_AT
    )
    (report,) = resources(bundle_of(document), "DiagnosticReport")
    assert report["status"] == "appended"
    assert "Called Dr Lind." in report["conclusion"]


def test_the_signed_version_replaces_the_draft_on_the_server() -> None:
    urls = [
        {e["request"]["url"] for e in bundle_of(d)["entry"] if e["request"]["method"] == "PUT"}
        for d in (document_with(), signed(document_with()))
    ]
    assert urls[0] == urls[1]
    assert len(urls[0]) == 8  # the device, six observations, the report


def test_the_pdf_is_in_the_report() -> None:
    document = document_with()
    (report,) = resources(bundle_of(document), "DiagnosticReport")
    (form,) = report["presentedForm"]
    assert base64.b64decode(form["data"]) == render_pdf(document)


def test_patient_and_study_are_referred_to_and_never_written() -> None:
    bundle = bundle_of(document_with())
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert kinds == {"Device", "Observation", "DiagnosticReport", "Provenance"}
    (report,) = resources(bundle, "DiagnosticReport")
    assert report["subject"]["identifier"] == {"value": "P-0042"}
    assert report["imagingStudy"][0]["identifier"]["value"] == f"urn:oid:{STUDY}"


def test_a_withheld_finding_has_no_observation_and_the_conclusion_says_why() -> None:
    bundle = bundle_of(document_with(gates=withholding("pneumonia")))
    assert len(resources(bundle, "Observation")) == 5
    (report,) = resources(bundle, "DiagnosticReport")
    assert "Pneumonia: withheld. The view is lateral." in report["conclusion"]


def test_a_case_without_an_image_is_still_a_report() -> None:
    document = result_document(make_result(case=make_case(())))
    (made,) = make_results(document, [], kinds=[Kind.FHIR])
    (report,) = resources(json.loads(made.data), "DiagnosticReport")
    assert "imagingStudy" not in report


def test_a_reference_that_leads_out_of_the_bundle_is_refused() -> None:
    bundle = bundle_of(document_with())
    (report,) = resources(bundle, "DiagnosticReport")
    report["result"][0]["reference"] = "Observation/17"
    assert "Observation/17" in set(references(bundle))
    with pytest.raises(ResultFormatError, match="leads out"):
        check_bundle(bundle)


def test_what_is_not_valid_r4_is_refused_with_its_place() -> None:
    bundle = bundle_of(document_with())
    resources(bundle, "Observation")[0]["status"] = None
    with pytest.raises(ResultFormatError, match="Observation"):
        check_bundle(bundle)


def test_the_same_document_gives_the_same_bytes() -> None:
    twice = [
        make_results(document_with(), [standard_film()], kinds=[Kind.FHIR])[0].data
        for _ in range(2)
    ]
    assert twice[0] == twice[1]
