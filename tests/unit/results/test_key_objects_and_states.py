"""What the reader chose and how it was left on the screen, as objects that other systems show."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmcore.records import KeyImage
from mmcore.report import Document, result_document
from mmcore.results.dicom_state import turned, words_of
from mmcore.results.make import make_results
from mmcore.results.records import Display, Kind, Made, Mark
from tests.unit.results.filed import film, read, result_with, run_tool, signed, standard_film

AT = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)
MARKS = (
    Mark("length", ((10.5, 20.5), (40.5, 60.5))),
    Mark("angle", ((10.0, 10.0), (10.0, 50.0), (60.0, 50.0))),
    Mark("rectangle", ((100.0, 100.0), (120.0, 150.0))),
    Mark("ellipse", ((200.0, 100.0), (240.0, 300.0))),
)


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def with_pictures(*captions: str) -> Document:
    result = result_with()
    digest = result.case.instances[0].digest
    pictures = tuple(KeyImage(png(), digest, 0, caption, AT) for caption in captions)
    return result_document(replace(result, key_images=pictures))


def display(data: bytes | None = None, **changes: Any) -> Display:
    digest = result_with(data).case.instances[0].digest
    return replace(Display(digest, 1700.0, 2800.0, marks=MARKS), **changes)


def made_of(document: Document, kind: Kind, *displays: Display, data: bytes | None = None) -> Made:
    files = [data or standard_film()]
    (made,) = make_results(document, files, kinds=[kind], displays=displays)
    return made


def state(data: bytes | None = None, **changes: Any) -> Any:
    document = result_document(result_with(data))
    return read(made_of(document, Kind.STATE, display(data, **changes), data=data).data)


def test_key_images_are_a_selection_of_the_film_with_their_captions() -> None:
    dataset = read(
        made_of(with_pictures("Opacity, left base", "Same, closer"), Kind.KEY_OBJECTS).data
    )
    assert dataset.Modality == "KO"
    assert dataset.ConceptNameCodeSequence[0].CodeValue == "113000"  # of interest
    told = " ".join(item.get("TextValue", "") for item in dataset.ContentSequence)
    assert "AI-derived, not verified. Opacity, left base; Same, closer" in told
    images = [i for i in dataset.ContentSequence if i.ValueType == "IMAGE"]
    assert [i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in images] == [
        read(standard_film()).SOPInstanceUID
    ]


def test_without_key_images_there_is_no_selection() -> None:
    document = result_document(result_with())
    assert make_results(document, [standard_film()], kinds=[Kind.KEY_OBJECTS]) == ()


def test_a_signed_selection_names_who_signed() -> None:
    dataset = read(made_of(signed(with_pictures("Here")), Kind.KEY_OBJECTS).data)
    assert "Byron" in str(dataset)


def test_a_state_holds_the_window_and_the_film_it_is_for() -> None:
    dataset = state()
    (window,) = dataset.SoftcopyVOILUTSequence
    assert (window.WindowCenter, window.WindowWidth) == (1700, 2800)
    (related,) = dataset.ReferencedSeriesSequence
    uid = related.ReferencedImageSequence[0].ReferencedSOPInstanceUID
    assert uid == read(standard_film()).SOPInstanceUID
    assert dataset.PresentationLUTShape == "IDENTITY"


def test_a_state_holds_the_marks_with_what_they_measure() -> None:
    dataset = state()
    graphics = [a.GraphicObjectSequence[0] for a in dataset.GraphicAnnotationSequence]
    texts = [
        a.TextObjectSequence[0].UnformattedTextValue for a in dataset.GraphicAnnotationSequence
    ]
    assert [g.GraphicType for g in graphics] == ["POLYLINE", "POLYLINE", "POLYLINE", "ELLIPSE"]
    assert list(graphics[0].GraphicData) == [20.5, 10.5, 60.5, 40.5]  # column, row
    spacing = float(read(standard_film()).PixelSpacing[0])
    assert texts[0] == f"{50 * spacing:.1f} mm"  # a triangle of 30, 40 and 50 pixels
    assert texts[1] == "90.0 deg"
    assert texts[2] == f"{1000 * spacing**2:.0f} mm2"
    assert list(graphics[3].GraphicData)[:4] == [100, 220, 300, 220]  # the longer axis first


def test_a_length_without_a_known_pixel_size_is_in_pixels() -> None:
    assert words_of(MARKS[0], None) == "50.0 pixels"
    assert words_of(MARKS[0], (2.0, 1.0)) == f"{np.hypot(60, 40):.1f} mm"


RIGHT, LEFT, ACROSS, DOWN = (0, -1, 1, 0), (0, 1, -1, 0), (-1, 0, 0, 1), (1, 0, 0, -1)


@pytest.mark.parametrize(
    ("turn", "degrees", "flip", "corner"),
    [
        ((1, 0, 0, 1), 0, "N", [1, 1]),
        (RIGHT, 90, "N", [1, 640]),
        ((-1, 0, 0, -1), 180, "N", [512, 640]),
        (LEFT, 270, "N", [512, 1]),
        (ACROSS, 0, "Y", [512, 1]),
        (DOWN, 180, "Y", [1, 640]),
    ],
)
def test_a_turned_film_is_turned_with_its_corners(
    turn: tuple[int, int, int, int], degrees: int, flip: str, corner: list[int]
) -> None:
    dataset = state(turn=turn)
    assert (dataset.ImageRotation, dataset.ImageHorizontalFlip) == (degrees, flip)
    (area,) = dataset.DisplayedAreaSelectionSequence
    assert list(area.DisplayedAreaTopLeftHandCorner) == corner


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_turn_then_flip_is_what_the_reader_saw(degrees: int, is_mirrored: bool) -> None:
    radians = np.deg2rad(degrees)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    seen = np.diag([-1.0 if is_mirrored else 1.0, 1.0]) @ turn
    a, b, c, d = (round(n) for n in seen.ravel())
    assert turned((a, b, c, d)) == (degrees, is_mirrored)


def test_what_is_no_turn_by_quarters_is_refused() -> None:
    with pytest.raises(ValueError, match="quarters"):
        turned((1, 1, 0, 1))


@pytest.mark.parametrize(
    ("photometric", "is_inverted", "shape"),
    [("MONOCHROME2", True, "INVERSE"), ("MONOCHROME1", False, "INVERSE"),
     ("MONOCHROME1", True, "IDENTITY")],
)  # fmt: skip
def test_light_and_dark_are_as_the_reader_saw_them(
    photometric: str, is_inverted: bool, shape: str
) -> None:
    data = film(PhotometricInterpretation=photometric)
    assert state(data, is_inverted=is_inverted).PresentationLUTShape == shape


def test_another_display_of_the_same_result_is_another_state() -> None:
    document = result_document(result_with())
    one = made_of(document, Kind.STATE, display())
    other = made_of(document, Kind.STATE, display(center=1600.0))
    assert one.sop_instance_uid != other.sop_instance_uid
    assert one.data == made_of(document, Kind.STATE, display()).data


def test_no_state_is_written_for_an_image_in_colour_or_outside_the_study() -> None:
    document = result_document(result_with())
    elsewhere = replace(display(), digest="f" * 64)
    assert make_results(
        document, [standard_film()], kinds=[Kind.STATE], displays=[elsewhere]
    ) == ()  # fmt: skip


@pytest.mark.parametrize("kind", [Kind.KEY_OBJECTS, Kind.STATE])
def test_an_independent_validator_finds_no_error(kind: Kind, tmp_path: Path) -> None:
    made = made_of(with_pictures("Here"), kind, display())
    (tmp_path / "object.dcm").write_bytes(made.data)
    said = run_tool("dciodvfy", tmp_path / "object.dcm")
    assert "Error" not in said, said


def test_dcmtk_renders_the_film_in_the_state(tmp_path: Path) -> None:
    (tmp_path / "film.dcm").write_bytes(standard_film())
    plain = made_of(result_document(result_with()), Kind.STATE, display(marks=()))
    dark = made_of(result_document(result_with()), Kind.STATE, display(marks=(), is_inverted=True))
    pictures = []
    for made in (plain, dark):
        (tmp_path / "state.dcm").write_bytes(made.data)
        run_tool(
            "dcmp2pgm", "--pstate", tmp_path / "state.dcm", tmp_path / "film.dcm",
            tmp_path / "out.pgm",
        )  # fmt: skip
        with Image.open(tmp_path / "out.pgm") as image:
            pictures.append(np.asarray(image).astype(int))
    assert pictures[0].shape == (640, 512)
    assert np.abs(pictures[0] + pictures[1] - 255).max() <= 1, "the second is the first inverted"
    assert pictures[0].std() > 20
