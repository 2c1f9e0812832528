"""The image viewer: full-depth pixels go to the browser once, and everything else happens there.

Two components share the work. ``consilium_pixels`` draws nothing: it carries the pixels of one
stack and keeps them in the page under the stack's digest. Its message never changes while the stack
is shown, so Streamlit sends it once and afterwards only its hash. ``consilium_viewer`` carries the
small rest (texts, windows, the overlay of the chosen finding) and draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard import formatting
from dashboard.viewer.packing import browser_values, pack
from mmcore.gate.suitability import slices_of
from mmcore.orientation import sides_of
from mmcore.records import Case, Instance, Parts, PixelArray
from mmcore.wording import person_name

SOURCE = Path(__file__).resolve().parent
MOST_STACK_BYTES = 40_000_000  # below server.maxMessageSize with room for its own overhead
HEIGHT = 570  # CSS pixels: image, what must be known of it, findings and ledger share 900
MOST_MARKERS = 6
NO_SLICE_HERE = "No map: none of the slices that the model read is in view."
SCRIPTS = {
    "pixels": ("codec.js", "store.js"),
    "viewer": (
        "codec.js", "window.js", "geometry.js", "overlay.js", "layers.js", "measure.js",
        "marks.js", "marking.js", "controls.js", "keys.js", "pointers.js", "picture.js",
        "telling.js", "viewer.js",
    ),
}  # fmt: skip
"""The scripts of each component. They are joined into one module, so they share their names."""

_OPPOSITE = {"A": "P", "P": "A", "H": "F", "F": "H", "L": "R", "R": "L"}


@dataclass(frozen=True, slots=True)
class Overlay:
    """What lies over the image for one finding.

    parts: the image's parts of the explanation, or ``None`` where there are none to show.
    message: why no map is shown, in words; empty when one is.
    is_pending: the message only says that the map is on its way.
    """

    target: str
    display: str
    parts: Parts | None
    message: str = ""
    is_pending: bool = False


def stack_of(case: Case, instance: Instance) -> tuple[Instance, ...]:
    """Return what is scrolled together with ``instance``: its series, if alike and small."""
    for study in case.studies:
        for series in study.series:
            if any(i.digest == instance.digest for i in series.instances):
                alike = tuple(
                    i
                    for i in series.instances
                    if i.pixels.shape[1:] == instance.pixels.shape[1:]
                    and i.pixels.dtype == instance.pixels.dtype
                    and i.is_inverted == instance.is_inverted
                )
                size = sum(i.pixels.nbytes for i in alike)
                return alike if size <= MOST_STACK_BYTES else (instance,)
    return (instance,)


def show(
    case: Case,
    stack: Sequence[Instance],
    overlay: Overlay,
    *,
    overlay_frame: int = 0,
    key: str,
) -> None:
    """Draw the viewer for one stack of like instances.

    ``overlay_frame`` is the frame of the stack that the model looked at. Where it read slices, each
    map lies on its own slice instead.
    """
    first = stack[0]
    stack_id = "-".join([first.digest[:16], str(len(stack))])
    mount("pixels", pixels_message(stack, stack_id), key=f"{key}-pixels", height=1)
    message = view_message(case, stack, overlay, stack_id, overlay_frame)
    mount("viewer", message, key=f"{key}-view", height="content")


def pixels_message(stack: Sequence[Instance], stack_id: str) -> bytes:
    """Return the message that carries the stack's pixels, frames of all instances in a row."""
    pixels = np.concatenate([browser_values(i.pixels) for i in stack])
    return pack({"stack": stack_id}, {"pixels": pixels[: _most_frames(stack)]})


def left_out(case: Case, stack: Sequence[Instance]) -> str:
    """Return in words what of the series the viewer can not hold; "" if it holds everything."""
    frames, most = sum(i.pixels.shape[0] for i in stack), _most_frames(stack)
    if frames > most:
        return f"Only the first {most} of {frames} frames fit into the viewer."
    for study in case.studies:
        for series in study.series:
            if any(i is stack[0] for i in series.instances) and len(series.instances) > len(stack):
                return (
                    f"{len(stack)} of the {len(series.instances)} images of this series "
                    f"{'is' if len(stack) == 1 else 'are'} shown: the others differ in size or "
                    "depth, or do not fit into the viewer together."
                )
    return ""


