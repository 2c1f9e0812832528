"""The figures of parts against a truth that is drawn by hand."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from mmcore.bench import controls
from mmcore.bench.elements import by_place, elements_of
from mmcore.bench.score import figures_of, sound_cells
from mmcore.bench.truth import Truth, cells_of, mask_on_grid
from mmcore.modalities.image import PreparedImage
from mmcore.modalities.note import PreparedNote
from mmcore.modalities.observations import PreparedObservations
from mmcore.modalities.recording import PreparedRecording
from mmcore.model.prepared import PreparedCase
from mmcore.records import Modality, Observation, PartItem, Parts

BOX = (0.0, 0.0, 8.0, 8.0)
NOTHING = PreparedCase({}, (), {})
MORNING, EVENING = (datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (8, 20))


def parts(modality: Modality, *items: PartItem, **more: object) -> Parts:
    total = sum(item.signed for item in items)
    plain = Parts(modality, total, 0.0, True, "", items, 8)
    return replace(plain, **more)  # type: ignore[arg-type] # fields of Parts


def overlay(row: int, column: int) -> np.ndarray:
    made = np.zeros((4, 4), np.float32)
    made[row, column] = 3.0
    made[0, 0] += 1.0
    return made


def figures(part: Parts, truth: Truth, prepared: PreparedCase = NOTHING) -> dict[str, float]:
    return figures_of(part, truth, prepared, contribution=2.0)


def test_a_mask_lies_on_the_grid_by_covered_area_and_stops_at_the_images_edge() -> None:
    mask = np.zeros((8, 8), bool)
    mask[2:5, 0:2] = True
    share = mask_on_grid(mask, BOX, (4, 4))
    assert share[:, 0].tolist() == [0.0, 1.0, 0.5, 0.0]
    assert share[:, 1:].sum() == 0.0
    wider = mask_on_grid(np.ones((8, 4), bool), (0.0, -2.0, 8.0, 8.0), (4, 4))
    assert wider[0].tolist() == [0.0, 1.0, 1.0, 0.0], "padding is never truth"
    assert cells_of(share)[:, 0].tolist() == [False, True, True, False]
    assert cells_of(np.array([0.2, 0.0])).tolist() == [True, False], "a small truth is kept"


def test_an_overlay_is_judged_by_its_peak_and_by_its_mass() -> None:
    mask = np.zeros((8, 8), bool)
    mask[4:6, 4:6] = True
    lungs = np.ones((8, 8), bool)
    lungs[:2] = False
    truth = Truth(mask=mask, lungs=lungs)
    hit = figures(parts(Modality.IMAGE, overlay=overlay(2, 2), overlay_box=BOX), truth)
    assert hit == {
        "withheld": 0.0, "completeness": 0.0, "pointing": 1.0, "mass": 0.75, "overlap": 1.0,
        "in_lungs": 0.75,
    }  # fmt: skip
    miss = figures(parts(Modality.IMAGE, overlay=overlay(1, 2), overlay_box=BOX), truth)
    assert miss["pointing"] == miss["mass"] == 0.0


def test_withheld_parts_point_nowhere_but_are_counted() -> None:
    withheld = parts(Modality.IMAGE, passed=False, completeness_error=0.5)
    truth = Truth(mask=np.ones((8, 8), bool))
    assert figures(withheld, truth) == {"withheld": 1.0, "completeness": 0.25}


def test_the_clause_that_asserts_the_finding_must_be_the_strongest() -> None:
    said, other = PartItem("a", (0, 10), 3.0), PartItem("b", (12, 20), 1.0)
    truth = Truth(spans=((4, 9),))
    assert figures(parts(Modality.NOTE, said, other), truth)["top"] == 1.0
    swapped = replace(said, signed=0.5)
    found = figures(parts(Modality.NOTE, swapped, other), truth)
    assert found["top"] == 0.0
    assert found["mass"] == pytest.approx(1 / 3)
    assert "top" not in figures(parts(Modality.NOTE, other), Truth())


def labs() -> tuple[PreparedCase, Parts]:
    late = Observation("1988-5", "CRP", 90.0, "mg/L", EVENING)
    soon = Observation("1988-5", "CRP", 10.0, "mg/L", MORNING)
    salt = Observation("2951-2", "Sodium", 140.0, "mmol/L", EVENING)
    values = np.zeros((2, 2, 3), np.float32)
    own = PreparedObservations(values, ((late, soon), (salt, None)))
    items = (
        PartItem("CRP", ("1988-5", EVENING.isoformat()), 1.0),
        PartItem("CRP, rising", ("1988-5", MORNING.isoformat()), 2.0),
        PartItem("Sodium", ("2951-2", EVENING.isoformat()), -0.5),
    )
    return PreparedCase({Modality.OBSERVATIONS: own}, (), {}), parts(Modality.OBSERVATIONS, *items)


def test_a_course_is_true_only_if_the_finding_changed_it() -> None:
    prepared, part = labs()
    level = Truth(shifted=frozenset({"1988-5"}), evidence={"1988-5": 1.5, "2951-2": -0.2})
    found = figures(part, level, prepared)
    assert found["top"] == 0.0, "the course leads, and the finding did not change it"
    assert found["mass"] == pytest.approx(1 / 3)
    both = replace(level, changed=frozenset({"1988-5"}), course={"1988-5": 3.0})
    found = figures(part, both, prepared)
    assert found["top"] == found["order"] == 1.0


def test_values_and_courses_are_taken_away_apart() -> None:
    prepared, part = labs()
    elements = elements_of(part, prepared, Modality.OBSERVATIONS)
    assert elements is not None
    assert elements.owner[..., 0].tolist() == [[0, 1], [2, -1]]
    shuffled = replace(part, items=part.items[::-1])
    again = elements_of(shuffled, prepared, Modality.OBSERVATIONS)
    assert again is not None
    assert by_place(again).tolist() == by_place(elements).tolist() == [1.0, 2.0, -0.5]


def test_tokens_belong_to_the_clause_in_which_they_start_and_padding_to_none() -> None:
    note = PreparedNote(np.zeros(4, np.int64), ((0, 3), (4, 8), (12, 15)), 20, "x" * 20)
    prepared = PreparedCase({Modality.NOTE: note}, (), {})
    clauses = PartItem("a", (0, 10), 3.0), PartItem("b", (12, 20), 1.0)
    elements = elements_of(parts(Modality.NOTE, *clauses), prepared, Modality.NOTE)
    assert elements is not None
    assert elements.owner[:, 0].tolist() == [0, 0, 1, -1]


def test_tiles_of_an_image_hold_its_whole_overlay() -> None:
    image = PreparedImage(np.zeros((1, 56, 56), np.float32), (0.0, 0.0, 56.0, 56.0))
    prepared = PreparedCase({Modality.IMAGE: image}, (), {})
    made = np.random.default_rng(0).normal(size=(56, 56)).astype(np.float32)
    part = parts(Modality.IMAGE, overlay=made, overlay_box=image.box)
    elements = elements_of(part, prepared, Modality.IMAGE)
    assert elements is not None
    assert elements.scores.sum() == pytest.approx(made.sum(), rel=1e-4)
    assert elements.scores[0] == pytest.approx(made[:2, :2].sum(), rel=1e-4)
    assert elements.owner.shape == (1, 56, 56)


def test_a_true_sound_is_a_box_of_seconds_and_hertz() -> None:
    own = PreparedRecording(
        np.zeros((2, 4), np.float32), (0.0, 0.0, 300.0, 2.0), (0.0, 100.0, 200.0, 300.0)
    )
    cells = sound_cells(own, [(0.0, 1.0, 0.0, 90.0)])
    assert cells.tolist() == [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]


def test_shuffled_parts_keep_their_values_and_lose_their_places() -> None:
    _, part = labs()
    made = controls.shuffled(part, np.random.default_rng(2))
    assert sorted(i.signed for i in made.items) == sorted(i.signed for i in part.items)
    assert [i.what for i in made.items] == [i.what for i in part.items]
    assert [i.signed for i in made.items] != [i.signed for i in part.items]


def test_the_blobs_lie_where_the_lungs_are_outlined() -> None:
    lungs = np.zeros((56, 56), np.float32)
    lungs[8:13, 4:9] = 1.0
    image = PreparedImage(np.zeros((1, 56, 56), np.float32), BOX, lungs=lungs)
    blobs = controls.centres(image)
    assert blobs[10, 6] == pytest.approx(1.0, abs=1e-3)
    assert np.unravel_index(blobs[:, 28:].argmax(), (56, 28)) == (27, 39 - 28), "no right outline"
