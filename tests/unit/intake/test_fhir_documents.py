"""Notes in FHIR and the two releases: what is attached is read, nothing is fetched."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import RawFile, case_from_files, fhir_documents
from mmcore.intake.fhir_models import Release, release_of, validate
from mmcore.intake.parts import ObservationsPart
from mmcore.records import FileVerdict
from tests.unit.intake.make_documents import make_cda, make_pdf, section, structured
from tests.unit.intake.test_observations_fhir import bundle, observation, patient, read

NOTE = b"FINDINGS: right lower lobe consolidation.\nIMPRESSION: pneumonia."


def attached(data: bytes, kind: str = "text/plain", **more: Any) -> dict[str, Any]:
    return {"contentType": kind, "data": base64.b64encode(data).decode(), **more}


def document(*attachments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "type": {"text": "Radiology report"},
        "date": "2024-05-06T07:08:09+02:00",
        "subject": {"reference": "Patient/p"},
        "content": [{"attachment": attachment} for attachment in attachments],
        **more,
    }


def report(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"coding": [{"display": "Chest X-ray"}]},
        "subject": {"reference": "Patient/p"},
        **more,
    }


def texts(part: ObservationsPart) -> list[str]:
    return [note.text for note in part.notes]


def test_an_attached_text_becomes_a_note_with_title_time_and_sections() -> None:
    (note,) = read(patient(), document(attached(NOTE))).notes
    assert (note.text, note.title) == (NOTE.decode(), "Radiology report")
    assert note.authored_at == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert [part.kind for part in note.sections] == ["findings", "impression"]


def test_html_pdf_and_cda_are_told_by_their_content() -> None:
    html = b"<html><body><p>FINDINGS: <b>clear</b></p><script>x</script></body></html>"
    cda = make_cda(structured(section("Findings", "clear")))
    part = read(
        patient(),
        document(attached(html, "text/html")),
        document(attached(make_pdf(NOTE.decode()), "application/octet-stream")),
        document(attached(cda, "text/xml")),
    )
    assert texts(part) == ["FINDINGS: clear", NOTE.decode(), "Findings:\nclear"]


def test_forms_of_one_document_are_read_once() -> None:
    part = read(patient(), document(attached(b"\1\2", "image/png"), attached(NOTE), attached(NOTE)))
    assert texts(part) == [NOTE.decode()]


def test_an_address_is_never_followed() -> None:
    elsewhere = {"contentType": "text/plain", "url": "http://127.0.0.1:9/note.txt"}
    part = read(patient(), document(elsewhere), document({"url": "file:///etc/passwd"}))
    assert part.notes == ()
    assert "2 attachments that lie elsewhere and are never fetched" in part.notices[0]


def test_a_binary_of_the_same_bundle_is_found() -> None:
    binary = {"resourceType": "Binary", "id": "b", "contentType": "text/plain",
              "data": base64.b64encode(NOTE).decode()}  # fmt: skip
    part = read(patient(), binary, document({"contentType": "text/plain", "url": "Binary/b"}))
    assert texts(part) == [NOTE.decode()]


def test_a_report_is_its_presented_form_else_its_conclusion() -> None:
    both = report(
        presentedForm=[attached(NOTE)], conclusion="pneumonia", issued="2024-05-06T07:00:00Z"
    )
    part = read(patient(), both, report(conclusion="No pneumonia."))
    assert texts(part) == [NOTE.decode(), "No pneumonia."]
    assert [note.title for note in part.notes] == ["Chest X-ray", "Chest X-ray"]


@pytest.mark.parametrize(
    "withdrawn",
    [document(attached(NOTE), status="entered-in-error"),
     document(attached(NOTE), status="superseded"),
     document(attached(NOTE), docStatus="entered-in-error"),
     report(presentedForm=[attached(NOTE)], status="cancelled")],
)  # fmt: skip
def test_what_was_withdrawn_is_not_read(withdrawn: dict[str, Any]) -> None:
    part = read(patient(), withdrawn)
    assert part.notes == ()
    assert "1 documents that were withdrawn or replaced" in part.notices[0]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (document({"contentType": "text/plain", "data": "%%%"}), "base64"),
        (document(attached(b"\1\2", "image/png")), "no kind that is read"),
        (document(attached(b"  ")), "no text"),
        (document(attached(make_pdf(""))), "only pictures of pages"),
        ({**document(), "content": "x"}, "not valid FHIR"),
    ],
)
def test_what_can_not_be_read_is_said_by_entry(bad: dict[str, Any], words: str) -> None:
    part = read(patient(), bad, document(attached(NOTE)))
    assert texts(part) == [NOTE.decode()]
    assert len(part.questions) == 1
    assert "entry 2" in part.questions[0]
    assert words in part.questions[0]


def test_a_document_of_another_patient_inside_the_bundle_is_not_used() -> None:
    cda = make_cda(structured(section("Findings", "clear")), patient='<id extension="777"/>')
    part = read(patient(), document(attached(cda, "text/xml")), document(attached(b"MRN: 777\nx")))
    assert part.notes == ()
    assert part.questions == ("2 attached documents name another patient and were not used",)


def test_attachments_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_documents, "MAX_ATTACHMENTS", 1)
    with pytest.raises(FileRefusedError) as caught:
        read(patient(), document(attached(NOTE)), document(attached(NOTE)))
    assert caught.value.code == RefusalCode.TOO_MANY_ELEMENTS


def test_documents_of_one_bundle_share_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_documents, "MAX_SECONDS", 0.0)
    pdf = document(attached(make_pdf(NOTE.decode())))
    part = read(patient(), pdf, pdf, document(attached(NOTE)))
    assert texts(part) == [NOTE.decode(), NOTE.decode()]
    assert "took all the time" in part.questions[0]


def test_a_fragment_of_html_is_stripped_too() -> None:
    part = read(patient(), document(attached(b"Lungs <b>clear</b> &amp; dry", "text/html")))
    assert texts(part) == ["Lungs clear & dry"]


def test_an_attachment_of_a_hundred_megabytes_is_refused_unread() -> None:
    huge = b'{"resourceType": "DocumentReference", "content": "' + b"A" * 100_000_000 + b'"}'
    (found,) = case_from_files([RawFile("huge.json", huge)]).files
    assert found.code == RefusalCode.TOO_LARGE


def test_a_bundle_of_notes_alone_is_called_a_note() -> None:
    data = json.dumps(bundle(patient(), document(attached(NOTE)))).encode()
    case = case_from_files([RawFile("b.json", data)])
    assert [(file.kind, file.verdict) for file in case.files] == [("note", FileVerdict.USED)]
    assert case.patient.patient_id == "00123"
    assert [note.text for note in case.notes] == [NOTE.decode()]


# Releases


def test_r5_is_told_by_what_it_states_or_by_what_only_it_has() -> None:
    r5 = observation(meta={"profile": ["http://hl7.org/fhir/5.0/StructureDefinition/Observation"]})
    assert release_of([bundle(), r5]) is Release.R5
    assert (
        release_of([{"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}]) is Release.R4
    )
    assert release_of([observation(triggeredBy=[])]) is Release.R5
    assert release_of([observation()]) is Release.R4


def test_an_observation_of_r5_is_read_like_one_of_r4() -> None:
    triggered = [{"observation": {"reference": "Observation/x"}, "type": "reflex"}]
    part = read(patient(), observation(triggeredBy=triggered))
    assert part.questions == ()
    assert [o.value for o in part.observations] == [5.5]


def test_what_is_valid_in_the_other_release_alone_is_still_read() -> None:
    resource = observation(triggeredBy=[])
    del resource["triggeredBy"]
    resource["bodyStructure"] = {"reference": "BodyStructure/b"}
    assert validate(resource, "Observation", Release.R4) is Release.R5
    with pytest.raises(FileRefusedError) as caught:
        validate({**resource, "status": 5}, "Observation", Release.R5)
    assert "FHIR R5" in caught.value.detail
    assert caught.value.attribute == "Observation.status"
