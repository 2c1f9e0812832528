"""The last look at new files: what it finds there, and that it finds nothing in clean ones."""

# ruff: noqa: RUF001 - Chinese has its own punctuation

import io

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence

from mmcore.deid import case as deid_case
from mmcore.deid.case import deidentify
from mmcore.deid.known import known_of
from mmcore.deid.notes import CleanText, Known, scrub
from mmcore.deid.records import BurnedIn, Options, Reason
from mmcore.deid.secret import Secret
from mmcore.deid.written import header_holds, sure_of, text_holds
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.dicom.attributes import quietly
from tests.unit.deid.planted import add_pixels, base, written

SECRET = Secret(b"a key of thirty-two bytes, or so")
NOT_LOOKED = Options(burned_in=BurnedIn.NONE)
# Family names that many people have, most of them shorter than five letters.
NAMES = (
    "Li^Wei", "Wu^Na", "Xu^Yan", "Hu^Bo", "He^Jun", "Ng^Ka Wai", "Lee^Min Ho", "Kim^Ji", "Oh^Se",
    "Tran^Anh", "Le^Van", "Ho^Thi", "Vu^Lan", "Do^Hoa", "Ali^Sara", "Khan^Omar", "Roy^Anil",
    "Rao^Uma", "Sato^Ken", "Ito^Aoi", "Cox^Amy", "Fox^Ian", "Ray^Eva", "Kay^Zoe", "Diaz^Ana",
    "Cruz^Luz", "Silva^Rui", "Moe^Bo", "Lund^Per", "Berg^Ida", "Roth^Max", "Wolf^Tom",
    "李^伟", "王^芳", "欧阳^娜", "山田^太郎", "김^민수", "Wang^Xiaoming=王^小明", "Zhao^Min=赵^敏=",
)  # fmt: skip
WORDS = ("SeriesDescription", "ImageComments", "BodyPartExamined", "ProtocolName")


def film(**attributes: object) -> Dataset:
    dataset = base()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    add_pixels(dataset, np.arange(64 * 64, dtype="<u2").reshape(64, 64))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def head_of(dataset: Dataset, *, pseudonym: str = "P-A") -> bytes:
    """Return a header such as ``rewrite`` makes, with what a faulty one would have left in it."""
    dataset.PatientName = dataset.PatientID = pseudonym
    dataset.SpecificCharacterSet = "ISO_IR 192"
    del dataset.PixelData
    full = pydicom.dcmread(io.BytesIO(written(dataset)))
    sink = io.BytesIO()
    dcmwrite(sink, full, enforce_file_format=True)
    return sink.getvalue()


def known(name: str) -> Known:
    return Known(frozenset({name}))


