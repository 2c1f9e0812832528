"""A recording that plays: waveform and spectrogram under one playhead, in the reader's browser.

One message carries the sound and its pictures as bytes; from then on nothing is asked of the
server. A click jumps, the space bar plays, the arrow keys move by half a second.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.language import ours, t
from dashboard.sound import Sound
from dashboard.viewer import SOURCE as VIEWER_SOURCE
from dashboard.viewer.packing import pack
from mmcore.records import PartItem, PixelArray
from mmcore.wording import signed_text

SOURCE = Path(__file__).resolve().parent


def show(
    sound: Sound, cells: Sequence[PartItem], *, sound_id: str, facts: str, alt: str, key: str
) -> None:
    """Draw the player of one recording.

    cells: places to number on the map, where there is one. sound_id: of the recording; another one
    starts anew. facts: one line on the recording. alt: what the pictures show, in words.
    """
    message = message_of(sound, cells, sound_id=sound_id, facts=facts, alt=alt)
    mount(message, key=key)


def mount(message: bytes, *, key: str) -> None:
    """Hand one message to the component. Tests put a recorder in its place."""
    _component()(key=key, data=message, height="content")


def message_of(
    sound: Sound, cells: Sequence[PartItem], *, sound_id: str, facts: str, alt: str
) -> bytes:
    """Return the one message with sound, pictures and words."""
    header: dict[str, Any] = {
        "id": sound_id,
        "seconds": sound.seconds,
        "facts": facts,
        "alt": alt,
        "has_map": sound.mapped is not None,
        "ticks_hz": [(tick, min(sound.height(tick), 1.0)) for tick in sound.ticks_hz],
        "cells": [
            {
                "number": number,
                "second": float(cell.where[0]),
                "height": sound.height(float(cell.where[1])),
                "signed": cell.signed,
                "words": f"{ours(cell.what)}: {signed_text(cell.signed)}",
            }
            for number, cell in enumerate(cells, 1)
        ],
        "words": {
            "play": t("Play"),
            "pause": t("Pause"),
            "map": t("Show the map"),
            "place": t("Place in the recording"),
            "place_value": t("{now} of {length} s", now="{now}", length="{length}"),
            "seconds": t("seconds"),
            "hertz": t("hertz"),
        },
    }
    arrays: dict[str, PixelArray] = {
        "waveform": sound.waveform,
        "wav": np.frombuffer(sound.wav, np.uint8),
        "picture": np.frombuffer(sound.picture, np.uint8),
    }
    if sound.mapped is not None:
        arrays["mapped"] = np.frombuffer(sound.mapped, np.uint8)
    return pack(header, arrays)


@cache
def _component() -> Any:
    html, css, script = (
        (SOURCE / f"player.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
    )
    codec = (VIEWER_SOURCE / "codec.js").read_text("utf-8")
    return st.components.v2.component(
        "consilium_player", html=html, css=css, js=f"{codec}\n{script}"
    )
