"""What in a breath sound moved a finding: its picture, the map on it, the sound itself."""

import streamlit as st

from dashboard import messages, player
from dashboard.components.evidence import contributions_table, withheld
from dashboard.evidence import is_worth_a_map, strongest_places
from dashboard.language import ours, t
from dashboard.markup import Markup, element, show
from dashboard.sound import Sound, sound_of
from mmcore.records import Case, Modality, PartItem, Parts, Recording
from mmcore.wording import signed_text, sound_text


def recording_view(
    case: Case, seen: Recording | None, parts: Parts | None, display: str, *, scale: str
) -> None:
    """Draw the recording that the model reads with its map, then the others to listen to.

    ``display`` names the finding that ``parts`` explain.
    """
    if not case.recordings:
        show(element("p", t("The case holds no sound recording."), cls="co-muted"))
        return
    first = seen or case.recordings[0]
    if parts is not None and not parts.passed:
        withheld(parts)
    is_shown = parts is not None and parts.passed
    is_worth = is_shown and parts is not None and is_worth_a_map(parts)
    if is_shown and not is_worth:
        words = messages.too_little_to_place(Modality.RECORDING, display)
        show(element("p", t(words), cls="co-muted"))
    _player(first, parts if is_worth else None, display, scale)
    for other in case.recordings:
        if other is not first:
            told = t("{facts} \u00b7 not read by the model.", facts=_facts(other))
            show(element("p", told, cls="co-muted"))
            _play(other, sound_of(other, None), (), "")


def _player(recording: Recording, parts: Parts | None, display: str, scale: str) -> None:
    """Draw one recording and, beside it, the moments that its map numbers."""
    sound = sound_of(recording, parts)
    cells = strongest_places(parts.items) if parts is not None else ()
    picture, listed = st.columns([8, 4], gap="medium")
    with picture:
        _play(recording, sound, cells, display)
        show(_legend(sound, recording, scale))
    with listed:
        if cells and parts is not None:
            numbers = {id(item): f"{n}" for n, item in enumerate(cells, 1)}
            rest = [item for item in parts.items if id(item) not in numbers]
            contributions_table(
                [(numbers.get(id(i), ""), i) for i in (*cells, *rest)],
                caption=t(
                    "Strongest moments of the sound for and against {display}", display=t(display)
                ),
                scale=scale,
            )


def _play(recording: Recording, sound: Sound, cells: tuple[PartItem, ...], display: str) -> None:
    player.show(
        sound, cells, sound_id=recording.digest[:16], facts=_facts(recording),
        alt=_in_words(recording, cells, display), key=f"player-{recording.digest[:16]}",
    )  # fmt: skip


def _facts(recording: Recording) -> str:
    site = ours(recording.site) if recording.site else t("site not stated")
    return f"{t(sound_text(recording.seconds, recording.sample_rate_hz))} \u00b7 {site}"


def _in_words(recording: Recording, cells: tuple[PartItem, ...], display: str) -> str:
    told = [f"{ours(item.what)} {signed_text(item.signed)}" for item in cells]
    words = t("Spectrogram of the sound recording, {facts}.", facts=_facts(recording))
    if not told:
        return words
    moved = t("What moved {display}: {told}.", display=t(display), told=t("; ").join(told))
    return f"{words} {moved}"


def _legend(sound: Sound, recording: Recording, scale: str) -> Markup:
    loud = t("white is loudest, black {range} dB below", range=f"{sound.range_db:.0f}")
    if sound.seconds < recording.seconds:
        loud = t("first {seconds} s", seconds=f"{sound.seconds:g}") + f" \u00b7 {loud}"
    if sound.mapped is None:
        return element("p", loud, cls="co-muted co-legend")
    full = f"{sound.peak:.2g}"
    per_cell = t("+{full} for, {scale} per cell", full=full, scale=scale)
    return element(
        "p",
        element("span", t("against \u2212{full}", full=full), " "),
        element("i", cls="co-ramp", aria_hidden="true"),
        element("span", f" {per_cell} \u00b7 "),
        t("smoothed for display"),
        " \u00b7 ",
        loud,
        cls="co-muted co-legend",
    )
