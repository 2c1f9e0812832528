"""Key images: what a reader puts into the report from the screen, with a caption of their own."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from dashboard import reading
from dashboard.formatting import number
from dashboard.language import Text, say, t, word
from dashboard.reading import Clock
from dashboard.state import CaseWork
from dashboard.viewer import Overlay, Picture
from dashboard.viewer.stacks import id_of, label, place_of, stacks_of
from mmcore.language import joined
from mmcore.records import MOST_CAPTION, MOST_KEY_IMAGES, KeyImage


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def left(work: CaseWork) -> int:
    """Return how many pictures the report still takes."""
    return MOST_KEY_IMAGES - len(reading.desk(work).key_images)


def add(work: CaseWork, picture: Picture, overlay: Overlay, *, now: Clock = _now) -> bool:
    """Put a picture from the screen into the report; return whether it could be taken.

    It is refused if it is no picture of an image of this case, if it shows the map of another
    method than ours, and when the report is full. The same picture is not taken twice.
    """
    from mmcore.report import checked_png  # brings the PDF with it

    desk = reading.desk(work)
    stack = next((s for s in stacks_of(work.case) if id_of(s) == picture.stack), None)
    place = place_of(stack, picture.frame) if stack is not None else None
    is_others = picture.is_mapped and bool(overlay.method)
    if stack is None or place is None or is_others or left(work) <= 0:
        return False
    try:
        png = checked_png(picture.png)
    except ValueError:
        return False
    if any(_is_same(png, image.png) for image in desk.key_images):
        return True
    instance, frame = place
    caption = t(joined(_told(work, picture, overlay), ". "))[:MOST_CAPTION]
    image = KeyImage(png, instance.digest, frame, caption, now())
    desk.key_images = (*desk.key_images, image)
    work.forget_report()
    return True


def say_of(work: CaseWork, index: int, caption: str) -> None:
    """Give a picture another caption."""
    desk = reading.desk(work)
    images = list(desk.key_images)
    words = " ".join(caption.split())[:MOST_CAPTION]
    if images[index].caption != words:
        images[index] = replace(images[index], caption=words)
        desk.key_images = tuple(images)
        work.forget_report()


def remove(work: CaseWork, index: int) -> None:
    """Take a picture out of the report; the last one taken out can be put back."""
    desk = reading.desk(work)
    desk.removed = (index, desk.key_images[index])
    desk.key_images = desk.key_images[:index] + desk.key_images[index + 1 :]
    work.forget_report()


def put_back(work: CaseWork) -> None:
    """Put the picture back that was taken out last, in its place."""
    desk = reading.desk(work)
    if desk.removed is not None and left(work) > 0:
        index, image = desk.removed
        desk.key_images = (*desk.key_images[:index], image, *desk.key_images[index:])
        desk.removed = None
        work.forget_report()


def _is_same(png: bytes, other: bytes) -> bool:
    return hashlib.sha256(png).digest() == hashlib.sha256(other).digest()


def _told(work: CaseWork, picture: Picture, overlay: Overlay) -> list[Text]:
    """Return what a first caption says: which image, its window, its map and its measurements."""
    stack = next(s for s in stacks_of(work.case) if id_of(s) == picture.stack)
    frames = sum(instance.pixels.shape[0] for instance in stack)
    told = [_plain(label(work.case, stack))]
    if frames > 1:
        told.append(say("Image {n} of {frames}", n=picture.frame + 1, frames=frames))
    if not stack[0].is_color:
        told.append(
            say("W {width} L {level}", width=number(picture.width), level=number(picture.center))
        )
    if picture.is_mapped and overlay.parts is not None:
        finding = word(overlay.display)
        told.append(
            {
                "both": say("Map of what moved the model for {finding}", finding=finding),
                "for": say("Map of what speaks for {finding}", finding=finding),
                "against": say("Map of what speaks against {finding}", finding=finding),
            }[picture.mode]
        )
    told += [_plain(measure) for measure in picture.measures]
    if picture.beside:
        told.append(say("Beside: {label}", label=picture.beside))
    return told


def _plain(text: str) -> Text:
    """Return words that are in the reader's language already, for the middle of others."""
    return say("{text}", text=text)
