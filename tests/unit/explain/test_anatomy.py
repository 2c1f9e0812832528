"""Places of the chest: found from the outline of the lungs, claimed only where it is plausible."""

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, center_of_mass

from mmcore.explain.anatomy import Anatomy, build_anatomy, mark_of
from mmcore.explain.regions import name_regions
from mmcore.modalities.image import PreparedImage, square_image
from mmcore.orientation import Side
from mmcore.records import Place
from mmcore.simulate.marker import Marker, plant_marker
from mmcore.simulate.patient import PhantomPatient, sample_patient

RIGHT_LEFT: tuple[Side, Side] = ("R", "L")
WHOLE = (0.0, 0.0, 448.0, 448.0)
TOP, BOTTOM = 10, 39  # rows of the drawn lungs


def lungs_of(*, left_bottom: int = BOTTOM, right_bottom: int = BOTTOM) -> np.ndarray:
    """Return two drawn lungs of rows 10 to 39 at columns 8 to 22 and 33 to 47."""
    lungs = np.zeros((56, 56), np.float32)
    lungs[TOP : left_bottom + 1, 8:23] = 1.0
    lungs[TOP : right_bottom + 1, 33:48] = 1.0
    return lungs


def smooth_image() -> np.ndarray:
    rows, columns = np.mgrid[0:224, 0:224]
    return (np.sin(rows / 60.0) + np.cos(columns / 70.0)).astype(np.float32)[None]


def anatomy_of(
    lungs: np.ndarray, *, image: np.ndarray | None = None,
    box: tuple[float, float, float, float] = WHOLE, sides: tuple[Side, Side] | None = RIGHT_LEFT,
) -> Anatomy | None:  # fmt: skip
    return build_anatomy(
        lungs, image=smooth_image() if image is None else image, box=box, sides=sides
    )


def claimed(anatomy: Anatomy | None) -> Anatomy:
    assert anatomy is not None
    return anatomy


def name_at(anatomy: Anatomy | None, row: int, column: int) -> str:
    found = claimed(anatomy)
    return found.names[found.cells[row, column]]


@pytest.mark.parametrize(
    ("row", "column", "name"),
    [
        (12, 15, "right upper zone"),
        (24, 15, "right middle zone"),
        (38, 15, "right lower zone"),
        (12, 40, "left upper zone"),
        (38, 40, "left lower zone"),
        (25, 28, "heart and mediastinum"),
        (48, 28, "below the diaphragm"),
        (25, 4, "chest wall and shoulders"),
        (25, 6, "right lung margin"),
        (41, 15, "right lung margin"),
        (41, 40, "left lung margin"),
        (5, 28, "chest wall and shoulders"),
        (0, 30, "border of the image"),
        (30, 55, "border of the image"),
    ],
)
def test_cells_lie_where_a_reader_would_say(row: int, column: int, name: str) -> None:
    assert name_at(anatomy_of(lungs_of()), row, column) == name


def test_zones_are_cut_at_36_and_58_percent_of_a_lungs_height() -> None:
    names = [name_at(anatomy_of(lungs_of()), row, 15) for row in range(TOP, BOTTOM + 1)]
    # Of 30 rows the middle of the 11th lies at 35 %, that of the 17th at 55 %, of the 18th at 58.3.
    assert names.index("right middle zone") == 11
    assert names.index("right lower zone") == 17


def test_a_mirrored_image_swaps_the_sides_and_an_unknown_one_names_the_images() -> None:
    assert name_at(anatomy_of(lungs_of(), sides=("L", "R")), 38, 15) == "left lower zone"
    unknown = name_at(anatomy_of(lungs_of(), sides=None), 38, 15)
    assert unknown == "lower zone at the image's left"


def test_a_lung_without_its_base_is_completed_from_the_other() -> None:
    opaque = anatomy_of(lungs_of(right_bottom=24))  # the left base is not outlined
    assert name_at(opaque, 38, 40) == "left lower zone"
    assert name_at(opaque, 18, 40) == "left upper zone"  # cut as if the lung were whole
    assert name_at(opaque, 38, 15) == "right lower zone"