def _most_frames(stack: Sequence[Instance]) -> int:
    """Return how many frames of a stack may travel; at least one. None is larger as sent."""
    return max(1, MOST_STACK_BYTES // int(stack[0].pixels[0].nbytes))


def view_message(
    case: Case, stack: Sequence[Instance], overlay: Overlay, stack_id: str, overlay_frame: int
) -> bytes:
    """Return the message with everything but the pixels."""
    instance = stack[0]
    header: dict[str, Any] = {
        "stack": stack_id,
        "height": HEIGHT,
        "is_color": instance.is_color,
        "is_inverted": instance.is_inverted,
        "unit": instance.value_unit,
        "spacing_mm": instance.spacing_mm,
        "windows": [
            {"name": w.explanation or f"File window {n}", "center": w.center, "width": w.width}
            for n, w in enumerate(instance.windows, 1)
        ],
        "corners": _corners(case, instance),
        "sides": _sides(stack),
        "ends": _ends(stack),
        "left_out": left_out(case, stack),
        "overlay": {
            "target": overlay.target,
            "display": overlay.display,
            "message": overlay.message,
            "is_pending": overlay.is_pending,
            "frame": overlay_frame,
            "frames": [overlay_frame],
            "box": None,
            "markers": [],
        },
    }
    arrays: dict[str, PixelArray] = {}
    parts = overlay.parts
    if parts is None or not parts.passed or overlay.message:
        return pack(header, arrays)
    header["overlay"]["markers"] = _markers(case, stack, parts, overlay_frame)
    if parts.overlay_box is None:
        return pack(header, arrays)
    if parts.overlay_stack is not None:
        layers = _layers(stack, parts)
        if not layers:
            header["overlay"]["message"] = NO_SLICE_HERE
            return pack(header, arrays)
        arrays["overlay"] = np.stack([parts.overlay_stack[n] for _, n in layers], dtype=np.float32)
        header["overlay"]["frames"] = [frame for frame, _ in layers]
        strongest = np.abs(arrays["overlay"]).sum((1, 2)).argmax()
        header["overlay"]["frame"] = layers[int(strongest)][0]
    elif parts.overlay is not None:
        arrays["overlay"] = np.asarray(parts.overlay, np.float32)
    if arrays:
        header["overlay"]["box"] = parts.overlay_box
    return pack(header, arrays)


def _frame_of(stack: Sequence[Instance], digest: str) -> int | None:
    """Return the frame of the one-frame instance with this digest, if it is in the stack."""
    frame = 0
    for instance in stack:
        if instance.digest == digest and instance.pixels.shape[0] == 1:
            return frame if frame < _most_frames(stack) else None
        frame += instance.pixels.shape[0]
    return None


def _layers(stack: Sequence[Instance], parts: Parts) -> list[tuple[int, int]]:
    """Return (frame, index into the overlay stack) for each slice that was read and is shown."""
    found = ((_frame_of(stack, digest), n) for n, digest in enumerate(parts.overlay_of))
    return sorted((frame, n) for frame, n in found if frame is not None)


def _markers(
    case: Case, stack: Sequence[Instance], parts: Parts, overlay_frame: int
) -> list[dict[str, Any]]:
    """Return the named regions with their frames; those on slices not shown are left out."""
    markers = []
    for item in [i for i in parts.items if len(i.where) >= 2][:MOST_MARKERS]:
        row, column, *slice_number = (float(v) for v in item.where)
        frame: int | None = overlay_frame
        if slice_number:
            frame = _frame_of(stack, _digest_of_slice(case, stack[0], int(slice_number[0])))
        if frame is not None:
            markers.append(
                {
                    "row": row,
                    "column": column,
                    "signed": item.signed,
                    "what": item.what,
                    "frame": frame,
                }
            )
    return markers


def _digest_of_slice(case: Case, first: Instance, number: int) -> str:
    """Return the digest of a slice by its number from 1 on, as the core counts slices."""
    for study in case.studies:
        for series in study.series:
            if any(i.digest == first.digest for i in series.instances):
                slices = slices_of(series)
                return slices[number - 1].digest if 0 < number <= len(slices) else ""
    return ""


def _sides(stack: Sequence[Instance]) -> tuple[str, str] | None:
    """Return the letters for the left and right edge, if every image of the stack agrees."""
    found = {sides_of(instance) for instance in stack}
    return found.pop() if len(found) == 1 else None


def _ends(stack: Sequence[Instance]) -> tuple[str, str] | None:
    """Return the letters for the upper and lower edge, if every image says the same direction.

    Patient Orientation names where the columns run to (DICOM PS3.3 C.7.6.1.1.1); its first letter
    is the main direction.
    """
    found = {(i.patient_orientation or ("", ""))[1][:1] for i in stack}
    downwards = found.pop() if len(found) == 1 else ""
    return (_OPPOSITE[downwards], downwards) if downwards in _OPPOSITE else None


def _corners(case: Case, instance: Instance) -> dict[str, list[str]]:
    """Return the texts of the two upper corners; the lower ones belong to the view itself."""
    patient = case.patient
    age = None if patient.age_years is None else f"{patient.age_years:.0f} y"
    who = " · ".join(part for part in (patient.sex, age) if part)
    study = next(
        (s for s in case.studies for r in s.series if any(i is instance for i in r.instances)), None
    )
    view = " ".join(
        part
        for part in (
            instance.dicom_modality, instance.body_part, instance.view_position,
            {"L": "left", "R": "right", "B": "both"}.get(instance.laterality or ""),
        )
        if part
    )  # fmt: skip
    return {
        "patient": [text for text in (person_name(patient.name), patient.patient_id, who) if text],
        "study": [
            text
            for text in (
                study.description if study else None,
                view,
                formatting.clock(instance.acquired_at or (study.started_at if study else None)),
            )
            if text
        ],
    }


def mount(component: str, message: bytes, *, key: str, height: int | str) -> None:
    """Hand one message to a component in the page. Tests put a recorder in its place."""
    _component(component)(key=key, data=message, height=height)


def script_of(component: str) -> str:
    """Return the whole script of a component."""
    return "\n".join((SOURCE / name).read_text("utf-8") for name in SCRIPTS[component])


def style_of(component: str) -> str | None:
    """Return the style sheet of a component, if it has one."""
    return (SOURCE / "viewer.css").read_text("utf-8") if component == "viewer" else None


@cache
def _component(name: str) -> Any:
    return st.components.v2.component(
        f"consilium_{name}", html="<div></div>", css=style_of(name), js=script_of(name)
    )
