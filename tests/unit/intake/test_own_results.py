"""What this program wrote is no input of it: reports, objects and resources of a model's answer."""

import io
import json

from reportlab.pdfgen.canvas import Canvas

from mmcore.intake import RawFile, case_from_files
from mmcore.intake.dicom.reader import OWN_MANUFACTURER
from mmcore.intake.documents.pdf import PRODUCER
from mmcore.records import FileVerdict, SourceFile
from mmcore.report.pdf import archive
from mmcore.results.dicom_object import MANUFACTURER
from tests.unit.intake.test_dicom_documents import enclosing
from tests.unit.intake.test_observations_fhir import bundle, observation, patient, quantity

AIAST = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                       "code": "AIAST"}]}  # fmt: skip


def pdf(producer: str) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.setProducer(producer)
    canvas.drawString(72, 720, "FINDINGS: right lower lobe consolidation.")
    canvas.save()
    return file.getvalue()


def read(name: str, data: bytes) -> tuple[SourceFile, int]:
    case = case_from_files([RawFile(name, data)])
    return case.files[0], len(case.notes) + len(case.observations)


def test_the_names_by_which_they_are_known_are_those_that_are_written() -> None:
    assert PRODUCER == archive.PRODUCER
    assert OWN_MANUFACTURER == MANUFACTURER


def test_a_report_of_this_program_is_kept_aside_in_dicom_too() -> None:
    for name, data in (("r.pdf", pdf(PRODUCER)), ("r.dcm", enclosing(pdf(PRODUCER)))):
        file, n_items = read(name, data)
        assert (file.verdict, n_items) == (FileVerdict.KEPT_ASIDE, 0)
        assert "which no model is told" in file.reason


def test_reports_of_others_are_read() -> None:
    assert read("r.pdf", pdf("Consilium Radiology Writer"))[1] == 1
    assert read("r.pdf", pdf("Word"))[1] == 1


def test_results_labelled_as_a_models_are_counted_and_not_read() -> None:
    own = observation("2823-3", quantity(4.1, "mmol/L"), meta=AIAST)
    other = observation("718-7", quantity(13, "g/dL"), meta={"security": ["x", {"code": "R"}]})
    case = case_from_files([RawFile("b.json", json.dumps(bundle(patient(), own, other)).encode())])
    assert [found.loinc for found in case.observations] == ["718-7"]
    assert "1 results that a model made were kept aside." in case.notices
