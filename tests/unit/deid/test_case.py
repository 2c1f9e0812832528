"""No identifier that was planted anywhere in a case leaves it."""

import io
import json
import logging
import re
import zipfile

import numpy as np
import pydicom
import pytest

from mmcore.deid import case as deid_case
from mmcore.deid.case import deidentify, preview, report
from mmcore.deid.records import (
    BurnedIn,
    Dates,
    DeidentifiedCase,
    Options,
    Reason,
    SafePrivate,
)
from mmcore.deid.secret import Secret
from mmcore.errors import ConfigError, MMCoreError
from mmcore.intake import RawFile, case_from_files
from mmcore.records import FileVerdict
from tests.unit.deid.planted import NAME, Planted, add_pixels, base, planted_case, written
from tests.unit.intake.make_dicom import BIG_ENDIAN, DEFLATED, IMPLICIT, make_dicom, ramp

SECRET = Secret(b"a key of thirty-two bytes, or so")
SHIFT = Options(dates=Dates.SHIFT)


@pytest.fixture(scope="module")
def source() -> Planted:
    return planted_case()


@pytest.fixture(scope="module")
def shifted(source: Planted) -> DeidentifiedCase:
    return deidentify(source.files, SHIFT, SECRET)


def everything(case: DeidentifiedCase) -> bytes:
    """Return every byte, name and word that comes out, in lower case."""
    texts = [repr(case), *(file.name for file in case.files), *(o.detail for o in case.left_out)]
    return b"\n".join(
        [report(case), *(file.data for file in case.files), *(t.encode() for t in texts)]
    ).lower()


def forms(value: str) -> list[bytes]:
    lowered = value.lower()
    digits = re.sub(r"\D", "", value)
    found = [lowered.encode(), lowered.encode("utf-16-le")]
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}.*", value):
        found.append(digits[:8].encode())
    if re.fullmatch(r"(19|20)\d{6}\d*", value):
        found += [value[:8].encode(), f"{value[:4]}-{value[4:6]}-{value[6:8]}".encode()]
    return found


