"""How a reader left the images of a case, as records that presentation states are made of."""

from collections.abc import Iterator, Sequence
from typing import Any

from dashboard import reading
from dashboard.state import CaseWork
from dashboard.viewer import kept_of, stacks
from mmcore.records import Instance
from mmcore.results.records import Display, Mark


def displays(work: CaseWork) -> tuple[Display, ...]:
    """Return every image that was looked at with its window, turn and marks.

    Of a stack: the image in view, and those with marks.
    """
    kept = kept_of(reading.desk(work).viewer)
    by_name = {stacks.id_of(stack): stack for stack in stacks.stacks_of(work.case)}
    return tuple(
        display
        for name, image in kept["images"].items()
        if name in by_name
        for display in _of_stack(by_name[name], image)
    )


def _of_stack(stack: Sequence[Instance], image: dict[str, Any]) -> Iterator[Display]:
    view, marks = image["view"], image["marks"]
    a, b, c, d = (round(number) for number in view["turn"])
    for frame in sorted({view["frame"], *(mark["frame"] for mark in marks)}):
        place = stacks.place_of(stack, frame)
        if place is None:
            continue
        yield Display(
            digest=place[0].digest,
            center=view["center"],
            width=view["width"],
            turn=(a, b, c, d),
            is_inverted=view["is_flipped"],
            marks=tuple(
                Mark(mark["kind"], tuple((row, column) for row, column in mark["points"]))
                for mark in marks
                if mark["frame"] == frame
            ),
        )