def test_a_notch_at_the_chest_wall_is_lung_and_one_at_the_heart_is_heart() -> None:
    lungs = lungs_of()
    lungs[20:28, 8:14] = 0.0
    lungs[20:28, 33:39] = 0.0
    anatomy = anatomy_of(lungs)
    assert name_at(anatomy, 24, 9) == "right middle zone"
    assert name_at(anatomy, 24, 34) == "heart and mediastinum"


def test_lungs_that_touch_are_parted_where_the_model_is_less_sure() -> None:
    lungs = lungs_of()
    lungs[15:18, 23:33] = 0.6
    assert name_at(anatomy_of(lungs), 12, 15) == "right upper zone"


def test_no_anatomy_is_claimed_of_what_is_not_two_lungs() -> None:
    tiny, one, huge, stacked = (np.zeros((56, 56), np.float32) for _ in range(4))
    tiny[10:20, 10:15] = tiny[10:20, 40:45] = 1.0  # 3 % of the square
    one[10:40, 8:23] = 1.0
    huge[2:54, 2:27] = huge[2:54, 29:54] = 1.0
    stacked[5:25, 15:40] = stacked[30:50, 15:40] = 1.0
    for lungs in (tiny, one, huge, stacked, np.zeros((56, 56), np.float32)):
        assert anatomy_of(lungs) is None
    assert anatomy_of(np.full((56, 56), np.nan, np.float32)) is None


def test_padding_is_border_even_where_the_model_outlines_lung_in_it() -> None:
    beside = anatomy_of(lungs_of(), box=(0.0, -96.0, 448.0, 448.0))  # 12 cells at each side
    assert name_at(beside, 25, 9) == "border of the image"
    assert name_at(beside, 25, 13) == "border of the image" or "zone" in name_at(beside, 25, 13)
    assert name_at(beside, 25, 18) == "right middle zone"
    black = smooth_image()
    black[..., :16] = -5.0
    assert name_at(anatomy_of(lungs_of(), image=black), 48, 3) == "border of the image"


def test_places_sum_to_the_overlay_for_and_against_apart() -> None:
    overlay = np.random.default_rng(0).normal(size=(56, 56))
    places = claimed(anatomy_of(lungs_of())).sum_places(overlay)
    assert sum(p.positive for p in places) == pytest.approx(overlay[overlay > 0].sum(), rel=1e-12)
    assert sum(p.negative for p in places) == pytest.approx(overlay[overlay < 0].sum(), rel=1e-12)
    assert {p.name for p in places if p.is_outside} == {
        "below the diaphragm", "chest wall and shoulders", "border of the image"
    }  # fmt: skip


def test_a_place_without_evidence_is_not_listed() -> None:
    overlay = np.zeros((56, 56))
    overlay[38, 40], overlay[25, 28] = 2.0, -0.5
    assert claimed(anatomy_of(lungs_of())).sum_places(overlay) == (
        Place("left lower zone", 2.0, 0.0),
        Place("heart and mediastinum", 0.0, -0.5),
    )


def test_an_overlay_of_other_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="28, 28"):
        claimed(anatomy_of(lungs_of())).sum_places(np.zeros((28, 28)))


@pytest.mark.parametrize(
    ("row", "column", "what", "mark"),
    [
        (38, 40, "left lower zone", ""),
        (25, 28, "heart and mediastinum", ""),
        (48, 28, "below the diaphragm", "outside the lungs"),
        (0, 30, "border of the image", "at the border"),
    ],
)
def test_regions_bear_the_name_and_the_mark_of_their_place(
    row: int, column: int, what: str, mark: str
) -> None:
    overlay = np.zeros((56, 56))
    overlay[row, column] = 1.0
    image = PreparedImage(smooth_image(), WHOLE, RIGHT_LEFT, lungs_of())
    first, rest = image.name_parts(overlay).items
    assert (first.what, first.mark) == (what, mark)
    assert (rest.what, rest.mark) == ("rest of the image", "")


