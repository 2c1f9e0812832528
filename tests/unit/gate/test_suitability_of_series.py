"""Which CT series a model of slices may read; which it may not, and why."""

from dataclasses import replace

import numpy as np
import pytest

from mmcore.gate.suitability import choose_image, choose_series, judge_series, slices_of
from mmcore.records import Instance, Series, Study


def slice_of(number: int, **facts: object) -> Instance:
    values: dict[str, object] = {
        "digest": f"d{number}", "sop_instance_uid": str(number), "sop_class_uid": "1",
        "dicom_modality": "CT", "pixels": np.arange(16, dtype=np.int16).reshape(1, 4, 4),
        "body_part": "CHEST", "value_unit": "HU", "patient_orientation": ("L", "P"),
        "instance_number": number, **facts,
    }  # fmt: skip
    return Instance(**values)  # type: ignore[arg-type]


def series_of(count: int = 10, *, uid: str = "s", modality: str = "CT", **facts: object) -> Series:
    slices = tuple(slice_of(n, dicom_modality=modality, **facts) for n in range(count))
    return Series(uid, modality, "", slices)


def study_of(*series: Series) -> Study:
    return Study("study", "", None, None, series)


def test_an_axial_chest_ct_is_read() -> None:
    series = series_of()
    assert judge_series(series).problem == ""
    assert judge_series(series).doubts == ()
    assert choose_series([study_of(series)]) == (series, "")


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (series_of(modality="DX"), "DICOM modality DX, not a series of CT slices"),
        (series_of(7), "7 slices"),
        (series_of(value_unit=""), "Hounsfield"),
        (series_of(patient_orientation=("L", "F")), "not axial"),
        (series_of(patient_orientation=("PL", "FA")), "not axial"),
        (series_of(body_part="HEAD"), "not the chest"),
        (series_of(pixels=np.zeros((2, 4, 4), np.int16)), "0 slices"),
    ],
)
def test_what_is_no_chest_ct_is_not_read(series: Series, words: str) -> None:
    assert words in judge_series(series).problem
    chosen, why = choose_series([study_of(series)])
    assert chosen is None
    assert words in why


def test_a_model_of_radiographs_does_not_read_ct() -> None:
    chosen, why = choose_image(series_of().instances)
    assert chosen is None
    assert "modality CT" in why


def test_what_the_headers_leave_open_is_a_doubt() -> None:
    doubts = judge_series(series_of(body_part=None, patient_orientation=None)).doubts
    assert len(doubts) == 2


def test_an_image_of_another_size_is_left_out_of_its_series() -> None:
    series = series_of()
    scout = slice_of(99, pixels=np.arange(30, dtype=np.int16).reshape(1, 5, 6))
    mixed = replace(series, instances=(scout, *series.instances))
    assert slices_of(mixed) == series.instances


def test_the_newest_study_and_in_it_the_longest_series_is_read() -> None:
    older = study_of(series_of(60, uid="old"))
    newer = study_of(series_of(3, uid="scout"), series_of(10, uid="thick"), series_of(40, uid="x"))
    chosen, _ = choose_series([newer, older])
    assert chosen is not None
    assert chosen.series_uid == "x"


def test_of_a_case_without_images_nothing_is_said_of_any() -> None:
    assert choose_series([]) == (None, "the case holds no image")


def test_the_fault_of_the_ct_is_told_rather_than_that_of_the_radiograph() -> None:
    why = choose_series([study_of(series_of(1, modality="DX"), series_of(5))])[1]
    assert "5 slices" in why
