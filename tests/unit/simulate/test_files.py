"""The files of a simulated patient are what other people's readers expect."""

import json
import wave
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from fhir.resources.R4B.bundle import Bundle

from mmcore.datasets.phantoms import phantom_case
from mmcore.intake import case_from_paths
from mmcore.orientation import sides_of
from mmcore.records import FileVerdict
from mmcore.simulate import PhantomPatient, sample_patient, write_cohort, write_patient
from mmcore.simulate.cohort import decode_mask, encode_mask

# Type 1 attributes of the DX Image IOD's modules (PS3.3 A.26.3) that apply to a phantom.
TYPE_1 = (
    "SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality "
    "PresentationIntentType ImageType SamplesPerPixel PhotometricInterpretation Rows Columns "
    "BitsAllocated BitsStored HighBit PixelRepresentation PixelData "
    "PixelIntensityRelationship PixelIntensityRelationshipSign RescaleIntercept RescaleSlope "
    "RescaleType PresentationLUTShape LossyImageCompression BurnedInAnnotation "
    "PatientOrientation ImageLaterality ImagerPixelSpacing WindowCenter WindowWidth "
    "BodyPartExamined ViewPosition PixelSpacing PatientID PatientName DeidentificationMethod"
)
TYPE_2 = (
    "PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID "
    "AccessionNumber SeriesNumber InstanceNumber Manufacturer AnatomicRegionSequence "
    "DetectorType PositionerType AcquisitionContextSequence"
)


@pytest.fixture(scope="module")
def patient() -> PhantomPatient:
    return next(p for i in range(99) if len((p := sample_patient(2, i, rows=128)).truth.masks) > 1)


def test_the_film_reads_back_with_its_pixels(patient, tmp_path):
    write_patient(patient, tmp_path)
    dataset = pydicom.dcmread(tmp_path / "image.dcm")
    assert np.array_equal(dataset.pixel_array, patient.pixels)
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert float(dataset.PixelSpacing[0]) == pytest.approx(patient.spacing_mm, abs=1e-6)
    for keyword in TYPE_1.split():
        assert dataset[keyword].value not in (None, "", []), keyword
    for keyword in TYPE_2.split():
        assert keyword in dataset


def test_the_film_says_that_it_is_simulated_and_names_no_one(patient, tmp_path):
    write_patient(patient, tmp_path)
    dataset = pydicom.dcmread(tmp_path / "image.dcm")
    assert "SIMULATED" in dataset.ImageComments
    assert dataset.PatientIdentityRemoved == "YES"
    assert str(dataset.PatientName) == f"Phantom^{patient.index:06d}"
    assert dataset.StudyInstanceUID.startswith("2.25.")


def test_the_case_in_memory_has_the_sides_of_the_film_on_disk(patient, tmp_path):
    write_patient(patient, tmp_path)
    (read,) = case_from_paths([tmp_path / "image.dcm"]).instances
    (made,) = phantom_case(patient).instances
    assert read.patient_orientation == made.patient_orientation == ("L", "F")
    assert sides_of(read) == ("R", "L")


def test_the_same_patient_is_written_as_the_same_bytes(patient, tmp_path):
    for name in ("a", "b"):
        write_patient(patient, tmp_path / name)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_observations_are_a_valid_fhir_bundle(patient, tmp_path):
    write_patient(patient, tmp_path)
    text = (tmp_path / "observations.json").read_text()
    bundle = Bundle.model_validate_json(text)
    observations = [e.resource for e in bundle.entry[1:]]
    assert [float(o.valueQuantity.value) for o in observations] == [
        o.value for o in (*patient.observations, *patient.earlier)
    ]
    assert all(o.code.coding[0].system == "http://loinc.org" for o in observations)
    assert all(o.subject.reference == bundle.entry[0].fullUrl for o in observations)


