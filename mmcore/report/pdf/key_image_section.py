"""The pictures that a reader put into the report, two beside each other, with their captions."""

from collections.abc import Sequence

from PIL import Image
from reportlab.lib.utils import ImageReader

from mmcore.language import say
from mmcore.records import KeyImage
from mmcore.report.key_images import read_picture
from mmcore.report.pdf.sheet import CONTENT_WIDTH, MARGIN, NOTE, RULE, SMALL, Sheet, wrap
from mmcore.report.reading import ReportedResult

_GAP = 12.0
_COLUMN = (CONTENT_WIDTH - _GAP) / 2
_TALLEST = 230.0
_LINES = 6
_WORDS = say("What the reader saw on the screen, as they chose it. Maps say what moved the model.")


def draw_key_images(sheet: Sheet, result: ReportedResult) -> None:
    """Draw the pictures row by row; nothing where there are none."""
    images = result.key_images
    for start in range(0, len(images), 2):
        row = images[start : start + 2]
        height = max(_height(sheet, image) for image in row)
        sheet.need(height + (34.0 if start == 0 else 8.0))
        if start == 0:
            sheet.heading(say("Key images"))
            sheet.paragraph(_WORDS, NOTE)
        _draw_row(sheet, row, first=start + 1)
        sheet.y -= height + 8.0


def _size(image: KeyImage) -> tuple[float, float]:
    """Return width and height on the page, in points."""
    rows, columns = read_picture(image.png).shape[:2]
    scale = min(_COLUMN / columns, _TALLEST / rows)
    return columns * scale, rows * scale


def _lines(sheet: Sheet, image: KeyImage) -> list[str]:
    return wrap(image.caption, SMALL, _COLUMN - 14.0, max_lines=_LINES)


def _height(sheet: Sheet, image: KeyImage) -> float:
    return _size(image)[1] + SMALL.leading * (len(_lines(sheet, image)) + 1) + 8.0


def _draw_row(sheet: Sheet, row: Sequence[KeyImage], *, first: int) -> None:
    for column, image in enumerate(row):
        x, top = MARGIN + column * (_COLUMN + _GAP), sheet.y - 6.0
        width, height = _size(image)
        picture = ImageReader(Image.fromarray(read_picture(image.png)))
        with sheet.figure(image.caption or say("Key images")):
            sheet.canvas.drawImage(picture, x, top - height, width, height)
        sheet.box(x, top - height, width, height, stroke=RULE)
        y = top - height - SMALL.leading
        sheet.text(x, y, f"{first + column}", SMALL)
        for line in _lines(sheet, image):
            sheet.text(x + 14.0, y, line, SMALL)
            y -= SMALL.leading
        sheet.text(x + 14.0, y, f"{image.recorded_at:%Y-%m-%d %H:%M %Z}".strip(), SMALL)
