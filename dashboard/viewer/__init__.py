"""The image viewer: full-depth pixels go to the browser once, and everything else happens there.

Two components share the work. ``consilium_pixels`` draws nothing: it carries the pixels of one
stack and keeps them in the page under the stack's name. Its message never changes while the stack
is shown, so Streamlit sends it once and afterwards only its hash. ``consilium_viewer`` carries the
small rest (texts, windows, the overlay of the chosen finding), draws, and sends back how images
were left and pictures for the report.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from dashboard import messages, state
from dashboard.language import ours, say, t
from dashboard.viewer import returns
from dashboard.viewer.packing import browser_values, pack
from dashboard.viewer.returns import FRESH, Picture, kept_of
from dashboard.viewer.stacks import (
    choices,
    facts,
    id_of,
    label,
    left_out,
    most_frames,
    read_label,
    stack_of,
    stacks_of,
)
from dashboard.viewer.words import SOURCE, words_in
from mmcore.gate.suitability import slices_of
from mmcore.records import Case, Instance, Parts, PixelArray

__all__ = ["SOURCE", "Overlay", "Picture", "Sender", "kept_of", "left_out", "show", "stack_of"]

HEIGHT = 570  # CSS pixels: image, what must be known of it, findings and ledger share 900
MOST_MARKERS = 6
NO_SLICE_HERE = say("No map: none of the slices that the model read is in view.")
SCRIPTS = {
    "pixels": ("codec.js", "store.js"),
    "viewer": (
        "words.js", "codec.js", "window.js", "geometry.js", "overlay.js", "layers.js", "measure.js",
        "history.js", "marks.js", "marking.js", "crosshair.js", "presets.js", "controls.js",
        "bars.js", "keys.js", "pointers.js", "linking.js", "evidence.js", "keeping.js",
        "picture.js", "telling.js", "painting.js", "pane.js", "viewer.js",
    ),
}  # fmt: skip
"""The scripts of each component. They are joined into one module, so they share their names."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What lies over the image for one finding.

    parts: the image's parts of the explanation, or ``None`` where there are none to show.
    message: why no map is shown, in words; empty when one is.
    is_pending: the message only says that the map is on its way.
    method: display name of another method than ours whose map it is; "" for our own map.
    scale: what the map is measured in, in the reader's language; "" for log-odds.
    """

    target: str
    display: str
    parts: Parts | None
    message: str = ""
    is_pending: bool = False
    method: str = ""
    scale: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """What passes between the viewer and the page that it is on, beside the image.

    kept: how the images of the case were left, as ``returns.kept_of`` gives it.
    left: how many pictures the report still takes; None where it takes none at all.
    numbered: gives a number that rises whenever a message, known by its digest, differs from the
        last one: of messages that overtake one another the browser believes the newest.
    keep, add: take over what comes back.
    """

    kept: Mapping[str, Any]
    left: int | None
    numbered: Callable[[str], int]
    keep: Callable[[dict[str, Any]], None]
    add: Callable[[Picture], None]


def show(
    case: Case,
    stack: Sequence[Instance],
    overlay: Overlay,
    sender: Sender,
    *,
    seen: Instance | None = None,
    key: str,
) -> None:
    """Draw the viewer for one stack of like instances.

    ``seen`` is the image that the model looked at: the map lies on the stack, first or second, that
    holds it. Where the model read slices, each map lies on its own slice instead.
    """
    stack_id = id_of(stack)
    second = _second(case, sender.kept)
    place = frame_of(stack, seen)
    shown = overlay
    if seen is not None and place is None:
        shown = Overlay(overlay.target, overlay.display, None, messages.OTHER_IMAGE)
    header, arrays = _view(case, stack, shown, stack_id, place or 0, seen)
    header |= {
        "kept": sender.kept,
        "report": {"is_offered": sender.left is not None, "left": sender.left or 0},
        "second": None if second is None else {"stack": id_of(second), **facts(case, second)},
    }
    beside = None if second is None else frame_of(second, seen)
    if second is not None and place is None and beside is not None:
        mapped, maps = _view(case, second, overlay, id_of(second), beside, seen)
        header["second"]["overlay"] = mapped["overlay"]
        if "overlay" in maps:
            arrays["overlay_second"] = maps["overlay"]
    header["number"] = sender.numbered(hashlib.sha256(pack(header, arrays)).hexdigest())
    mount(
        "viewer",
        pack(header, arrays),
        key=f"{key}-view",
        height="content",
        events={
            "kept": lambda value: sender.keep(kept_of(value)),
            "key_image": lambda value: _take(sender, value),
        },
    )
    # After the viewer, which so keeps its place in the page when a second stack comes or goes.
    mount("pixels", pixels_message(stack, stack_id), key=f"{key}-pixels", height=1)
    if second is not None and id_of(second) != stack_id:
        second_message = pixels_message(second, id_of(second))
        mount("pixels", second_message, key=f"{key}-pixels-{id_of(second)}", height=1)


def frame_of(stack: Sequence[Instance], seen: Instance | None) -> int | None:
    """Return the first frame of ``seen`` in a stack; None where it is not there."""
    frame = 0
    for instance in stack:
        if seen is not None and instance.digest == seen.digest:
            return frame
        frame += instance.pixels.shape[0]
    return None


def _take(sender: Sender, value: object) -> None:
    try:
        picture = returns.picture_of(value)
    except ValueError:
        return  # not from our own script
    sender.add(picture)


def pixels_message(stack: Sequence[Instance], stack_id: str) -> bytes:
    """Return the message that carries the stack's pixels, frames of all instances in a row."""
    pixels = np.concatenate([i.pixels for i in stack])[: most_frames(stack)]
    return pack({"stack": stack_id}, {"pixels": browser_values(pixels)})  # one type for all


