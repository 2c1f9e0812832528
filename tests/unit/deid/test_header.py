"""What a header keeps, and that it agrees with Table E.1-1."""

import io
import json
import struct
from collections import Counter
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from mmcore.deid import dicom_process
from mmcore.deid.allowed import (
    ALLOWED,
    CHARACTERISTICS,
    CODES,
    DESCRIPTIONS,
    EMPTIED,
    EMPTIED_IF_PRESENT,
)
from mmcore.deid.dicom_values import Plan, reduce_dataset
from mmcore.deid.profile import row_of, rows
from mmcore.deid.records import SafePrivate
from tests.unit.deid.planted import add_pixels, base, written

PLAN = Plan({}, "P-A", None, keeps_characteristics=True, keeps_descriptions=True)


def rewritten(dataset: Dataset, **order: Any) -> tuple[Dataset, dict[str, int]]:
    """Return the file after ``rewrite``, which here runs in this process."""
    request = {
        "uids": {}, "pseudonym": "P-A", "days": None, "keeps_characteristics": True,
        "keeps_descriptions": True, "names": [], "safe_private": [], "boxes": [], "methods": [],
        "is_text_approved": False,
    } | order  # fmt: skip
    uids = {"1.2.3.77001.1": "2.25.1", "1.2.3.77001.2": "2.25.2", "1.2.3.77001.3": "2.25.3"}
    request["uids"] = uids | request["uids"]
    text = json.dumps(request).encode()
    sink = io.BytesIO()
    data = struct.pack("<I", len(text)) + text + written(dataset)
    found = dicom_process.rewrite(memoryview(data), sink)
    assert len(sink.getvalue()) == found["shape"][0]
    return pydicom.dcmread(io.BytesIO(sink.getvalue())), found["counts"]


def film(**attributes: Any) -> Dataset:
    dataset = base()
    add_pixels(dataset, np.arange(64 * 64, dtype="<u2").reshape(64, 64))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def test_the_table_is_whole() -> None:
    assert len(rows()) == 655
    actions = Counter(row.action for row in rows().values())
    assert actions == {
        "X": 415, "D": 93, "U": 55, "Z": 42, "X/D": 23, "X/Z": 11,
        "X/Z/D": 8, "Z/D": 6, "X/Z/U*": 2,
    }  # fmt: skip
    for keyword, action in (("PatientName", "Z"), ("StudyInstanceUID", "U"), ("StudyDate", "Z")):
        tag = tag_for_keyword(keyword)
        assert tag is not None
        row = row_of(tag)
        assert row is not None
        assert row.action == action
    assert row_of(0x60023000) == row_of(0x60003000) != None  # noqa: E711 - of any overlay group
    assert row_of(0x50020010) is not None


def test_nothing_that_the_table_removes_is_kept_as_it_is() -> None:
    """An allowed attribute of the table is a UID or date, empty, or of a stated option."""
    for keyword in ALLOWED:
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        row = row_of(tag)
        if row is None:
            continue
        vr = dictionary_VR(tag)
        is_treated = (
            vr in ("UI", "DA", "TM", "DT")
            or (vr == "SQ" and "U" in row.action)  # its instances get new UIDs
            or keyword in EMPTIED | EMPTIED_IF_PRESENT
        )
        assert is_treated, f"{keyword}: {row.action}"


def test_every_keyword_is_one_of_the_standard() -> None:
    for keyword in ALLOWED | CODES | DESCRIPTIONS | CHARACTERISTICS | EMPTIED | EMPTIED_IF_PRESENT:
        assert tag_for_keyword(keyword) is not None, keyword


@pytest.mark.parametrize(
    ("age", "kept"), [("089Y", "089Y"), ("090Y", "090Y"), ("104Y", "090Y"), ("018M", "018M")]
)
def test_ages_over_89_are_one_age(age: str, kept: str) -> None:
    assert rewritten(film(PatientAge=age))[0].PatientAge == kept


@pytest.mark.parametrize(
    ("born", "kept"), [("19800312", "040Y"), ("19800311", "041Y"), ("19100101", "090Y"), ("", "")]
)
def test_an_age_that_only_the_birth_date_tells_is_kept_in_years(born: str, kept: str) -> None:
    told = film(PatientAge="", PatientBirthDate=born, StudyDate="20210311")
    clean, _ = rewritten(told)
    assert (clean.get("PatientAge") or "") == kept
    assert clean.PatientBirthDate == ""


