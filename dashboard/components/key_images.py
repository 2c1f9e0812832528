"""The key images of a case below the viewer: each with its caption, and a way out of the report."""

import streamlit as st

from dashboard import key_images, reading, signing, state
from dashboard.language import t
from dashboard.markup import element, show
from dashboard.state import CaseWork
from mmcore.records import MOST_CAPTION, MOST_KEY_IMAGES, KeyImage

_COLUMNS = 3


def key_images_list(work: CaseWork) -> None:
    """Draw the pictures that go into the report; nothing while there are none."""
    desk = reading.desk(work)
    images = desk.key_images
    if (not images and desk.removed is None) or signing.is_signed(work):
        return
    words = t("Pictures in the report: {n} of at most {most}", n=len(images), most=MOST_KEY_IMAGES)
    show(element("p", words, cls="co-muted", data_testid="key-images"))
    for start in range(0, len(images), _COLUMNS):
        row = st.columns(_COLUMNS)
        for column, index in zip(row, range(start, len(images)), strict=False):
            with column:
                _one(work, index, images[index])
    if desk.removed is not None:
        st.button(
            t("Put the removed picture back"),
            icon=":material/undo:",
            key=f"key-image-back-{work.case.digest[:16]}",
            on_click=key_images.put_back,
            args=(work,),
        )


def _one(work: CaseWork, index: int, image: KeyImage) -> None:
    drawn = f"{reading.desk(work).history.round}-{index}-{len(image.png)}"
    key = f"{work.case.digest[:16]}-{image.recorded_at:%H%M%S}-{drawn}"
    st.image(image.png, width="stretch")

    def rename() -> None:
        key_images.say_of(work, index, str(state.entered(f"caption-{key}") or ""))

    st.text_area(
        t("Caption of picture {n}", n=index + 1),
        value=image.caption,
        key=f"caption-{key}",
        max_chars=MOST_CAPTION,
        height=92,
        on_change=rename,
    )
    st.button(
        t("Remove picture {n}", n=index + 1),
        icon=":material/delete:",
        key=f"remove-{key}",
        on_click=key_images.remove,
        args=(work, index),
    )