def left_over(name: str) -> str:
    """Return one word of a name, in the script in which it is written."""
    return name.split("=")[-2 if name.endswith("=") else -1].split("^")[0].split(" ")[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_word_of_a_name_that_is_left_in_a_header_is_found(name: str) -> None:
    assert not header_holds(head_of(film(SeriesDescription="CHEST PA")), known(name), "P-A")
    word = left_over(name)
    for keyword in WORDS if word.isascii() else WORDS[:2]:  # a coded string is ASCII
        for text in (word, word.upper(), f"CHEST {word}"):
            with quietly():
                head = head_of(film(**{keyword: text}))
            assert header_holds(head, known(name), "P-A"), (keyword, text)
    item = Dataset()
    item.ReferringPhysicianName = name
    assert header_holds(head_of(film(SourceImageSequence=Sequence([item]))), known(name), "P-A")


def test_in_any_text_only_long_names_and_chinese_ones_are_looked_for() -> None:
    """What stands in no word by chance; before, the three of them with five letters alone."""
    anywhere = [name for name in NAMES if sure_of(known(name))]
    assert [n for n in anywhere if n.split("=")[0].isascii()] == [
        "Silva^Rui", "Wang^Xiaoming=王^小明", "Zhao^Min=赵^敏=",
    ]  # fmt: skip
    assert (len(anywhere), len(NAMES)) == (8, 39)


@pytest.mark.parametrize("name", NAMES)
def test_no_clean_film_is_left_out_for_a_short_name(name: str) -> None:
    told = film(PatientName=name, SeriesDescription="CHEST PA AND LATERAL", ViewPosition="PA",
                StudyDescription="XR CHEST 2 VIEWS", ImageType=["ORIGINAL", "PRIMARY"],
                PatientOrientation=["L", "F"], Manufacturer="ACME")  # fmt: skip
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "399348003", "SCT"
    code.CodeMeaning = "antero-posterior"
    told.ViewCodeSequence = Sequence([code])
    done = deidentify([RawFile("a.dcm", written(told))], NOT_LOOKED, SECRET)
    assert [file.name for file in done.files] == ["image-001.dcm"]
    kept = pydicom.dcmread(io.BytesIO(done.files[0].data))
    assert kept.SeriesDescription == "CHEST PA AND LATERAL"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientName", "Somebody^Else"),
        ("ReferringPhysicianName", "Roe"),
        ("PatientID", "4711"),
        ("StudyDescription", "胸部"),
        ("SeriesDescription", "Überblick"),
        ("AccessionNumber", "ZQX-00417"),
        ("DeviceSerialNumber", "zqx-00417"),
    ],
)
def test_what_has_no_place_in_a_clean_header_is_found_without_being_known(
    keyword: str, value: str
) -> None:
    dataset = film()
    head = head_of(dataset)
    assert not header_holds(head, Known(numbers=frozenset({"ZQX-00417"})), "P-A")
    full = pydicom.dcmread(io.BytesIO(head))
    setattr(full, keyword, value)
    sink = io.BytesIO()
    dcmwrite(sink, full, enforce_file_format=True)
    assert header_holds(sink.getvalue(), Known(numbers=frozenset({"ZQX-00417"})), "P-A")


def test_a_header_that_can_not_be_read_is_not_called_clean() -> None:
    head = head_of(film())
    for damaged in (b"", head[:100], head[:-3], head.replace(b"DICM", b"MCID"),
                    head[:200] + b"\xff\xff" + head[202:]):  # fmt: skip
        assert header_holds(damaged, Known(), "P-A")


@pytest.mark.parametrize(
    ("text", "name", "is_left"),
    [
        ("Li has a cough", "Li^Wei", True),
        ("LI, WEI", "Li^Wei", True),
        ("[NAME] on 5 L/min of O2, WBC 12", "Li^Wei", False),
        ("the liver, on lithium", "Li^Wei", False),
        ("患者李伟，男", "李^伟", True),
        ("患者[NAME]，男，伟大", "李^伟", False),
        ("so no may day, an age", "So^An", False),
        ("[ID] and [AGE]", "Id^Age", False),
        ("Kim was here", "Kim^Ji", True),
        ("Müller", "Müller^Jo", True),
    ],
)
def test_a_short_name_counts_in_a_note_where_it_is_written_as_one(
    text: str, name: str, *, is_left: bool
) -> None:
    assert text_holds(text, known(name), is_note=True) is is_left


def test_a_unit_or_a_gene_is_no_short_name() -> None:
    assert not text_holds('{"unit": "mL", "code": "Kit"}', known("Kit^Ml"), is_note=False)
    assert text_holds('{"unit": "李伟"}', known("李^伟"), is_note=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_scrubbed_note_is_never_left_out(name: str) -> None:
    word = left_over(name)
    text = f"{word} has a cough. Mr {word.upper()} lives alone; so do we. On Li, LA pressure 12."
    assert not text_holds(scrub(text, known(name)).text, known(name), is_note=True)


def test_a_note_that_still_names_the_patient_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deid_case, "scrub", lambda text, *_, **__: CleanText(text, ()))
    note = "姓名：李小龙\nPatient: Li, Bo\n\nLi coughs.\n".encode()
    done = deidentify([RawFile("n.txt", note)], Options(), SECRET)
    assert [one.reason for one in done.left_out] == [Reason.IDENTIFIER_LEFT]


def test_a_chinese_name_in_two_parts_is_known_as_one() -> None:
    bundle = (
        '{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType":'
        ' "Patient", "id": "p", "name": [{"family": "李", "given": ["小龙"]}]}}]}'
    ).encode()
    case = case_from_files([RawFile("n.txt", b"Cough.")])
    names = known_of(case, inspected=[], fhir=[bundle])
    assert scrub("患者李小龙咳嗽。", names).text == "患者[NAME]咳嗽。"
