"""What an enhanced multi-frame image states once for all frames or for each frame by itself.

DICOM PS3.3 C.7.6.16 (functional groups): pixel measures, plane position and orientation, frame
content, frame anatomy, frame VOI LUT. A classic image has none of these and is read at its root.
"""

import math
from collections.abc import Sequence

import numpy as np

from mmcore.errors import FileRefusedError
from mmcore.intake.dicom.attributes import Attributes
from mmcore.intake.moments import Moment
from mmcore.intake.stamps import parse_stamp

MAX_PLANES = 5_000

Plane = tuple[float, Moment | None, Attributes | None, Attributes | None]
"""Position in mm, time, and the groups that hold pixel measures and windows."""

# PS3.16 CID 4010 in SNOMED CT, with the older codes of SNOMED RT beside them.
_VIEWS = {
    "399348003": "AP", "R-10206": "AP", "272479007": "PA", "R-40888": "PA",
    "399067008": "LATERAL", "R-102CD": "LATERAL", "399173006": "LL", "R-10236": "LL",
    "399198007": "RL", "R-10232": "RL",
}  # fmt: skip


class FunctionalGroups:
    """The shared group and those of the frames; empty for a classic image."""

    def __init__(self, attributes: Attributes) -> None:
        self._zone = attributes.zone()
        self._shared = attributes.item("SharedFunctionalGroupsSequence")
        self._frames = attributes.items("PerFrameFunctionalGroupsSequence")

    def first(self, sequence: str) -> Attributes | None:
        """Return the first item of a macro, shared or of the first frame."""
        return self._find(sequence, self._frames[0] if self._frames else None)

    def _find(self, sequence: str, frame: Attributes | None) -> Attributes | None:
        for group in (frame, self._shared):
            if group is not None and (item := group.item(sequence)) is not None:
                return item
        return None

    def planes(self, n_frames: int) -> list[Plane]:
        """Return the plane of every frame, if the frames are parallel slices of one volume.

        Empty where that is not so: one frame, a film, a rotation, or several at one place, as over
        time.
        """
        if not 1 < n_frames <= MAX_PLANES or len(self._frames) != n_frames:
            return []
        found: list[Plane] = []
        first: np.ndarray | None = None
        for frame in self._frames:
            axes = _numbers(self._find("PlaneOrientationSequence", frame),
                            "ImageOrientationPatient", 6)  # fmt: skip
            place = _numbers(self._find("PlanePositionSequence", frame), "ImagePositionPatient", 3)
            if axes is None or place is None:
                return []
            first = axes if first is None else first
            if not np.allclose(axes, first, atol=1e-3):
                return []
            distance = float(np.dot(np.cross(axes[:3], axes[3:]), place))
            if not math.isfinite(distance):
                return []
            found.append(
                (
                    distance,
                    self._time(frame.item("FrameContentSequence")),
                    self._find("PixelMeasuresSequence", frame),
                    self._find("FrameVOILUTSequence", frame),
                )
            )
        distinct = {round(plane[0], 3) for plane in found}
        return found if len(distinct) == n_frames else []

    def _time(self, content: Attributes | None) -> Moment | None:
        if content is None:
            return None
        return parse_stamp(content.soft_text("FrameAcquisitionDateTime"), zone=self._zone)

    def orientation(self) -> Attributes | None:
        """Return what holds the direction cosines of the first frame."""
        return self.first("PlaneOrientationSequence")


def _numbers(item: Attributes | None, keyword: str, count: int) -> np.ndarray | None:
    if item is None:
        return None
    try:
        values = np.array(item.numbers(keyword))
    except FileRefusedError:
        return None
    return values if values.shape == (count,) and np.isfinite(values).all() else None


def acquired_at(attributes: Attributes) -> Moment | None:
    """Return when the image was taken. Enhanced images state one date and time together."""
    return (
        attributes.moment("AcquisitionDate", "AcquisitionTime")
        or parse_stamp(attributes.soft_text("AcquisitionDateTime"), zone=attributes.zone())
        or attributes.moment("ContentDate", "ContentTime")
        or attributes.moment("StudyDate", "StudyTime")
    )


def view_of(attributes: Attributes) -> str:
    """Return View Position, else what the view's code means. PS3.3 C.8.11.5, C.8.11.4."""
    stated = attributes.soft_text("ViewPosition")
    return stated or _VIEWS.get(_code(attributes, "ViewCodeSequence", "CodeValue"), "")


def anatomy_of(attributes: Attributes, groups: FunctionalGroups) -> tuple[str, str]:
    """Return (body part, laterality), from the root or from the frames. PS3.3 C.7.6.16.2.8."""
    frame = groups.first("FrameAnatomySequence")
    sources: Sequence[Attributes] = [attributes] if frame is None else [attributes, frame]
    named = (_code(s, "AnatomicRegionSequence", "CodeMeaning").upper() for s in sources)
    part = attributes.soft_text("BodyPartExamined") or next(filter(None, named), "")
    side = attributes.soft_text("ImageLaterality") or attributes.soft_text("Laterality")
    return part, side or ("" if frame is None else frame.soft_text("FrameLaterality"))


def _code(source: Attributes, sequence: str, keyword: str) -> str:
    try:
        item = source.item(sequence)
    except FileRefusedError:
        return ""
    return "" if item is None else item.soft_text(keyword)[:64]
