"""The simulated CT: the film's own lesions in depth, written as files that intake reads back."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from mmcore.gate.suitability import choose_series
from mmcore.intake import case_from_paths
from mmcore.records import FileVerdict
from mmcore.simulate import sample_patient
from mmcore.simulate.causal import Finding
from mmcore.simulate.cohort import decode_mask, write_cohort
from mmcore.simulate.ct import PhantomCt, sample_ct
from mmcore.simulate.ct_writer import truth_document, write_ct
from mmcore.simulate.patient import streams_of
from mmcore.simulate.radiograph import sample_technique

SEED = 3


@cache
def ct_of(index: int) -> PhantomCt:
    return sample_ct(SEED, index)


def shadows(index: int, finding: Finding) -> tuple[np.ndarray, np.ndarray]:
    """Return the lesion's shadow as the CT has it and as the film has it, on the CT's rays."""
    ct, patient = ct_of(index), sample_patient(SEED, index)
    rows = patient.pixels.shape[0]
    technique = sample_technique(streams_of(SEED, index)["technique"])
    columns = ct.values.shape[2]
    x = (np.arange(columns) - (columns - 1) / 2) * ct.spacing_mm
    at = [
        np.rint((place - center) / patient.spacing_mm + (rows - 1) / 2).astype(int)
        for place, center in zip((-np.array(ct.heights_mm), x), technique.center[::-1], strict=True)
    ]
    on_film = [(a >= 0) & (a < rows) for a in at]
    film = {**patient.truth.masks, **patient.truth.mimic_masks}[finding]
    theirs = film[np.ix_(at[0][on_film[0]], at[1][on_film[1]])]
    ours = ct.masks[finding].any(1)[np.ix_(*on_film)]
    return ours, theirs


@pytest.mark.parametrize(
    ("index", "finding"),
    [(0, "consolidation"), (5, "effusion"), (7, "pneumothorax"), (5, "nodule"), (5, "edema"),
     (0, "cardiomegaly")],
)  # fmt: skip
def test_seen_from_the_front_a_lesion_of_the_ct_is_that_of_the_film(
    index: int, finding: Finding
) -> None:
    ours, theirs = shadows(index, finding)
    assert theirs.sum() >= 10
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.85


def test_values_are_hounsfield_units_of_what_is_there() -> None:
    ct = ct_of(0)
    middle = ct.values[16].astype(float)
    assert np.median(middle[:5]) == pytest.approx(-1000, abs=15)  # air before the chest
    assert middle[ct.masks["cardiomegaly"][16]].mean() == pytest.approx(45, abs=60)
    lung = middle[(middle > -900) & (middle < -600)]
    assert lung.mean() == pytest.approx(-760, abs=30)
    assert ct.values.max() > 500  # bone


def test_a_lesion_is_denser_than_the_lung_it_lies_in() -> None:
    ct = ct_of(5)
    assert ct.values[ct.masks["nodule"]].mean() > -300


def test_the_same_patient_has_the_same_ct() -> None:
    again = sample_ct(SEED, 5)
    assert (again.values == ct_of(5).values).all()


def test_intake_reads_the_files_as_one_series_from_the_feet_up(tmp_path: Path) -> None:
    ct = ct_of(5)
    write_ct(ct, tmp_path)
    files = sorted(tmp_path.glob("*.dcm"))
    case = case_from_paths(files[::-1])
    assert {f.verdict for f in case.files} == {FileVerdict.USED}
    (study,) = case.studies
    (series,) = study.series
    read = np.stack([i.pixels[0] for i in series.instances])
    assert (read == ct.values).all()
    assert {i.value_unit for i in series.instances} == {"HU"}
    assert choose_series(case.studies)[0] is series
    assert case.notices == ()
    assert all(not i.notices for i in series.instances)
    assert case.patient.patient_id == f"PHANTOM-{SEED}-5"


def test_slices_lie_where_their_files_say() -> None:
    from mmcore.simulate.ct_writer import make_slice

    ct = ct_of(5)
    first, last = make_slice(ct, 1), make_slice(ct, 32)
    assert float(first.ImagePositionPatient[2]) == pytest.approx(ct.heights_mm[0], abs=1e-3)
    reach = float(last.ImagePositionPatient[2]) - float(first.ImagePositionPatient[2])
    assert reach == pytest.approx(31 * float(first.SpacingBetweenSlices), abs=1e-3)
    assert first.SOPInstanceUID != last.SOPInstanceUID
    assert first.SeriesInstanceUID == last.SeriesInstanceUID


def test_the_truth_survives_its_file() -> None:
    ct = ct_of(5)
    document = truth_document(ct)
    mask = decode_mask(document["masks"]["nodule"]).reshape(document["shape"])
    assert (mask == ct.masks["nodule"]).all()


def test_a_cohort_with_ct_is_one_case_of_two_studies(tmp_path: Path) -> None:
    (folder,) = write_cohort(tmp_path, patients=1, seed=SEED, ct=True)
    case = case_from_paths([folder])
    assert [s.series[0].dicom_modality for s in case.studies] == ["CT", "DX"]
    assert dcmread(folder / "ct" / "slice-001.dcm").PatientID == f"PHANTOM-{SEED}-0"
    assert all(f.verdict is not FileVerdict.REFUSED for f in case.files)
