"""From stored values to modality values, and which windows the file proposes for them.

DICOM PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.7.6.16.2 (functional groups).
"""

import math
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom.attributes import Attributes, bad
from mmcore.intake.dicom.header import PixelHeader
from mmcore.language import say
from mmcore.records import PixelArray, Window

# No detector or reconstruction needs more; beyond, float32 loses the image.
_MAX_FACTOR, _MAX_OFFSET = 1e9, 1e9
_MAX_TABLE_BYTES = 2 * 65_536
_INTEGER_TYPES = (np.int16, np.uint16, np.int32, np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class ModalityTransform:
    """How stored values become modality values.

    rescales: (slope, intercept), one for all frames or one per frame; empty with a table.
    table:    modality LUT, indexed by stored value minus ``first_mapped``, or ``None``.
    dtype:    of the result: integer where the transform keeps integers, else float32.
    unit:     "HU", the Rescale Type, or "" where unknown.
    """

    dtype: np.dtype[np.generic]
    rescales: tuple[tuple[float, float], ...] = ()
    table: npt.NDArray[np.generic] | None = None
    first_mapped: int = 0
    unit: str = ""

    def apply(self, stored: PixelArray, frame: int) -> PixelArray:
        """Return one frame in modality values."""
        if self.table is not None:
            index = stored.astype(np.int64) - self.first_mapped
            return self.table[np.clip(index, 0, len(self.table) - 1)]
        if not self.rescales:
            return stored.astype(self.dtype, copy=False)
        slope, intercept = self.rescales[frame if len(self.rescales) > 1 else 0]
        if np.issubdtype(self.dtype, np.integer):
            return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(self.dtype)
        return (stored.astype(np.float64) * slope + intercept).astype(self.dtype)


def read_modality_transform(attributes: Attributes, header: PixelHeader) -> ModalityTransform:
    """Return the modality transform of the instance.

    Raises ``FileRefusedError`` (BAD_ATTRIBUTE or BAD_LUT).
    """
    stored_type = _stored_dtype(header)
    if attributes.has("ModalityLUTSequence"):
        return _read_table(attributes, header)
    rescales = _read_rescales(attributes, header)
    if not rescales:
        if header.dicom_modality == "CT":
            raise bad("RescaleSlope", say("is missing, so the CT values have no meaning"))
        return ModalityTransform(stored_type)
    slope = min(slope for slope, _ in rescales)
    if header.dicom_modality == "CT" and slope < 0:
        raise bad("RescaleSlope", say("is {slope:g}; it must be positive for CT", slope=slope))
    unit = attributes.soft_text("RescaleType")
    if header.dicom_modality == "CT" and unit in ("", "US"):
        unit = "HU"
    dtype = _rescaled_dtype(header, rescales)
    return ModalityTransform(dtype, rescales=rescales, unit="" if unit == "US" else unit)


def _stored_dtype(header: PixelHeader) -> np.dtype[np.generic]:
    if header.kind == "float":
        return np.dtype(np.float32)
    return np.dtype(f"{'i' if header.is_signed else 'u'}{header.bits_allocated // 8}")


def _rescaled_dtype(
    header: PixelHeader, rescales: tuple[tuple[float, float], ...]
) -> np.dtype[np.generic]:
    """Return the smallest integer type that holds every possible result, else float32."""
    if header.kind == "float" or any(value != int(value) for pair in rescales for value in pair):
        return np.dtype(np.float32)
    if set(rescales) == {(1.0, 0.0)}:
        return _stored_dtype(header)
    low = -(2 ** (header.bits_stored - 1)) if header.is_signed else 0
    high = low + 2**header.bits_stored - 1
    ends = [int(slope) * end + int(offset) for slope, offset in rescales for end in (low, high)]
    for candidate in _INTEGER_TYPES:
        info = np.iinfo(candidate)
        if info.min <= min(ends) and max(ends) <= info.max:
            return np.dtype(candidate)
    return np.dtype(np.float32)


def _read_rescales(attributes: Attributes, header: PixelHeader) -> tuple[tuple[float, float], ...]:
    own = _rescale(attributes)
    if own is not None:
        return (own,)
    shared = _group(attributes.item("SharedFunctionalGroupsSequence"))
    if shared is not None and (pair := _rescale(shared)) is not None:
        return (pair,)
    frames = attributes.items("PerFrameFunctionalGroupsSequence")
    pairs = [_rescale(group) for item in frames if (group := _group(item)) is not None]
    found = [pair for pair in pairs if pair is not None]
    if not found:
        return ()
    if len(found) != header.frames:
        raise bad(
            "RescaleSlope",
            say("is given for {count} of {frames} frames", count=len(found), frames=header.frames),
        )
    return tuple(found)


def _group(item: Attributes | None) -> Attributes | None:
    return None if item is None else item.item("PixelValueTransformationSequence")


def _rescale(attributes: Attributes) -> tuple[float, float] | None:
    slope, intercept = attributes.number("RescaleSlope"), attributes.number("RescaleIntercept")
    if slope is None and intercept is None:
        return None
    if slope is None or intercept is None:
        missing = "RescaleSlope" if slope is None else "RescaleIntercept"
        raise bad(missing, say("is missing although the other half of the rescale is given"))
    if not 1 / _MAX_FACTOR <= abs(slope) <= _MAX_FACTOR:
        raise bad("RescaleSlope", say("is {slope:g}, which no image needs", slope=slope))
    if not abs(intercept) <= _MAX_OFFSET:
        raise bad(
            "RescaleIntercept", say("is {intercept:g}, which no image needs", intercept=intercept)
        )
    return slope, intercept


def _read_table(attributes: Attributes, header: PixelHeader) -> ModalityTransform:
    item = attributes.item("ModalityLUTSequence")
    if item is None or header.kind == "float":
        raise FileRefusedError(RefusalCode.BAD_LUT, say("the modality LUT is empty"))
    table, first = _table(item, is_signed=header.is_signed)
    unit = item.soft_text("ModalityLUTType")
    return ModalityTransform(
        table.dtype, table=table, first_mapped=first, unit="" if unit == "US" else unit
    )


def _table(item: Attributes, *, is_signed: bool) -> tuple[npt.NDArray[np.generic], int]:
    """Return a lookup table and the first stored value it maps. PS3.3 C.11.1.1."""
    descriptor = item.numbers("LUTDescriptor")
    if len(descriptor) != 3:
        raise FileRefusedError(RefusalCode.BAD_LUT, say("LUTDescriptor does not have three values"))
    n_entries, first, bits = int(descriptor[0]) or 65_536, int(descriptor[1]), int(descriptor[2])
    if not 8 <= bits <= 16:
        raise FileRefusedError(
            RefusalCode.BAD_LUT, say("the LUT has {bits} bits; expected 8 to 16", bits=bits)
        )
    if is_signed and first >= 2**15:
        first -= 2**16
    data = item.value("LUTData", limit=_MAX_TABLE_BYTES)
    entries = (
        np.frombuffer(data, np.uint8 if bits == 8 and len(data) < 2 * n_entries else "<u2")
        if isinstance(data, bytes)
        else np.asarray([] if data is None else data)
    )
    if bits == 8 and len(entries) * 2 in (n_entries, n_entries + 1):  # packed two to a word
        words = [int(word) & 0xFFFF for word in entries]
        entries = np.frombuffer(struct.pack(f"<{len(words)}H", *words), np.uint8)[:n_entries]
    if len(entries) not in (n_entries, n_entries + 1) or not n_entries:
        raise FileRefusedError(
            RefusalCode.BAD_LUT,
            say(
                "the LUT holds {found} of {n_entries} entries",
                found=len(entries),
                n_entries=n_entries,
            ),
        )
    entries = entries[:n_entries].astype(np.int64) & 0xFFFF
    return entries.astype(np.uint8 if bits == 8 else np.uint16), first


def read_windows(attributes: Attributes, notices: list[str]) -> tuple[Window, ...]:
    """Return the windows the file proposes; what is wrong with others goes to ``notices``."""
    source = attributes
    if not attributes.has("WindowCenter"):
        shared = attributes.item("SharedFunctionalGroupsSequence")
        frames = attributes.items("PerFrameFunctionalGroupsSequence")
        groups = [
            g.item("FrameVOILUTSequence") for g in ([shared] if shared else []) + list(frames[:1])
        ]
        source = next((group for group in groups if group is not None), attributes)
    try:
        windows = _windows(source)
    except FileRefusedError:
        notices.append(say("The display window in the file is not valid and was ignored."))
        return ()
    if windows or not attributes.has("VOILUTSequence"):
        return windows
    try:
        item = attributes.item("VOILUTSequence")
        window = None if item is None else _window_like(*_table(item, is_signed=True))
    except FileRefusedError:
        window = None
    if window is None:
        notices.append(say("The display curve in the file is not valid and was ignored."))
        return ()
    notices.append(say("The display curve in the file was replaced by the window nearest to it."))
    return (window,)


def _windows(attributes: Attributes) -> tuple[Window, ...]:
    centers, widths = attributes.numbers("WindowCenter"), attributes.numbers("WindowWidth")
    if len(centers) != len(widths):
        raise bad(
            "WindowWidth",
            say(
                "has {widths} values for {centers} centres",
                widths=len(widths),
                centers=len(centers),
            ),
        )
    # PS3.3 C.11.2.1.2: LINEAR, the default, is undefined below a width of 1.
    is_linear = attributes.soft_text("VOILUTFunction") in ("", "LINEAR")
    smallest = 1.0 if is_linear else 1e-6
    for center, width in zip(centers, widths, strict=True):
        if not (math.isfinite(center) and smallest <= width < math.inf):
            raise bad("WindowWidth", say("is not a width"))
    labels = attributes.soft_text("WindowCenterWidthExplanation").split("\\")
    labels += [""] * (len(centers) - len(labels))
    return tuple(
        Window(center, width, label.strip())
        for center, width, label in zip(centers, widths, labels, strict=False)
    )


def _window_like(table: npt.NDArray[np.generic], first: int) -> Window | None:
    """Return the window whose ramp spans where the table rises, or ``None`` if it is flat."""
    values = table.astype(np.int64)
    low, high = values.min(), values.max()
    if low == high:
        return None
    span = 0.02 * (high - low)
    rising = np.flatnonzero((values > low + span) & (values < high - span))
    if len(rising) == 0:
        rising = np.flatnonzero(np.diff(values))
    start, stop = float(first + rising[0]), float(first + rising[-1])
    return Window((start + stop) / 2, max(stop - start, 1.0))
