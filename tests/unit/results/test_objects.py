"""DICOM objects: whose they are, what they refer to, what they never hold, that they are valid."""

import random
from pathlib import Path

import numpy as np
import pytest

from mmcore.errors import NoStudyError
from mmcore.report import result_document
from mmcore.report.reading import Overlay
from mmcore.results import Kind, Made
from mmcore.results.dicom_map import spread
from mmcore.results.make import make_results
from tests.unit.report.factories import make_case, make_result
from tests.unit.results.filed import (
    STUDY,
    document_with,
    failing_image,
    film,
    read,
    run_tool,
    signed,
    standard_film,
    withholding,
)

DICOM = (Kind.PDF, Kind.SR, Kind.MAP, Kind.CAPTURE)


@pytest.fixture(scope="module")
def made() -> tuple[Made, ...]:
    return make_results(document_with(), [standard_film()], kinds=DICOM)


def one(made: tuple[Made, ...], kind: Kind) -> Made:
    return next(m for m in made if m.kind is kind)


def test_every_kind_is_made(made: tuple[Made, ...]) -> None:
    assert {m.kind for m in made} == set(DICOM)


def test_every_object_is_the_patients_own_study_in_a_series_of_its_kind(
    made: tuple[Made, ...],
) -> None:
    source = read(standard_film())
    for m in made:
        dataset = read(m.data)
        assert m.study_uid == dataset.StudyInstanceUID == STUDY
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex",
                        "AccessionNumber", "StudyID", "StudyDate", "StudyTime"):  # fmt: skip
            assert dataset[keyword].value == source[keyword].value, keyword
    series = {m.kind: m.series_uid for m in made}
    assert len(set(series.values())) == len(DICOM)
    assert source.SeriesInstanceUID not in series.values()
    assert {m.series_uid for m in made} == set(series.values())


def test_every_object_says_what_made_it_and_that_nobody_has_verified_it(
    made: tuple[Made, ...],
) -> None:
    for m in made:
        dataset = read(m.data)
        assert dataset.SeriesDescription.startswith("AI-derived, not verified")
        assert dataset.DeviceSerialNumber == "d" * 64
        assert dataset.SoftwareVersions[0] == "thorax 0.1.0"
        (equipment,) = dataset.ContributingEquipmentSequence
        assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"


def test_the_same_document_gives_the_same_bytes(made: tuple[Made, ...]) -> None:
    again = make_results(document_with(), [standard_film()], kinds=DICOM)
    assert [m.data for m in again] == [m.data for m in made]


def test_another_result_of_the_same_study_shares_the_series_and_no_instance(
    made: tuple[Made, ...],
) -> None:
    other = make_results(document_with(timings={"encode": 9.0}), [standard_film()], kinds=DICOM)
    assert {m.series_uid for m in other} == {m.series_uid for m in made}
    assert not {m.sop_instance_uid for m in other} & {m.sop_instance_uid for m in made}


def test_every_object_refers_to_the_film_it_was_made_from(made: tuple[Made, ...]) -> None:
    uid = read(standard_film()).SOPInstanceUID
    pdf, capture = read(one(made, Kind.PDF).data), read(one(made, Kind.CAPTURE).data)
    assert pdf.SourceInstanceSequence[0].ReferencedSOPInstanceUID == uid
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == uid
    sr = read(one(made, Kind.SR).data)
    (study,) = sr.CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == STUDY
    assert (
        study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == uid
    )
    frame = read(one(made, Kind.MAP).data).PerFrameFunctionalGroupsSequence[0]
    (source,) = frame.DerivationImageSequence[0].SourceImageSequence
    assert source.ReferencedSOPInstanceUID == uid


def test_the_pdf_inside_is_the_one_that_the_page_offers(made: tuple[Made, ...]) -> None:
    from mmcore.report import render_pdf

    dataset = read(one(made, Kind.PDF).data)
    inside = dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength]
    assert inside == render_pdf(document_with())


def test_a_withheld_finding_is_in_no_object_as_a_finding() -> None:
    plain = make_results(document_with(), [standard_film()], kinds=(Kind.SR, Kind.MAP))
    withheld = make_results(
        document_with(gates=withholding("pneumonia")), [standard_film()], kinds=DICOM
    )
    assert any("pneumonia" in m.name for m in plain)
    assert not any("pneumonia" in m.name for m in withheld)
    sr = read(one(withheld, Kind.SR).data)
    groups = [str(g) for g in _groups(sr)]
    assert len(groups) == 5
    assert not any("pneumonia" in group.lower() for group in groups)
    told = [item.get("TextValue", "") for item in sr.ContentSequence]
    assert "Pneumonia: withheld, no score is reported. The view is lateral." in told