def test_without_an_outline_regions_are_thirds_and_there_are_no_places() -> None:
    overlay = np.zeros((56, 56))
    overlay[50, 5] = 1.0
    evidence = PreparedImage(smooth_image(), WHOLE, RIGHT_LEFT).name_parts(overlay)
    assert evidence.items[0].what == "lower third, patient's right"
    assert evidence.places == ()


def test_a_region_is_where_most_of_its_evidence_lies_unless_its_peak_is_a_marker() -> None:
    overlay = np.zeros((56, 56))
    overlay[25, 6:12] = 0.9, 1.0, 0.8, 0.8, 0.8, 0.8  # the peak in the wall, the mass in lung
    anatomy = claimed(anatomy_of(lungs_of()))
    item = name_regions(overlay, box=WHOLE, sides=RIGHT_LEFT, anatomy=anatomy)[0]
    assert (item.what, item.mark) == ("right middle zone", "")
    cells = anatomy.cells.copy()
    cells[25, 7] = anatomy.names.index("text marker")
    item = name_regions(
        overlay, box=WHOLE, sides=RIGHT_LEFT, anatomy=Anatomy(anatomy.names, cells)
    )[0]
    assert (item.what, item.mark) == ("text marker", "at a text marker")


def test_marks_warn_of_every_place_outside_and_of_none_inside() -> None:
    assert mark_of("text marker") == "at a text marker"
    assert mark_of("chest wall and shoulders") == "outside the lungs"
    assert mark_of("left upper zone") == mark_of("heart and mediastinum") == ""


@cache
def patients() -> tuple[PhantomPatient, ...]:
    return tuple(sample_patient(77, index, rows=448) for index in range(30))


def film_of(patient: PhantomPatient, pixels: np.ndarray | None = None) -> PreparedImage:
    square = square_image(patient.pixels if pixels is None else pixels, size=224, is_inverted=False)
    lungs = patient.truth.lungs.reshape(56, 8, 56, 8).mean((1, 3)).astype(np.float32)
    return PreparedImage(square.values, square.box, RIGHT_LEFT, lungs)


def test_the_side_of_a_simulated_lesion_is_named_wherever_it_lies_in_the_outlined_lungs() -> None:
    seen = 0
    for patient in patients():
        anatomy = claimed(film_of(patient).anatomy())
        for finding in ("nodule", "consolidation"):
            mask = patient.truth.masks.get(finding)
            if mask is None or not mask.any():
                continue
            row, column = (int(x / 8) for x in center_of_mass(mask))
            name = anatomy.names[anatomy.cells[row, column]]
            if "zone" in name:
                seen += 1
                side = "left" if column >= 28 else "right"  # the spine stands near column 28
                assert name.startswith(side)
    assert seen >= 5


def test_planted_markers_are_found_and_plain_films_have_none() -> None:
    rng = np.random.default_rng(3)
    found = false = 0
    for patient in patients():
        false += "text marker" in marked_places(film_of(patient).anatomy())
        marker, strokes = place_outside(rng, patient)
        cells = strokes.reshape(56, 8, 56, 8).any((1, 3))
        anatomy = claimed(film_of(patient, marker).anatomy())
        at = anatomy.names.index("text marker")
        found += bool((anatomy.cells[cells] == at).mean() >= 0.5)
    assert found >= 28
    assert false <= 1


def marked_places(anatomy: Anatomy | None) -> set[str]:
    found = claimed(anatomy)
    return {found.names[number] for number in np.unique(found.cells)}


def place_outside(
    rng: np.random.Generator, patient: PhantomPatient
) -> tuple[np.ndarray, np.ndarray]:
    """Return a film with a letter at a random place clear of the lungs, and its strokes."""
    while True:
        marker = Marker(
            str(rng.choice(["L", "R"])),
            row=float(rng.uniform(0.04, 0.96)),
            column=float(rng.uniform(0.04, 0.96)),
            height=float(rng.uniform(0.035, 0.08)),
            contrast=float(rng.uniform(0.4, 0.9)),
        )
        film = plant_marker(patient.pixels, marker)
        if not (binary_dilation(film.mask, iterations=6) & patient.truth.lungs).any():
            return film.pixels, film.mask