def view_message(
    case: Case,
    stack: Sequence[Instance],
    overlay: Overlay,
    stack_id: str,
    overlay_frame: int,
    **more: object,
) -> bytes:
    """Return the message with everything but the pixels; ``more`` stands beside the rest."""
    header, arrays = _view(case, stack, overlay, stack_id, overlay_frame)
    return pack({**header, **more}, arrays)


def _second(case: Case, kept: Mapping[str, Any]) -> Sequence[Instance] | None:
    """Return the stack that is shown beside the first, if the reader chose one of this case."""
    if kept["layout"] != 2:
        return None
    return next((s for s in stacks_of(case) if id_of(s) == kept["second"]), None)


def _view(
    case: Case,
    stack: Sequence[Instance],
    overlay: Overlay,
    stack_id: str,
    overlay_frame: int,
    seen: Instance | None = None,
) -> tuple[dict[str, Any], dict[str, PixelArray]]:
    """Return header and arrays of the message with everything but the pixels."""
    language = state.language()
    header: dict[str, Any] = {
        "stack": stack_id,
        "number": 0,
        "height": HEIGHT,
        "language": language,
        "words": words_in(language),
        **facts(case, stack),
        "label": read_label(label(case, stack), stack, seen),
        "choices": choices(case, stack, stack_id, seen),
        "second": None,
        "kept": FRESH,
        "report": {"is_offered": False, "left": 0},
        "left_out": left_out(case, stack),
        "overlay": {
            "target": overlay.target,
            "display": t(overlay.display),
            "message": t(overlay.message),
            "is_pending": overlay.is_pending,
            "method": t(overlay.method) if overlay.method else "",
            "scale": overlay.scale or t("log-odds"),
            "frame": overlay_frame,
            "frames": [overlay_frame],
            "box": None,
            "markers": [],
        },
    }
    arrays: dict[str, PixelArray] = {}
    parts = overlay.parts
    if parts is None or not parts.passed or overlay.message:
        return header, arrays
    header["overlay"]["markers"] = _markers(case, stack, parts, overlay_frame)
    if parts.overlay_box is None:
        return header, arrays
    if parts.overlay_stack is not None:
        layers = _layers(stack, parts)
        if not layers:
            header["overlay"]["message"] = t(NO_SLICE_HERE)
            return header, arrays
        arrays["overlay"] = np.stack([parts.overlay_stack[n] for _, n in layers], dtype=np.float32)
        header["overlay"]["frames"] = [frame for frame, _ in layers]
        strongest = np.abs(arrays["overlay"]).sum((1, 2)).argmax()
        header["overlay"]["frame"] = layers[int(strongest)][0]
    elif parts.overlay is not None:
        arrays["overlay"] = np.asarray(parts.overlay, np.float32)
    if arrays:
        header["overlay"]["box"] = parts.overlay_box
    return header, arrays


def _frame_of(stack: Sequence[Instance], digest: str) -> int | None:
    """Return the frame of the one-frame instance with this digest, if it is in the stack."""
    frame = 0
    for instance in stack:
        if instance.digest == digest and instance.pixels.shape[0] == 1:
            return frame if frame < most_frames(stack) else None
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
    for number, item in enumerate([i for i in parts.items if len(i.where) >= 2][:MOST_MARKERS], 1):
        row, column, *slice_number = (float(v) for v in item.where)
        frame: int | None = overlay_frame
        if slice_number:
            frame = _frame_of(stack, _digest_of_slice(case, stack[0], int(slice_number[0])))
        if frame is not None:
            markers.append(
                {
                    "region": number,
                    "row": row,
                    "column": column,
                    "signed": item.signed,
                    "what": ours(item.what),
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


def mount(
    component: str,
    message: bytes,
    *,
    key: str,
    height: int | str,
    events: Mapping[str, Callable[[object], None]] | None = None,
) -> None:
    """Hand one message to a component in the page, and what it sends back to ``events``.

    Tests put a recorder in its place.
    """

    def hearing(name: str, does: Callable[[object], None]) -> Callable[[], None]:
        return lambda: does(state.entered(key)[name])

    heard = {f"on_{name}_change": hearing(name, does) for name, does in (events or {}).items()}
    _component(component)(key=key, data=message, height=height, **heard)


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