def test_evidence_that_failed_its_tests_is_not_drawn() -> None:
    made = make_results(document_with(explanations=failing_image()), [standard_film()], kinds=DICOM)
    assert {m.kind for m in made} == {Kind.PDF, Kind.SR}
    assert "left lower zone" not in str(read(one(made, Kind.SR).data))


def test_the_map_adds_up_to_what_the_image_moved(made: tuple[Made, ...]) -> None:
    dataset = read(one(made, Kind.MAP).data)
    values = np.frombuffer(dataset.FloatPixelData, np.float32).reshape(dataset.Rows, -1)
    assert values.shape == (640, 512)
    assert values.sum() == pytest.approx(1.02, abs=0.03)  # 8-bit steps of the document
    row, column = divmod(int(values.argmax()), 512)
    assert abs(row - 397) < 20  # the lesion of the factories
    assert abs(column - 358) < 20


def test_a_map_spread_over_pixels_keeps_its_sum_whatever_the_sizes() -> None:
    rng = np.random.default_rng(3)
    for rows, columns, box in ((100, 70, (0.0, 0.0, 100.0, 70.0)), (30, 20, (0.0, 0.0, 30.0, 20.0)),
                               (90, 90, (10.0, 20.0, 60.0, 50.0))):  # fmt: skip
        values = rng.normal(size=(56, 56)).astype(np.float32)
        shown = spread(Overlay(values, box), rows=rows, columns=columns)
        assert shown.shape == (rows, columns)
        assert shown.sum() == pytest.approx(values.sum(), abs=1e-3)
        assert not shown[: int(box[0])].any()


def test_the_map_states_log_odds_the_films_spacing_and_its_sides(made: tuple[Made, ...]) -> None:
    dataset, source = read(one(made, Kind.MAP).data), read(standard_film())
    shared = dataset.SharedFunctionalGroupsSequence[0]
    (mapping,) = shared.RealWorldValueMappingSequence
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1.0, 0.0)
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "{logit}"
    assert shared.PixelMeasuresSequence[0].PixelSpacing == source.PixelSpacing
    assert source.PatientOrientation == ["L", "F"]
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 0, -1]


def test_a_film_that_names_no_side_gets_no_map_that_would_name_a_wrong_one() -> None:
    data = film(PatientOrientation=None)
    made = make_results(document_with(data), [data], kinds=[Kind.MAP, Kind.CAPTURE])
    assert {m.kind for m in made} == {Kind.CAPTURE}


def test_an_image_of_several_frames_gets_no_map() -> None:
    data = film(SOPClassUID="1.2.840.10008.5.1.4.1.1.7.3", NumberOfFrames=1)
    assert make_results(document_with(data), [data], kinds=[Kind.MAP]) == ()


def test_a_slice_with_a_place_in_the_patient_keeps_it() -> None:
    place = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "FrameOfReferenceUID": "1.2.3.9",
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "SliceThickness": 2.5,
        "ImagePositionPatient": [-100.5, 20.0, 40.0],
    }  # fmt: skip
    data = film(**place)
    (made,) = make_results(document_with(data), [data], kinds=[Kind.MAP])
    dataset = read(made.data)
    assert dataset.FrameOfReferenceUID == "1.2.3.9"
    frame = dataset.PerFrameFunctionalGroupsSequence[0]
    assert frame.PlanePositionSequence[0].ImagePositionPatient == [-100.5, 20.0, 40.0]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    assert shared.PixelMeasuresSequence[0].SliceThickness == 2.5


def test_a_source_that_was_deidentified_somehow_says_so_in_what_is_filed() -> None:
    data = film(PatientIdentityRemoved="YES", DeidentificationMethod=None)
    (made,) = make_results(document_with(data), [data], kinds=[Kind.PDF])
    assert read(made.data).DeidentificationMethod == "not stated by the source"


def test_the_overlay_says_on_its_face_that_it_is_not_verified(made: tuple[Made, ...]) -> None:
    dataset = read(one(made, Kind.CAPTURE).data)
    pixels = dataset.pixel_array
    assert pixels.shape[2] == 3
    assert "not verified" in dataset.ImageComments
    yellow = (pixels[:40, :, 0] > 200) & (pixels[:40, :, 2] < 160)
    assert yellow.sum() > 100  # the words of the label
    film_part = pixels[60:-70].astype(int)
    assert (film_part.max(axis=2) - film_part.min(axis=2)).max() > 40  # the map in colour


