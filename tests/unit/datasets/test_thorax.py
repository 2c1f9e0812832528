"""Reading a folder of open radiographs: what is labelled, what is unknown, what would leak."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.thorax import is_validation, read_texts, read_thorax
from mmcore.errors import ConfigError
from mmcore.modalities.note import mask_text
from mmcore.train.config import read_run
from tests.tiny import PRESET

COVID_COLUMNS = [
    "patient_id", "image", "view", "sex", "age", "clinical_notes", "went_icu",
    "needed_supplemental_O2", "temperature", "pO2_saturation", "leukocyte_count",
    "neutrophil_count", "lymphocyte_count", "severity_geographic_mean", "severity_opacity_mean",
    "lung_mask",
]  # fmt: skip


def write(path: Path, rows: list[dict[str, object]], columns: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def picture(path: Path, rows: int = 60, columns: int = 80) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.linspace(0, 255, rows * columns).reshape(rows, columns).astype(np.uint8)
    Image.fromarray(ramp).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nih = [
        {"image": "a.jpg", "patient_id": "nih-1", "age_years": 55, "sex": "F", "view": "AP",
         "labels": "Effusion|Pneumonia"},
        {"image": "b.jpg", "patient_id": "nih-2", "age_years": 30, "sex": "M", "view": "PA",
         "labels": "No Finding"},
        {"image": "c.jpg", "patient_id": "nih-3", "age_years": "", "sex": "M", "view": "PA",
         "labels": "Nodule"},
    ]  # fmt: skip
    write(tmp_path / "nih" / "studies.csv", nih, list(nih[0]))
    boxes = [{"image": "a.jpg", "finding": "Lung Opacity", "x": 0.25, "y": 0.5, "width": 0.25,
              "height": 0.5}]  # fmt: skip
    write(tmp_path / "nih" / "boxes.csv", boxes, list(boxes[0]))
    covid = [
        {"patient_id": "covid-1", "image": "d.jpg", "view": "AP Supine", "sex": "F", "age": 70,
         "clinical_notes": "Fever. Admitted to ICU.", "went_icu": "Y", "temperature": 38.5,
         "pO2_saturation": 8.0, "leukocyte_count": 0, "severity_geographic_mean": 4.0,
         "severity_opacity_mean": 3.0, "lung_mask": "d.png"},
        {"patient_id": "covid-1", "image": "e.jpg", "view": "L"},
    ]  # fmt: skip
    write(tmp_path / "covid" / "studies.csv", covid, COVID_COLUMNS)
    for name in "abc":
        picture(tmp_path / "nih" / "images" / f"{name}.jpg")
    for name in "de":
        picture(tmp_path / "covid" / "images" / f"{name}.jpg")
    (tmp_path / "covid" / "lung_masks").mkdir()
    mask = np.zeros((60, 80), bool)
    mask[10:50, 10:70] = True
    Image.fromarray(mask).save(tmp_path / "covid" / "lung_masks" / "d.png")
    return tmp_path


def read(folder: Path) -> dict[str, LabelledCase]:
    return dict(zip("abcde", read_thorax(folder), strict=True))


def test_what_a_source_never_labels_is_unknown_there_not_absent(folder: Path) -> None:
    cases = read(folder)
    assert cases["a"].labels["pneumonia"] == 1.0
    assert cases["b"].labels["pneumonia"] == 0.0
    assert "pneumonia" not in cases["c"].labels  # neither pneumonia nor "no finding"
    assert "pneumonia" not in cases["d"].labels  # a covid film is never a case of pneumonia
    assert "icu_admission" not in cases["a"].labels
    assert cases["a"].labels["effusion"] == 1.0


def test_outcomes_scores_and_measurements_of_the_covid_part(folder: Path) -> None:
    case = read(folder)["d"]
    assert case.labels == {"icu_admission": 1.0, "geographic_extent": 4.0, "opacity": 3.0}
    assert [(o.loinc, o.value) for o in case.case.observations] == [("8310-5", 38.5)]


def test_a_value_that_nobody_can_have_is_left_out(folder: Path) -> None:
    """A saturation of 8 % and no leukocytes at all are slips of the table."""
    codes = {o.loinc for o in read(folder)["d"].case.observations}
    assert not codes & {"59408-5", "6690-2"}


def test_boxes_lie_in_stored_pixels_and_are_outlines_too(folder: Path) -> None:
    case = read(folder)["a"]
    assert case.boxes["pneumonia"] == ((30.0, 20.0, 30.0, 20.0),)  # of 60 x 80
    outline = case.regions["lung_opacity"]
    assert outline.shape == (56, 56)
    assert outline[35, 20] == 255  # inside: row 0.5 of the image is 0.5 of the padded square
    assert outline[20, 20] == 0
    assert not read(folder)["b"].regions["lung_opacity"].any()  # no finding, no opacity


def test_a_lung_mask_is_kept_in_full_and_as_coverage(folder: Path) -> None:
    case = read(folder)["d"]
    assert case.masks["lungs"].sum() == 40 * 60
    covered = case.regions["lungs"].mean() / 255.0
    assert covered == pytest.approx(40 * 60 / 80**2, abs=0.02)


def test_a_lateral_film_is_marked_as_one(folder: Path) -> None:
    assert read(folder)["e"].case.instances[0].view_position == "LATERAL"


def test_subgroups_name_view_sex_and_age_where_they_are_known(folder: Path) -> None:
    cases = read(folder)
    assert cases["d"].subgroups == {"source": "covid", "view": "AP", "sex": "F",
                                    "age": "60 and over"}  # fmt: skip
    assert "age" not in cases["c"].subgroups


def test_all_examinations_of_a_patient_fall_on_one_side_of_the_split() -> None:
    sides = {p: is_validation(p, seed=3, parts=5) for p in (f"nih-{i}" for i in range(500))}
    assert sides == {p: is_validation(p, seed=3, parts=5) for p in sides}
    assert 70 < sum(sides.values()) < 130
    assert sides != {p: is_validation(p, seed=4, parts=5) for p in sides}


def test_texts_for_the_tokenizer_carry_no_labels(folder: Path) -> None:
    assert list(read_texts(folder)) == ["Fever. Admitted to ICU."]


def test_a_folder_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="studies"):
        list(read_thorax(tmp_path))


LEAKS = [
    "Patient was intubated and transferred to the ICU.",
    "She needed supplemental oxygen by nasal cannula.",
    "Died of respiratory failure; mechanically ventilated on ECMO.",
    "Tested positive for SARS-CoV-2, COVID-19 pneumonia, discharged home.",
    "Endotracheal tube in place. Required high-flow therapy and prone positioning.",
]
GIVEAWAYS = ("intubat", "icu", "oxygen", "cannula", "died", "ventilat", "ecmo", "sars", "covid",
             "discharg", "transferred", "tube", "high-flow", "prone", "failure")  # fmt: skip


@pytest.mark.parametrize("note", LEAKS)
def test_words_that_tell_the_outcome_never_reach_the_model(note: str) -> None:
    config = read_run(PRESET.with_name("thorax.yaml")).model.note
    assert config is not None
    seen = mask_text(note, config.masked)
    assert len(seen) == len(note)  # offsets of evidence stay those of the note
    assert not [word for word in GIVEAWAYS if word in seen.lower()]


def test_signs_of_the_day_stay_readable() -> None:
    config = read_run(PRESET.with_name("thorax.yaml")).model.note
    assert config is not None
    note = "Fever and cough for 3 days. SpO2 88 % on room air. Bilateral ground glass opacities."
    assert mask_text(note, config.masked) == note
