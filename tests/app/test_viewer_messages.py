"""What the viewer is told of a case, beside the pixels."""

from typing import Any

import numpy as np

from dashboard import viewer
from dashboard.viewer.packing import unpack
from mmcore.records import Modality, PartItem, Parts, PixelArray, Series, Study
from tests.app import factory
from tests.app.conftest import Stage


def test_the_viewer_is_told_the_ends_of_the_patient_and_names_none_it_does_not_know(
    stage: Stage,
) -> None:
    for direction, letters in (("F", ["H", "F"]), ("PH", ["A", "P"]), ("", None), ("X", None)):
        picture = factory.image(patient_orientation=("L", direction))
        stage.demos["jane"] = factory.case(direction, picture=picture)
        stage.open_case("jane", "review")
        assert stage.shown["viewer"][0]["ends"] == letters


def slices_message(
    *read: int, shown: slice = slice(None)
) -> tuple[dict[str, Any], dict[str, PixelArray]]:
    """Pack the message of a series of five slices of which those numbered from 1 were read."""
    slices = tuple(
        factory.image(seed=n, dicom_modality="CT", digest=factory.digest(f"slice {n}"))
        for n in range(1, 6)
    )
    series = Series("2", "CT", "axial", slices)
    case = factory.case(studies=(Study("1", "CT", None, None, (series,)),))
    maps = np.arange(1, len(read) + 1, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4))
    parts = Parts(
        Modality.IMAGE, 1.0, 0.0, True, "",
        tuple(PartItem(f"slice {n}", (8.0, 9.0, float(n)), 0.3) for n in read), n_steps=8,
        overlay_box=(0.0, -8.0, 64.0, 64.0), overlay_stack=maps.astype(np.float32),
        overlay_of=tuple(factory.digest(f"slice {n}") for n in read),
    )  # fmt: skip
    overlay = viewer.Overlay("nodule", "Nodule", parts)
    return unpack(viewer.view_message(case, slices[shown], overlay, "stack", 0))


def test_each_map_of_a_series_goes_to_the_slice_it_was_made_of() -> None:
    header, arrays = slices_message(2, 4)
    assert header["overlay"]["frames"] == [1, 3]
    assert arrays["overlay"].shape == (2, 4, 4)
    assert arrays["overlay"][:, 0, 0].tolist() == [1.0, 2.0]
    assert header["overlay"]["frame"] == 3, "the slice with the strongest map comes first"
    assert [m["frame"] for m in header["overlay"]["markers"]] == [1, 3]
    assert header["overlay"]["box"] == [0.0, -8.0, 64.0, 64.0]


def test_a_map_of_a_slice_that_is_not_shown_is_not_drawn_on_another() -> None:
    header, _ = slices_message(2, 5, shown=slice(0, 2))
    assert header["overlay"]["frames"] == [1]
    assert [m["frame"] for m in header["overlay"]["markers"]] == [1]
    header, arrays = slices_message(4, 5, shown=slice(0, 1))
    assert header["overlay"]["message"] == viewer.NO_SLICE_HERE
    assert header["overlay"]["markers"] == []
    assert "overlay" not in arrays