def test_a_signed_reading_is_verified_by_who_signed() -> None:
    made = make_results(signed(document_with()), [standard_film()], kinds=(Kind.SR, Kind.PDF))
    sr = read(one(made, Kind.SR).data)
    assert sr.VerificationFlag == "VERIFIED"
    (observer,) = sr.VerifyingObserverSequence
    assert "Byron" in str(observer.VerifyingObserverName)
    assert observer.VerificationDateTime.startswith("20240306093000")
    assert read(one(made, Kind.PDF).data).VerificationFlag == "VERIFIED"
    assert (sr.ContentDate, sr.ContentTime) == ("20240306", "093000")


def test_an_unsigned_reading_is_not(made: tuple[Made, ...]) -> None:
    sr = read(one(made, Kind.SR).data)
    assert sr.VerificationFlag == "UNVERIFIED"
    assert "VerifyingObserverSequence" not in sr
    assert read(one(made, Kind.PDF).data).VerificationFlag == "UNVERIFIED"


def test_a_case_without_an_image_has_no_study_to_file_in() -> None:
    document = result_document(make_result(case=make_case(())))
    with pytest.raises(NoStudyError, match="no DICOM image"):
        make_results(document, [], kinds=[Kind.PDF])


def test_another_film_than_the_one_scored_is_refused() -> None:
    with pytest.raises(NoStudyError, match="not among the files"):
        make_results(document_with(), [film(PatientID="SOMEBODY ELSE")], kinds=[Kind.PDF])


def test_a_patient_number_that_dicom_does_not_allow_is_not_filed_under_half_of_it() -> None:
    data = film()
    mark = data.index(b"P-0042")
    broken = data[:mark] + b"P\x0142\x02 "[:6] + data[mark + 6 :]
    with pytest.raises(NoStudyError, match="header can not be repeated"):
        make_results(document_with(broken), [broken], kinds=[Kind.PDF])


def test_a_study_that_states_two_uids_is_not_filed_under_one_of_them() -> None:
    data = film(StudyInstanceUID="1.2\\3.4")
    with pytest.raises(NoStudyError, match="header can not be repeated"):
        make_results(document_with(data), [data], kinds=[Kind.SR])


def test_whatever_a_header_holds_objects_are_made_of_it_or_refused() -> None:
    good, rng = standard_film(), random.Random(4)
    end = good.index(b"\xe0\x7f\x10\x00")  # the pixels
    outcomes = set()
    for _ in range(40):
        broken = bytearray(good)
        for _ in range(rng.choice((1, 2, 5))):
            broken[rng.randrange(132, end)] = rng.choice((0, 9, 27, 34, 92, 94, 255))
        data = bytes(broken)
        try:
            made = make_results(document_with(data), [data], kinds=(Kind.SR, Kind.MAP))
        except NoStudyError:
            outcomes.add("refused")
        else:
            assert {read(m.data).PatientID for m in made}
            outcomes.add("made")
    assert outcomes == {"refused", "made"}


def test_a_name_in_another_writing_is_kept() -> None:
    name = "Yamada^Tarou=山田^太郎"
    data = film(PatientName=name, SpecificCharacterSet="ISO_IR 192")
    (made,) = make_results(document_with(data), [data], kinds=[Kind.PDF])
    assert str(read(made.data).PatientName) == name


@pytest.mark.parametrize("kind", DICOM)
def test_an_independent_validator_finds_no_error(
    made: tuple[Made, ...], kind: Kind, tmp_path: Path
) -> None:
    (tmp_path / "object.dcm").write_bytes(one(made, kind).data)
    said = run_tool("dciodvfy", tmp_path / "object.dcm")
    assert "Error" not in said, said


def test_dcmtk_reads_the_report_and_takes_the_pdf_out(
    made: tuple[Made, ...], tmp_path: Path
) -> None:
    (tmp_path / "sr.dcm").write_bytes(one(made, Kind.SR).data)
    (tmp_path / "pdf.dcm").write_bytes(one(made, Kind.PDF).data)
    told = run_tool("dsrdump", tmp_path / "sr.dcm")
    assert "Verification Flag   : UNVERIFIED" in told
    assert told.count("Measurement Group") == 6
    run_tool("dcm2pdf", tmp_path / "pdf.dcm", tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF")


def _groups(sr):
    (measurements,) = [
        item for item in sr.ContentSequence
        if item.get("ConceptNameCodeSequence")
        and item.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    ]  # fmt: skip
    return list(measurements.ContentSequence)