def test_truth_reads_back_with_its_masks_and_quotes(patient, tmp_path):
    write_patient(patient, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    note = (tmp_path / "note.txt").read_text()
    assert truth["findings"] == dict(patient.truth.findings)
    for finding, mask in patient.truth.masks.items():
        assert np.array_equal(decode_mask(truth["masks"][finding]), mask)
    for phrase, said in zip(truth["phrases"], patient.truth.phrases, strict=True):
        assert note[phrase["start"] : phrase["end"]] == patient.note[said.start : said.end]


def test_truth_says_where_the_lungs_are_and_what_changed(patient, tmp_path):
    write_patient(patient, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert np.array_equal(decode_mask(truth["lungs"]), patient.truth.lungs)
    assert [(t["loinc"], t["finding"]) for t in truth["trends"]] == [
        (t.loinc, t.finding) for t in patient.truth.trends
    ]


def test_the_recording_is_sixteen_bit_pcm_of_the_same_samples(patient, tmp_path):
    write_patient(patient, tmp_path)
    with wave.open(str(tmp_path / "recording.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 4000)
        stored = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.array_equal(stored / np.float32(32768), patient.recording.samples)
    assert b"Simulated" in (tmp_path / "recording.wav").read_bytes()


def test_the_panel_is_vcf_that_says_it_is_simulated_and_whose_it_is(patient, tmp_path):
    write_patient(patient, tmp_path)
    lines = (tmp_path / "variants.vcf").read_text().splitlines()
    assert lines[0] == "##fileformat=VCFv4.3"
    assert any("Simulated" in line for line in lines)
    header = next(line for line in lines if line.startswith("#CHROM")).split("\t")
    assert header[9:] == [f"PHANTOM-2-{patient.index}"]
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    assert [row[2] for row in rows] == [v.variant_id for v in patient.variants]
    assert [row[9].count("1") for row in rows] == [v.copies for v in patient.variants]


def test_truth_says_what_is_heard_and_which_genotype_bears_on_what(patient, tmp_path):
    write_patient(patient, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert [s["kind"] for s in truth["sounds"]] == [s.kind for s in patient.truth.sounds]
    assert [v["id"] for v in truth["variants"]] == [v.variant_id for v in patient.truth.variants]


def test_a_mask_is_runs_of_row_major_pixels_from_zero():
    mask = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 1]], bool)
    assert encode_mask(mask) == {"rows": 3, "columns": 3, "runs": [[0, 2], [5, 2], [8, 1]]}


def test_a_cohort_is_numbered_folders_and_reports_its_progress(tmp_path):
    seen = []
    folders = write_cohort(
        tmp_path, patients=2, seed=4, rows=64, on_progress=lambda done, of: seen.append((done, of))
    )
    assert [f.name for f in folders] == ["patient-000000", "patient-000001"]
    assert seen == [(1, 2), (2, 2)]
    assert {f.name for f in folders[1].iterdir()} == {
        "image.dcm",
        "note.txt",
        "observations.json",
        "recording.wav",
        "variants.vcf",
        "truth.json",
    }


def test_intake_reads_back_exactly_what_was_simulated(patient, tmp_path):
    write_patient(patient, tmp_path)
    names = ("image.dcm", "note.txt", "observations.json", "recording.wav", "variants.vcf")
    case = case_from_paths([tmp_path / name for name in names])
    assert [file.verdict for file in case.files] == [FileVerdict.USED] * 5
    assert not any(file.reason for file in case.files)
    (sound,) = case.recordings
    assert np.array_equal(sound.samples, patient.recording.samples)
    assert sound.sample_rate_hz == patient.recording.sample_rate_hz
    assert sound.recorded_at == patient.recording.recorded_at
    made = [replace(v, digest="") for v in patient.variants]
    assert [replace(v, digest="") for v in case.variants] == made
    assert case.patient.patient_id == f"PHANTOM-2-{patient.index}"


def test_files_of_two_simulated_patients_do_not_make_one_case(patient, tmp_path):
    other = sample_patient(2, patient.index + 1, rows=64)
    write_patient(patient, tmp_path / "a")
    write_patient(other, tmp_path / "b")
    mixed = [tmp_path / "a" / "image.dcm", tmp_path / "a" / "observations.json"]
    mixed += [tmp_path / "b" / "recording.wav", tmp_path / "b" / "variants.vcf"]
    case = case_from_paths(mixed[:2] + mixed[2:3])
    assert case.recordings == ()
    case = case_from_paths(mixed[:2] + mixed[3:])
    assert case.variants == ()
