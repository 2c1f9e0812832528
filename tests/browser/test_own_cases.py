"""Cases a person brings: complete, packed, hostile, partial, and two people at once."""

import json
import zipfile
from pathlib import Path

import pydicom.data
import pytest
from playwright.sync_api import FilePayload, expect
from pydicom.pixels import apply_rescale

from mmcore.simulate import write_cohort
from tests.browser.clinician import Clinician
from tests.browser.conftest import NewClinician

pytestmark = pytest.mark.browser

CT = Path(pydicom.data.get_testdata_file("CT_small.dcm"))  # comes with pydicom
INPUTS = ("image.dcm", "note.txt", "observations.json", "recording.wav", "variants.vcf")
MODALITIES = ("image", "note", "observations", "recording", "variants")


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Two simulated patients as folders."""
    return write_cohort(tmp_path_factory.mktemp("cohort"), patients=2, seed=4711)


def files_of(folder: Path) -> list[Path]:
    return [folder / name for name in INPUTS]


def named(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def test_a_patient_brought_as_files_is_read_whole_and_reviewed(
    clinician: Clinician, patients: tuple[Path, ...]
) -> None:
    clinician.add(files_of(patients[0]))
    assert {n: v for n, (v, _) in clinician.verdicts().items()} == dict.fromkeys(INPUTS, "used")
    assert clinician.inputs() == dict.fromkeys(MODALITIES, True)
    expect(clinician.see("case-summary")).to_contain_text("PHANTOM-4711-0")
    clinician.review()
    assert clinician.findings()
    clinician.wait_for_image()
    expect(clinician.see("viewer-top-left")).to_contain_text("PHANTOM-4711-0")


def test_the_same_files_in_a_zip_are_the_same_case(
    clinician: Clinician, patients: tuple[Path, ...], tmp_path: Path
) -> None:
    clinician.add(files_of(patients[0]))
    packed = tmp_path / "patient.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in files_of(patients[0]):
            archive.write(path, path.name)
    clinician.add([packed])
    expect(clinician.see("case-summary")).to_contain_text("PHANTOM-4711-0")
    clinician.switcher.click()
    expect(clinician.page.get_by_role("option")).to_have_count(1)


def labs_with_a_wrong_unit(folder: Path) -> bytes:
    bundle = json.loads((folder / "observations.json").read_text("utf-8"))
    first = next(e["resource"] for e in bundle["entry"] if "valueQuantity" in e["resource"])
    first["valueQuantity"] |= {"unit": "furlong", "code": "[fur_us]"}
    patient = bundle["entry"][0]["resource"]
    patient["identifier"][0]["value"] = "1CT1"  # as the CT says, so that they are one patient
    del patient["name"]
    for entry in bundle["entry"]:  # before the CT, as later values are left out
        if "effectiveDateTime" in entry["resource"]:
            entry["resource"]["effectiveDateTime"] = "1997-04-30T08:00:00Z"
    return json.dumps(bundle).encode()


def test_every_bad_file_gets_its_verdict_in_words_and_nothing_crashes(
    clinician: Clinician, patients: tuple[Path, ...]
) -> None:
    hostile = ("<script>alert(1)<script>.dcm", "<img src=x onerror=alert(1)>.bin")
    clinician.add(
        [
            named("empty.dcm", b""),
            named("letter.dcm", b"Dear colleague, this is a letter and no image.\n" * 20),
            named("labs.json", labs_with_a_wrong_unit(patients[0])),
            named(hostile[0], b"\x00\x01\x02" * 100),
            named(hostile[1], b"\x7fELF\x00\x01\x02" * 100),
            named("ct.dcm", CT.read_bytes()),
        ]
    )
    told = clinician.verdicts()
    assert set(told) == {"empty.dcm", "letter.dcm", "labs.json", "ct.dcm", *hostile}
    for name, words in {
        "empty.dcm": "The file is empty",
        hostile[0]: "is named like a DICOM image but is not one",
        hostile[1]: "no kind of file that Consilium reads",
    }.items():
        assert told[name][0] == "refused"
        assert words in told[name][1]
    assert told["letter.dcm"][0] == "used", "by content, not by name"
    letter = clinician.see("files-table").locator("tr", has_text="letter.dcm")
    expect(letter).to_contain_text("Clinical note")
    verdict, words = told["labs.json"]
    assert verdict == "used"
    assert "Body temperature has the unit [fur_us]" in words
    assert told["ct.dcm"][0] == "used"
    expect(clinician.see("case-notice").filter(has_text="not used")).to_have_count(1)
    clinician.settle()
    assert clinician.page.locator("img[src=x]").count() == 0, "a file name became HTML"

    clinician.press("Review this case")
    clinician.wait_for_explanation()
    clinician.wait_for_image()
    expect(clinician.see("notices")).to_contain_text("The image was not scored: it is of DICOM mod")
    clinician.settle()
    assert clinician.shown("overlay-shown") == "false"
    expect(clinician.see("viewer-overlay-reason")).to_contain_text("No map")


def test_an_image_of_another_kind_can_be_looked_at_but_is_not_scored(
    clinician: Clinician,
) -> None:
    clinician.add([CT])
    clinician.press("Review this case")
    clinician.wait_for_image()
    row, column, value = clinician.point_at(0.5, 0.5)
    dataset = pydicom.dcmread(CT)
    assert value == float(apply_rescale(dataset.pixel_array, dataset)[row, column])
    expect(clinician.see("viewer-bottom-left")).to_contain_text("HU")
    expect(clinician.see("error-state")).to_contain_text("it is of DICOM modality CT")
    assert clinician.findings() == []
    expect(clinician.see("viewer-overlay-reason")).to_contain_text("did not score this case")


def test_with_a_note_alone_what_is_missing_is_named_and_no_map_is_shown(
    clinician: Clinician, patients: tuple[Path, ...]
) -> None:
    clinician.add([patients[0] / "note.txt"])
    assert clinician.inputs() == {name: name == "note" for name in MODALITIES}
    clinician.review()
    rows = clinician.findings()
    assert {row.gate for row in rows} <= {"scored with caution", "withheld"}
    notices = clinician.see("notices")
    expect(notices).to_contain_text("no usable image")
    expect(notices).to_contain_text("no labs or vitals")
    expect(notices).not_to_contain_text("no gene panel")  # the model of real patients reads none
    expect(clinician.see("empty-state")).to_contain_text("No image in this case")
    expect(clinician.canvas).to_have_count(0)


def test_two_people_at_once_never_see_each_other_s_patient(
    new_clinician: NewClinician, patients: tuple[Path, ...]
) -> None:
    people = (new_clinician().open(), new_clinician().open())
    names = ("PHANTOM-4711-0", "PHANTOM-4711-1")
    for person, folder in zip(people, patients, strict=True):
        person.add(files_of(folder))
    for person in people:
        person.press("Review this case")  # both are being scored now
    for person, own, other in zip(people, names, reversed(names), strict=True):
        person.wait_for_explanation()
        person.wait_for_image()
        expect(person.see("viewer-top-left")).to_contain_text(own)
        assert other not in person.page.content()
    shown = [person.shown("stack") for person in people]
    assert shown[0] != shown[1]
    for person, own, other in zip(people, names, reversed(names), strict=True):
        person.go_to("Cases")
        expect(person.see("case-summary")).to_contain_text(own)
        assert other not in person.page.content()


def test_a_reloaded_page_is_never_broken(clinician: Clinician) -> None:
    """A reload starts a new session: the case is either still there or asked for in words."""
    clinician.open_demo()
    clinician.press("Review this case")
    clinician.wait_for_image()
    clinician.page.reload()
    expect(clinician.see("research-banner")).to_be_visible()
    expect(clinician.canvas.or_(clinician.see("empty-state")).first).to_be_visible()
    expect(clinician.see("error-state")).to_have_count(0)
