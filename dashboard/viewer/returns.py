"""What the browser sends back, checked: how images were left, and pictures for the report.

Whatever runs in a browser may send anything, so nothing is taken over as it comes.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

POINTS = {"length": 2, "angle": 3, "rectangle": 2, "ellipse": 2}
MOST_IMAGES = 64
MOST_MARKS = 200
MOST_MEASURES = 20
MOST_PNG_BYTES = 16_000_000
FRESH: Mapping[str, Any] = {"layout": 1, "second": None, "is_linked": True, "images": {}}
"""Nothing measured and nothing changed yet."""

_FURTHEST = 100_000.0  # stored pixels, and CSS pixels of a pan
_WIDEST = 1e9  # of a window, in values
_LONGEST = 160  # characters of one text


@dataclass(frozen=True, slots=True)
class Picture:
    """What was on the screen when a reader added it to the report.

    png: as it came, not looked into yet. stack, frame: which image. is_mapped: whether the map of
    the chosen finding lay over it, and mode: which evidence of it, "for", "against" or "both".
    measures: what the marks on it say, in the reader's language. beside: label of the image beside
    it, or "".
    """

    png: bytes
    stack: str
    frame: int
    center: float
    width: float
    is_mapped: bool
    mode: str
    measures: tuple[str, ...]
    beside: str


def kept_of(value: object) -> dict[str, Any]:
    """Return how the images of a case were left, as plain JSON; what is malformed is dropped.

    ``layout`` 1 or 2, ``second``: the stack beside, ``is_linked``, and ``images`` by stack, each
    with its ``view`` (center, width, preset, frame, zoom, pan, turn, is_flipped) and its ``marks``,
    a list of ``{"kind", "frame", "points"}`` with points as ``[row, column]`` in stored pixels,
    where the centre of the first pixel is ``[0.5, 0.5]``.
    """
    given = value if isinstance(value, Mapping) else {}
    images = given.get("images")
    second = given.get("second")
    return {
        "layout": 2 if given.get("layout") == 2 else 1,
        "second": _text(second) if isinstance(second, str) else None,
        "is_linked": given.get("is_linked") is not False,
        "images": {
            _text(stack): {"view": view, "marks": _marks(image.get("marks"))}
            for stack, image in list((images if isinstance(images, Mapping) else {}).items())[
                :MOST_IMAGES
            ]
            if isinstance(image, Mapping) and (view := _view(image.get("view"))) is not None
        },
    }


def picture_of(value: object) -> Picture:
    """Return the picture that was sent. Raises ``ValueError`` for anything else."""
    given = value if isinstance(value, Mapping) else {}
    head, _, data = str(given.get("png", "")).partition(",")
    if head != "data:image/png;base64" or len(data) > MOST_PNG_BYTES * 4 // 3 + 4:
        raise ValueError("not a PNG of a size that is taken")
    try:
        png = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    frame, center, width = (
        _number(given.get(name), _WIDEST) for name in ("frame", "center", "width")
    )
    if frame is None or center is None or width is None or frame < 0:
        raise ValueError("no frame or window")
    measures, mode = given.get("measures"), given.get("mode")
    return Picture(
        png, _text(given.get("stack")), int(frame), center, width, given.get("is_mapped") is True,
        mode if mode in ("for", "against") else "both",
        tuple(_text(m) for m in measures[:MOST_MEASURES]) if isinstance(measures, list) else (),
        _text(given.get("beside")),
    )  # fmt: skip


def _view(value: object) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    center, width, zoom = (
        _number(value.get(name), most)
        for name, most in (("center", _WIDEST), ("width", _WIDEST), ("zoom", 100.0))
    )
    frame = _number(value.get("frame"), _FURTHEST)
    pan, turn = _numbers(value.get("pan"), 2), _numbers(value.get("turn"), 4)
    if None in (center, width, zoom, frame, pan, turn) or turn is None:
        return None
    a, b, c, d = turn
    is_turn = {abs(n) for n in turn} == {0.0, 1.0} and abs(a * d - b * c) == 1.0
    if not is_turn or width is None or width < 1 or not zoom:
        return None
    return {
        "center": center, "width": width, "preset": _text(value.get("preset")),
        "frame": max(0, int(frame or 0)), "zoom": zoom, "pan": pan, "turn": turn,
        "is_flipped": value.get("is_flipped") is True,
    }  # fmt: skip


def _marks(value: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for mark in value[:MOST_MARKS] if isinstance(value, list) else ():
        kind = mark.get("kind") if isinstance(mark, Mapping) else None
        if not isinstance(kind, str) or kind not in POINTS:
            continue
        frame, points = _number(mark.get("frame"), _FURTHEST), mark.get("points")
        if frame is None or frame < 0 or not isinstance(points, list):
            continue
        places = [_numbers(point, 2) for point in points]
        if len(places) == POINTS[kind] and None not in places:
            found.append({"kind": kind, "frame": int(frame), "points": places})
    return found


def _numbers(value: object, count: int) -> list[float] | None:
    if not isinstance(value, list) or len(value) != count:
        return None
    numbers = [_number(item, _FURTHEST) for item in value]
    return None if None in numbers else [n for n in numbers if n is not None]


def _number(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= most else None  # no NaN, and no infinity


def _text(value: object) -> str:
    """Return one line of text without control characters, cut to a size that is read."""
    given = value if isinstance(value, str) else ""
    return "".join(c for c in given if c.isprintable())[:_LONGEST]
