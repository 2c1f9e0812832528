"""The door to pydicom: attribute values as plain Python, or a refusal that names the attribute.

pydicom converts a value when it is asked for, and raises whatever the conversion raises. Here each
access either returns a checked value or raises ``FileRefusedError`` (BAD_ATTRIBUTE).
"""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom.prescan import Scan
from mmcore.intake.moments import Moment, moment_of, zone_of
from mmcore.language import say

VERSION = f"pydicom {pydicom.__version__}"
MAX_VALUE_BYTES = 65_536
MAX_TEXT_CHARACTERS = 1_024


def bad(keyword: str, problem: str) -> FileRefusedError:
    """Return the refusal of one attribute; ``problem`` continues the sentence after its name."""
    return FileRefusedError(
        RefusalCode.BAD_ATTRIBUTE,
        say("{keyword} {problem}", keyword=keyword, problem=problem),
        attribute=keyword,
    )


def read_attributes(scan: Scan) -> "Attributes":
    """Parse everything before the pixel data. Raises ``FileRefusedError`` (CORRUPT)."""
    try:
        with quietly():
            dataset = read_dataset(
                io.BytesIO(scan.body[: scan.header_end]),
                is_implicit_VR=scan.is_implicit,
                is_little_endian=scan.is_little_endian,
            )
    except (MemoryError, FileRefusedError):
        raise
    except Exception as error:
        raise FileRefusedError(RefusalCode.CORRUPT, say("the header can not be parsed")) from error
    return Attributes(dataset)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Silence pydicom's warnings, which quote values: what they warn of is checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Attributes:
    """A data set or sequence item, read by keyword."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    @property
    def dataset(self) -> Dataset:
        """The pydicom data set, for pydicom's own functions inside this package only."""
        return self._dataset

    def has(self, keyword: str) -> bool:
        """Whether the attribute is present, even if empty."""
        return keyword in self._dataset

    def value(self, keyword: str, *, limit: int = MAX_VALUE_BYTES) -> Any:
        """Return the converted value, or ``None`` if the attribute is absent or empty."""
        if not self.has(keyword):
            return None
        try:
            with quietly():
                raw = self._dataset.get_item(_tag(keyword))
                _check_length(raw, keyword, limit)
                value = self._dataset[keyword].value
        except (MemoryError, FileRefusedError):
            raise
        except Exception as error:
            raise bad(keyword, say("can not be read")) from error
        return None if value is None or (isinstance(value, str | bytes) and not value) else value

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return every value as a float, NaN and infinity included; empty if absent."""
        value = self.value(keyword)
        if value is None:
            return ()
        parts = value if isinstance(value, MultiValue | list | tuple) else [value]
        try:
            return tuple(float(part) for part in parts)
        except (TypeError, ValueError, OverflowError) as error:
            raise bad(keyword, say("is not a number")) from error

    def number(self, keyword: str) -> float | None:
        """Return the one finite number, or ``None`` if the attribute is absent.

        An attribute that is present but empty, multi-valued or not finite is refused.
        """
        if not self.has(keyword):
            return None
        values = self.numbers(keyword)
        if len(values) != 1:
            raise bad(keyword, say("has {count} values instead of one", count=len(values)))
        if not math.isfinite(values[0]):
            raise bad(keyword, say("is not a finite number"))
        return values[0]

    def integer(self, keyword: str) -> int:
        """Return the one whole number. Absent is refused."""
        value = self.number(keyword)
        if value is None:
            raise bad(keyword, say("is missing"))
        if value != int(value):
            raise bad(keyword, say("is not a whole number"))
        return int(value)

    def text(self, keyword: str) -> str:
        """Return the value as stripped text, several values joined by a backslash, or empty."""
        value = self.value(keyword)
        if value is None:
            return ""
        parts = value if isinstance(value, MultiValue | list | tuple) else [value]
        joined = "\\".join(str(part) for part in parts)
        return joined.replace("\0", "").strip()[:MAX_TEXT_CHARACTERS]

    def soft_text(self, keyword: str) -> str:
        """Return the text of an attribute that is only shown, or empty if it can not be read."""
        try:
            return self.text(keyword)
        except FileRefusedError:
            return ""

    def raw(self, keyword: str, *, limit: int) -> bytes:
        """Return the value of a binary attribute as stored, empty if absent."""
        if not self.has(keyword):
            return b""
        raw = self._dataset.get_item(_tag(keyword))
        _check_length(raw, keyword, limit)
        return raw.value if isinstance(raw.value, bytes) else b""

    def items(self, keyword: str) -> Sequence["Attributes"]:
        """Return the items of a sequence; empty if absent."""
        value = self.value(keyword, limit=2**31)
        if value is None:
            return ()
        if not isinstance(value, pydicom.Sequence):
            raise bad(keyword, say("is not a sequence"))
        return [Attributes(item) for item in value]

    def item(self, keyword: str) -> "Attributes | None":
        """Return the first item of a sequence, or ``None``."""
        items = self.items(keyword)
        return items[0] if items else None

    def day(self, keyword: str) -> date | None:
        """Return a date, or ``None`` if absent or not one. PS3.5 6.2, DA."""
        text = self.soft_text(keyword).replace(".", "")  # ACR-NEMA wrote 1999.12.31
        try:
            return datetime.strptime(text, "%Y%m%d").date()
        except ValueError:
            return None

    def zone(self) -> tzinfo | None:
        """Return the zone of all dates and times that state none themselves. PS3.3 C.12.1.1.8."""
        return zone_of(self.soft_text("TimezoneOffsetFromUTC"))

    def moment(self, day_keyword: str, time_keyword: str) -> Moment | None:
        """Return date and time together, the day where the time is no time. PS3.5 6.2, TM."""
        day = self.day(day_keyword)
        if day is None:
            return None
        digits = self.soft_text(time_keyword).replace(":", "").split(".")[0]
        clock = [digits[i : i + 2] for i in (0, 2, 4) if digits[i : i + 2]]
        parts = (day.year, day.month, day.day)
        found = None
        if len(digits) in (2, 4, 6) and digits.isascii() and digits.isdigit():
            found = moment_of(*parts, *clock, zone=self.zone())
        return found or moment_of(*parts, zone=self.zone())


def _check_length(raw: object, keyword: str, limit: int) -> None:
    if isinstance(raw, RawDataElement) and raw.value and len(raw.value) > limit:
        raise bad(keyword, say("is longer than any valid value"))


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no DICOM keyword")
    return tag
