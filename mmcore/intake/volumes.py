"""Volumes that lie in one enhanced multi-frame image, taken apart into slices like a series.

Viewer and models then need to know one kind of volume. Slices of one value, such as air alone, are
left out, as a classic slice of one value is refused.
"""

import dataclasses
import hashlib
from typing import Any

from mmcore.intake.parts import ImagePart
from mmcore.language import say


def slices_of(part: ImagePart) -> list[ImagePart]:
    """Return one part per slice of a volume; the part itself where it is none.

    A slice has a digest of its own, made of the file's digest and the number of its frame, so that
    what is told of one slice is never told of another.
    """
    whole = part.instance
    if len(part.planes) != len(whole.pixels) or len(part.planes) < 2:
        return [part]
    kept = [i for i, frame in enumerate(whole.pixels) if frame.min() != frame.max()]
    notices = whole.notices
    if len(kept) < len(part.planes):
        left_out = len(part.planes) - len(kept)
        notices += (say("{n} frames of one value were left out.", n=left_out),)
    return [
        dataclasses.replace(
            part,
            instance=dataclasses.replace(
                whole,
                digest=hashlib.sha256(f"{whole.digest} frame {i + 1}".encode()).hexdigest(),
                pixels=whole.pixels[i : i + 1],
                windows=part.planes[i].windows or whole.windows,
                spacing_mm=part.planes[i].spacing_mm or whole.spacing_mm,
                **_time(part, i),
                instance_number=i + 1,
                notices=notices if n == 0 else (),
            ),
            position_mm=part.planes[i].position_mm,
            planes=(),
        )
        for n, i in enumerate(kept)
    ]


def _time(part: ImagePart, index: int) -> dict[str, Any]:
    """Return when a slice was taken; what it does not state is as of the whole."""
    moment = part.planes[index].acquired_at
    if moment is None:
        return {}
    return {"acquired_at": moment.at, "precision": moment.precision}
