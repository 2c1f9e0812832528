"""Images before they leave: proposed boxes over text, each for a person to judge."""

from collections.abc import Sequence

import streamlit as st

from dashboard import deidentifying, messages, state
from dashboard.components.waiting import error_state
from dashboard.language import say, t
from dashboard.markup import element, for_label, show
from dashboard.state import CaseWork, Leaving
from mmcore.deid.records import Box, FoundText
from mmcore.errors import FileRefusedError
from mmcore.records import Instance

_VERDICTS = {True: say("Goes black"), False: say("Not text")}


def panel(work: CaseWork, found: Sequence[FoundText]) -> None:
    """Draw one image of those there are, with its boxes and what can be said of them."""
    leaving = work.leaving
    words = t(
        "A dashed frame is text that was found, perhaps wrongly: say of each whether it goes "
        "black. Nothing is blacked out, and no image is marked as clean, before you approve it."
    )
    show(element("p", words, cls="co-muted"))
    by_digest = {one.digest: one for one in found}
    if leaving.at not in by_digest:
        first = next(iter(deidentifying.unseen(leaving)), found[0])
        leaving.at = first.digest
    digests = list(by_digest)
    if len(digests) > 1:
        key = f"deid-image-{leaving.at[:16]}-{len(leaving.approved)}"
        st.selectbox(
            t("Image"), digests, index=digests.index(leaving.at), key=key, width=420,
            format_func=lambda digest: _named(work, by_digest[digest]),
            on_change=_choose, args=(leaving, key),
        )  # fmt: skip
    one = by_digest[leaving.at]
    try:
        instance = deidentifying.image(work, one.digest)
    except FileRefusedError as error:
        error_state(messages.of_error(error))
        return
    if instance is None:
        show(element("p", t("The image is not kept any more."), cls="co-muted"))
        return
    picture, said = st.columns([6, 5], gap="medium")
    with picture:
        _picture(work, one, instance)
    with said:
        _boxes(leaving, one)
        _more(leaving, one, instance)
        _approve(leaving, one)


def _named(work: CaseWork, one: FoundText) -> str:
    state_of = t(_state(work.leaving, one))
    return t("{name}: {state}", name=deidentifying.source_name(work, one.number), state=state_of)


def _state(leaving: Leaving, one: FoundText) -> str:
    if one.digest in leaving.approved:
        return say("approved")
    if count := deidentifying.waiting(leaving, one):
        return say("1 box to judge") if count == 1 else say("{n} boxes to judge", n=count)
    return say("to be looked at") if one.needs_approval else say("no text found")


def _choose(leaving: Leaving, key: str) -> None:
    leaving.at = str(state.entered(key) or leaving.at)


def _picture(work: CaseWork, one: FoundText, instance: Instance) -> None:
    leaving = work.leaving
    frame, frames = None, len(instance.pixels)
    if frames > 1:
        frame = _frame(one, frames)
    deidentifying.show_frame(leaving, one.digest, frame, frames)
    png = deidentifying.picture(leaving, one, instance, frame)
    rows, columns = instance.pixels.shape[1:3]
    caption = t(
        "{name} over its whole range of values, {rows} rows and {columns} columns: {state}",
        name=for_label(deidentifying.source_name(work, one.number)), rows=rows, columns=columns,
        state=t(_state(leaving, one)),
    )  # fmt: skip
    alt = t("The image with its boxes, numbered as in the list")
    st.image(png, caption=caption, width="stretch", alt=alt)


def _frame(one: FoundText, frames: int) -> int | None:
    """Return the frame that is asked for, from 0; None for all of them in one."""
    short = one.digest[:16]
    number = st.slider(t("Frame"), 1, frames, 1, key=f"deid-frame-{short}")
    label = t("All frames in one, each pixel where it differs most")
    return None if st.toggle(label, key=f"deid-all-{short}") else (number or 1) - 1


def _boxes(leaving: Leaving, one: FoundText) -> None:
    boxes = deidentifying.boxes_of(leaving, one)
    if not boxes:
        show(element("p", t("No text was found. Look all the same.")))
    for number, box in enumerate(boxes, start=1):
        where = t(
            "Box {n}: rows {top} to {bottom}, columns {left} to {right}", n=number, top=box.row,
            bottom=box.row + box.rows - 1, left=box.column, right=box.column + box.columns - 1,
        )  # fmt: skip
        key = f"deid-box-{one.digest[:16]}-{box.row}-{box.column}-{box.rows}-{box.columns}"
        st.segmented_control(
            where, list(_VERDICTS), default=deidentifying.verdict(leaving, one.digest, box),
            format_func=lambda black: t(_VERDICTS[black]), key=key, on_change=_judge,
            args=(leaving, one.digest, box, key),
        )  # fmt: skip


def _judge(leaving: Leaving, digest: str, box: Box, key: str) -> None:
    deidentifying.judge(leaving, digest, box, state.entered(key))


def _more(leaving: Leaving, one: FoundText, instance: Instance) -> None:
    rows, columns = (int(side) for side in instance.pixels.shape[1:3])
    short = one.digest[:16]
    with (
        st.expander(t("Add a box by numbers")),
        st.form(f"deid-add-{short}", border=False, clear_on_submit=True),
    ):
        first, second = st.columns(2, gap="small")
        top = first.number_input(t("First row"), 0, rows - 1, 0, key=f"deid-top-{short}")
        high = first.number_input(t("Rows"), 1, rows, min(40, rows), key=f"deid-rows-{short}")
        left = second.number_input(t("First column"), 0, columns - 1, 0, key=f"deid-left-{short}")
        wide = second.number_input(
            t("Columns"), 1, columns, min(200, columns), key=f"deid-columns-{short}"
        )
        if st.form_submit_button(t("Add this box")):
            box = Box(
                int(top), int(left), min(int(high), rows - int(top)),
                min(int(wide), columns - int(left)),
            )  # fmt: skip
            deidentifying.add_box(leaving, one.digest, box)
            st.rerun()


def _approve(leaving: Leaving, one: FoundText) -> None:
    count = deidentifying.waiting(leaving, one)
    is_approved = one.digest in leaving.approved
    left = deidentifying.frames_left(leaving, one.digest)
    st.button(
        t("Approved as it is marked") if is_approved else t("Approve the image as it is marked"),
        key=f"deid-approve-{one.digest[:16]}", type="primary", on_click=deidentifying.approve,
        args=(leaving, one), disabled=bool(count or left) or is_approved,
        icon=":material/check:" if is_approved else None,
    )  # fmt: skip
    if count:
        words = t("Say of every box whether it goes black.")
        show(element("p", words, cls="co-muted", role="status"))
    if left and not is_approved:
        words = (
            t("1 frame was not looked at yet: go through them, or look at all in one.")
            if left == 1
            else t("{n} frames were not looked at yet: go through them, or look at all in one.",
                   n=left)
        )  # fmt: skip
        testid = "deid-frames-left"
        show(element("p", words, cls="co-muted", role="status", data_testid=testid))