@pytest.mark.parametrize("options", [SHIFT, Options()], ids=["dates moved", "dates removed"])
def test_no_planted_identifier_leaves(
    source: Planted, options: Options, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(source.values) >= 71
    with caplog.at_level(logging.DEBUG):
        out = everything(deidentify(source.files, options, SECRET)) + caplog.text.lower().encode()
    assert b"zqx" not in out
    left = [where for where, value in source.values.items() if any(f in out for f in forms(value))]
    assert left == []


def test_the_search_finds_what_is_there(source: Planted) -> None:
    raw = b"\n".join(file.data for file in source.files).lower()
    raw += b"\n".join(file.name.encode() for file in source.files)
    assert [w for w, v in source.values.items() if not any(f in raw for f in forms(v))] == []


def test_every_file_is_accounted_for(source: Planted, shifted: DeidentifiedCase) -> None:
    assert [file.name for file in shifted.files] == [
        "image-001.dcm", "image-002.dcm", "note-001.txt", "observations-001.json",
        "variants-001.vcf", "recording-001.wav",
    ]  # fmt: skip
    assert [(left.number, left.reason) for left in shifted.left_out] == [(3, Reason.NOT_READ)]
    numbers = {f.number for f in shifted.files} | {left.number for left in shifted.left_out}
    assert numbers == set(range(1, len(source.files) + 1))


def test_the_result_is_a_valid_case_of_one_patient(shifted: DeidentifiedCase) -> None:
    case = case_from_files([RawFile(file.name, file.data) for file in shifted.files])
    assert [f.verdict for f in case.files] == [FileVerdict.USED] * len(shifted.files)
    assert case.patient.patient_id == case.patient.name == shifted.pseudonym
    assert case.patient.age_years == 90  # 97: all over 89 are one age


def test_what_a_model_reads_is_as_it_was(source: Planted, shifted: DeidentifiedCase) -> None:
    before = case_from_files(source.files)
    after = case_from_files([RawFile(file.name, file.data) for file in shifted.files])
    for old, new in zip(
        sorted(before.instances, key=lambda i: i.bits_stored),
        sorted(after.instances, key=lambda i: i.bits_stored),
        strict=True,
    ):
        assert old.pixels.dtype == new.pixels.dtype
        assert np.array_equal(old.pixels, new.pixels)
        assert (old.windows, old.spacing_mm) == (new.windows, new.spacing_mm)
    assert [(o.loinc, o.value, o.unit) for o in after.observations] == [("2823-3", 4.25, "mmol/L")]
    assert np.array_equal(before.recordings[0].samples, after.recordings[0].samples)
    assert [(v.variant_id, v.copies, v.gene) for v in after.variants] == [("rs417", 1, "ABC1")]
    assert "right lower lobe consolidation, no effusion" in after.notes[0].text


def test_bits_above_the_stored_ones_are_cleared(source: Planted, shifted: DeidentifiedCase) -> None:
    film = pydicom.dcmread(io.BytesIO(shifted.files[0].data))
    assert np.array_equal(np.frombuffer(film.PixelData, "<u2").reshape(96, 80), source.pixels)


def test_the_file_says_what_was_done(shifted: DeidentifiedCase) -> None:
    data = shifted.files[0].data
    film = pydicom.dcmread(io.BytesIO(data))
    assert data[:128] == bytes(128)
    assert film.PatientIdentityRemoved == "YES"
    assert film.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = {item.CodeValue for item in film.DeidentificationMethodCodeSequence}
    assert codes == {"113100", "113105", "113107", "113108"}
    assert "BurnedInAnnotation" not in film  # nobody has looked
    assert film.file_meta.MediaStorageSOPInstanceUID == film.SOPInstanceUID
    assert "SourceApplicationEntityTitle" not in film.file_meta
    for keyword in ("PatientBirthDate", "ReferringPhysicianName", "AccessionNumber", "StudyID"):
        assert film[keyword].value in ("", None)


def test_the_same_key_gives_the_same_uids_and_another_key_others(
    source: Planted, shifted: DeidentifiedCase
) -> None:
    films = source.files[:2]
    again = deidentify(films, SHIFT, SECRET)
    other = deidentify(films, SHIFT, Secret(b"another key of thirty-two bytes."))
    uids = [
        {str(pydicom.dcmread(io.BytesIO(f.data)).SOPInstanceUID) for f in case.files[:2]}
        for case in (shifted, again, other)
    ]
    assert uids[0] == uids[1]
    assert not uids[0] & uids[2]
    assert shifted.pseudonym == again.pseudonym != other.pseudonym


def test_references_inside_a_case_stay_true() -> None:
    first, second = base(), base()
    second.SOPInstanceUID = pydicom.uid.UID("1.2.3.77001.50")
    reference = pydicom.Dataset()
    reference.ReferencedSOPClassUID = first.SOPClassUID
    reference.ReferencedSOPInstanceUID = second.SOPInstanceUID
    first.SourceImageSequence = pydicom.Sequence([reference])
    for number, dataset in enumerate((first, second)):
        dataset.FrameOfReferenceUID = pydicom.uid.UID("1.2.3.77001.51")
        pixels = np.arange(64 * 64, dtype="<u2").reshape(64, 64) + number
        add_pixels(dataset, pixels, stored=16)
    files = [RawFile(str(i), written(d)) for i, d in enumerate((first, second))]
    films = [
        pydicom.dcmread(io.BytesIO(f.data)) for f in deidentify(files, Options(), SECRET).files
    ]
    pointed = films[0].SourceImageSequence[0].ReferencedSOPInstanceUID
    assert pointed == films[1].SOPInstanceUID
    assert films[0].StudyInstanceUID == films[1].StudyInstanceUID
    assert films[0].FrameOfReferenceUID == films[1].FrameOfReferenceUID


def test_dates_of_a_patient_keep_their_intervals(source: Planted) -> None:
    film = pydicom.dcmread(io.BytesIO(deidentify(source.files[:1], SHIFT, SECRET).files[0].data))
    days = [pydicom.valuerep.DA(film[k].value) for k in ("StudyDate", "SeriesDate", "ContentDate")]
    assert [(day - days[0]).days for day in days] == [0, 1, 3]
    assert days[0].year < 2021
    # The observations of the case are written by the same clock.
    assert film.TimezoneOffsetFromUTC == "+0000"


def test_an_image_with_text_waits_for_a_person_and_is_masked_by_what_the_person_says() -> None:
    dataset = base("US", "1.2.840.10008.5.1.4.1.1.6.1")
    pixels = np.tile(np.arange(200, dtype=np.uint8), (160, 1))
    pixels[10:20, 10:60:3] = 255
    add_pixels(dataset, pixels, stored=8)
    files = [RawFile("us.dcm", written(dataset))]
    assert deidentify(files, Options(), SECRET).left_out[0].reason is Reason.TEXT_NOT_APPROVED
    nobody_looks = Options(burned_in=BurnedIn.NONE)
    assert not deidentify(files, nobody_looks, SECRET).files
    (found,) = preview(files, Options(), SECRET).found_text
    assert found.needs_approval
    done = deidentify(files, Options(), SECRET, approvals={found.digest: found.boxes})
    image = pydicom.dcmread(io.BytesIO(done.files[0].data))
    masked = image.pixel_array
    assert (masked[10:20, 10:60] == 0).all()
    assert np.array_equal(masked[60:], pixels[60:])
    assert image.BurnedInAnnotation == "NO"
    codes = {item.CodeValue for item in image.DeidentificationMethodCodeSequence}
    assert "113101" in codes


@pytest.mark.parametrize("name", ["Lindqvist", "Müllerström"])
def test_an_image_that_still_names_the_patient_is_not_written(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(*_: object, **__: object) -> tuple[bytes, dict[str, int], int]:
        data = f"\0\xff of {name}^Eva".encode()
        return data, {}, len(data)

    monkeypatch.setattr(deid_case, "rewrite_image", forgetful)
    film = make_dicom(PatientName=f"{name}^Eva", SpecificCharacterSet="ISO_IR 192")
    done = deidentify([RawFile("a.dcm", film)], Options(burned_in=BurnedIn.NONE), SECRET)
    assert done.files == ()
    assert [one.reason for one in done.left_out] == [Reason.IDENTIFIER_LEFT]


def test_a_panel_that_identifies_by_itself_is_left_out_unless_its_loci_are_named() -> None:
    head = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
    rows = "".join(f"1\t{i}\trs{i}\tA\tG\t.\tPASS\t.\tGT\t0/1\n" for i in range(1, 202))
    files = [RawFile("p.vcf", (head + rows).encode())]
    assert deidentify(files, Options(), SECRET).left_out[0].reason is Reason.TOO_MANY_VARIANTS
    named = Options(loci=frozenset({"rs7"}))
    assert deidentify(files, named, SECRET).files[0].data.decode().count("\trs") == 1


def test_the_report_points_into_the_new_note(shifted: DeidentifiedCase) -> None:
    document = json.loads(report(shifted))
    (note,) = [file for file in document["files"] if file["kind"] == "note"]
    text = next(file for file in shifted.files if file.kind == "note").data.decode()
    marked = [text[s["start"] : s["end"]] for s in note["spans"] if s["kind"] == "NAME"]
    assert marked
    assert set(marked) == {"[NAME]"}


def test_errors_name_nobody(source: Planted) -> None:
    broken = RawFile("zqxname.dcm", source.files[0].data[:700])
    (left,) = deidentify([broken], Options(), SECRET).left_out
    assert "zqx" not in left.detail.lower()
    with pytest.raises(ConfigError) as caught:
        Secret(NAME.encode())
    assert isinstance(caught.value, MMCoreError)
    assert "zqx" not in str(caught.value).lower()
    assert "key" not in repr(SECRET)


def test_files_in_an_archive_are_treated_as_if_they_had_come_alone(source: Planted) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in source.files[:5]:
            archive.writestr(f"zqxfolder/{file.name}", file.data)
    from_archive = deidentify([RawFile("zqx.zip", packed.getvalue())], SHIFT, SECRET)
    alone = deidentify(source.files[:5], SHIFT, SECRET)
    assert [(f.name, f.data) for f in from_archive.files] == [(f.name, f.data) for f in alone.files]
    assert b"zqx" not in everything(from_archive)


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG_ENDIAN, DEFLATED])
def test_every_encoding_gives_the_same_pixels_in_explicit_little_endian(syntax: str) -> None:
    files = [RawFile("a.dcm", make_dicom(syntax=syntax, InstitutionName="Zqxplace"))]
    (clean,) = deidentify(files, Options(burned_in=BurnedIn.NONE), SECRET).files
    (image,) = case_from_files([RawFile("b.dcm", clean.data)]).instances
    assert image.transfer_syntax_uid == "1.2.840.10008.1.2.1"
    assert np.array_equal(image.pixels[0], ramp())
    assert b"zqx" not in clean.data.lower()


def test_progress_goes_from_nothing_up_and_the_preview_has_the_notes_as_they_were() -> None:
    told: list[float] = []
    files = [RawFile("n.txt", b"Patient: Zqxfamily, Zqxgiven\n\nCough.\n"), RawFile("e", b"")]
    found = preview(files, Options(), SECRET, progress=told.append)
    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1
    ((name, text),) = found.texts.items()
    (note,) = found.case.files
    assert (note.name, text[note.spans[0].start : note.spans[0].end]) == (
        name, "Zqxfamily, Zqxgiven",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["ACME", "|0019|0c", "ACME|0018|0c", "ACME|x|0c", "A|20019|0c"])
def test_what_is_no_private_attribute_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of Python's own where a number is none
        SafePrivate.from_text(text)


def test_a_private_attribute_is_named_in_hexadecimal() -> None:
    assert SafePrivate.from_text(" ACME 1.1 |0019|100c") == SafePrivate("ACME 1.1", 0x19, 0x0C)