def test_descriptions_keep_known_words_alone_and_no_name_even_if_it_is_one() -> None:
    told = film(SeriesDescription="CT chest Zqxdoe lung WINDOW", StudyDescription="Hand of Hand")
    kept, _ = rewritten(told, names=["HAND"])
    assert kept.SeriesDescription == "CT chest lung WINDOW"
    assert kept.StudyDescription == "of"


def test_options_drop_descriptions_and_characteristics() -> None:
    told = film(SeriesDescription="CT chest", PatientWeight="70")
    kept, _ = rewritten(told, keeps_descriptions=False, keeps_characteristics=False)
    assert "SeriesDescription" not in kept
    assert "PatientWeight" not in kept
    assert kept.PatientSex == ""


def test_dates_are_removed_with_their_times_and_the_file_says_so() -> None:
    kept, _ = rewritten(film(StudyDate="20210311", StudyTime="101112", ContentDate="20210311"))
    assert kept.StudyDate == kept.StudyTime == kept.ContentDate == ""
    assert kept.LongitudinalTemporalInformationModified == "REMOVED"


def test_codes_keep_the_words_of_the_standard_and_others_go() -> None:
    view, local = Dataset(), Dataset()
    view.CodeValue, view.CodingSchemeDesignator, view.CodeMeaning = "399348003", "SCT", "Zqx"
    local.CodeValue, local.CodingSchemeDesignator, local.CodeMeaning = "Z1", "99ZQX", "Zqx"
    kept, _ = rewritten(film(ViewCodeSequence=Sequence([view, local])))
    (code,) = kept.ViewCodeSequence
    assert code.CodeMeaning.lower().startswith("antero-posterior")


def test_a_sequence_of_a_thousand_items_is_cleaned_to_the_last() -> None:
    items = []
    for number in range(1000):
        item = Dataset()
        item.ReferencedSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2")
        item.ReferencedSOPInstanceUID = UID(f"1.2.3.9.{number}")
        item.PatientName = f"Zqx^{number}"
        items.append(item)
    uids = {f"1.2.3.9.{n}": f"2.25.9{n}" for n in range(1000)}
    kept, _ = rewritten(film(SourceImageSequence=Sequence(items)), uids=uids)
    assert [i.ReferencedSOPInstanceUID for i in kept.SourceImageSequence] == list(uids.values())
    assert "Zqx" not in str(kept)


def test_only_named_private_numbers_stay() -> None:
    dataset = film()
    dataset.add_new(0x00190010, "LO", "MAKER A")
    dataset.add_new(0x0019100C, "IS", "1000")
    dataset.add_new(0x0019100D, "LO", "Zqx")
    dataset.add_new(0x00210010, "LO", "MAKER B")
    dataset.add_new(0x0021100C, "IS", "7")
    safe = [["MAKER A", 0x19, 0x0C], ["MAKER A", 0x19, 0x0D]]
    kept, counts = rewritten(dataset, safe_private=safe)
    assert kept[0x0019100C].value == 1000
    assert 0x0019100D not in kept
    assert 0x0021100C not in kept
    assert counts["private kept"] == 1
    assert SafePrivate(*safe[0]).creator == "MAKER A"


def test_a_number_that_is_none_is_not_kept_as_text() -> None:
    dataset = Dataset()
    dataset.add_new(0x00200013, "IS", "1")
    dataset[0x00200013]._value = "Doe"
    dataset.add_new(0x00181010, "LO", "Zqx")
    assert "Zqx" not in str(reduce_dataset(dataset, PLAN, Counter()))
    assert reduce_dataset(dataset, PLAN, Counter()).get("InstanceNumber") in (None, "")


def test_inverted_and_colour_boxes_are_black_as_shown() -> None:
    inverted = film(PhotometricInterpretation="MONOCHROME1")
    kept, _ = rewritten(inverted, boxes=[[0, 0, 8, 8]])
    assert (kept.pixel_array[:8, :8] == 4095).all()
    assert np.array_equal(kept.pixel_array[8:], inverted.pixel_array[8:])
    colour = base("US", "1.2.840.10008.5.1.4.1.1.6.1")
    colour.SamplesPerPixel, colour.PhotometricInterpretation = 3, "RGB"
    colour.PlanarConfiguration = 0
    add_pixels(colour, np.full((64, 64, 3), 200, np.uint8), stored=8)
    kept, _ = rewritten(colour, boxes=[[60, 60, 100, 100]])
    assert (kept.pixel_array[60:, 60:] == 0).all()
    assert (kept.pixel_array[:60] == 200).all()
