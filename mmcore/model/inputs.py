"""From the records of a case to the arrays that the network reads, and back to where they lie.

The same code prepares training, evaluation and clinical input, so they can not drift apart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from mmcore.model.config import ImageConfig, NoteConfig, ObservationsConfig
from mmcore.records import Instance, Observation

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

PERCENTILES = (1.0, 99.0)
LONGEST_WORD = 100  # characters; a longer word is one unknown token
CHARACTERS_PER_TOKEN = 32  # generous: how much of a long note is tokenised at first
STANDARD_RANGE = 5.0  # standardised observations are held within this many standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class PreparedImage:
    """Model input of one image.

    values: (C, H, W) float32, standardised.
    box: (row, column, rows, columns) of the stored image that the square covers; it reaches beyond
        the image where a side was padded.
    """

    values: FloatArray
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class PreparedNote:
    """Model input of one note.

    token_ids: (T,) int64, padded with 0. spans: (start, end) characters of each real token.
    characters_read: how much of the text the tokens cover; less than its length if it was cut.
    """

    token_ids: IntArray
    spans: tuple[tuple[int, int], ...]
    characters_read: int


@dataclass(frozen=True, slots=True, eq=False)
class PreparedObservations:
    """Model input of the observations.

    values: (J, 2) float32: standardised value and mask. used: the observation behind each code, or
        None where the patient has none.
    """

    values: FloatArray
    used: tuple[Observation | None, ...]


def square_image(pixels: npt.NDArray[np.generic], *, size: int, is_inverted: bool) -> PreparedImage:
    """Return a (1, size, size) image in [0, 1] from a grey frame (rows, columns).

    MONOCHROME1 is turned, the shorter side padded with the darkest value, the result resampled with
    an antialiasing filter and scaled from its 1st to its 99th percentile, so that neither window
    nor exposure decides what the network sees.
    """
    frame = pixels.astype(np.float32)
    if is_inverted:
        frame = frame.max() - frame
    rows, columns = frame.shape
    side = max(rows, columns)
    top, left = (side - rows) // 2, (side - columns) // 2
    padded = np.full((side, side), frame.min(), dtype=np.float32)
    padded[top : top + rows, left : left + columns] = frame
    resampled = np.asarray(
        Image.fromarray(padded).resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32
    )
    low, high = np.percentile(resampled, PERCENTILES)
    scale = float(high - low) or 1.0
    scaled = ((resampled - low) / scale).clip(0.0, 1.0).astype(np.float32)
    return PreparedImage(scaled[None], (float(-top), float(-left), float(side), float(side)))


def prepare_image(instance: Instance, config: ImageConfig) -> PreparedImage:
    """Return the model input of the first frame of a grey ``instance``.

    Raises ``ValueError`` for colour: the caller decides what the model may look at.
    """
    if instance.is_color:
        raise ValueError("the model reads grey images only")
    square = square_image(instance.pixels[0], size=config.size, is_inverted=instance.is_inverted)
    values = (square.values - config.mean) / config.std
    return PreparedImage(np.repeat(values, config.in_chans, axis=0), square.box)


def prepare_note(text: str, tokenizer: "Tokenizer", config: NoteConfig) -> PreparedNote:
    """Return the token ids of ``text`` with the characters each token came from."""
    encoding = _encode_start(text, tokenizer, more_than=config.max_tokens)
    ids = encoding.ids[: config.max_tokens]
    spans = tuple((int(start), int(end)) for start, end in encoding.offsets[: config.max_tokens])
    token_ids = np.zeros(config.max_tokens, dtype=np.int64)
    token_ids[: len(ids)] = ids
    is_cut = len(encoding.ids) > config.max_tokens
    return PreparedNote(token_ids, spans, spans[-1][1] if is_cut and spans else len(text))


def _encode_start(text: str, tokenizer: "Tokenizer", *, more_than: int) -> "Encoding":
    """Return the tokens of ``text``, or of a start of it that has more than ``more_than``.

    Ten megabytes of note cost ten seconds, and the model reads a page of them. A start ends between
    words where it can, so that its tokens are those of the whole.
    """
    length = CHARACTERS_PER_TOKEN * more_than
    while length < len(text):
        stop = max(text.rfind(space, length // 2, length) for space in (" ", "\n"))
        start = text[: stop if stop > 0 else length]
        encoding = tokenizer.encode(start, add_special_tokens=False)
        # Cut inside a word, as in scripts without spaces, the last word's tokens do not count.
        if len(encoding.ids) > more_than + (0 if stop > 0 else LONGEST_WORD):
            return encoding
        length *= 4
    return tokenizer.encode(text, add_special_tokens=False)


def standardise(value: float, scale: Sequence[object]) -> float:
    """Return ``value`` in training standard deviations, held within ``STANDARD_RANGE``."""
    kind, mean, deviation = scale
    if kind == "log":
        value = math.log(max(value, 1e-6))
    z = (value - float(mean)) / float(deviation)  # type: ignore[arg-type] # numbers by ObservationsConfig
    return min(max(z, -STANDARD_RANGE), STANDARD_RANGE)


def prepare_observations(
    observations: Sequence[Observation], config: ObservationsConfig
) -> PreparedObservations:
    """Return values and masks of the latest observation of every code the model reads."""
    latest: dict[str, Observation] = {}
    for observation in observations:
        known = latest.get(observation.loinc)
        if known is None or _is_later(observation, known):
            latest[observation.loinc] = observation
    values = np.zeros((len(config.codes), 2), dtype=np.float32)
    for row, code in enumerate(config.codes):
        if code in latest:
            values[row] = standardise(latest[code].value, config.scales[code]), 1.0
    return PreparedObservations(values, tuple(latest.get(code) for code in config.codes))


def _is_later(a: Observation, b: Observation) -> bool:
    if a.time is None or b.time is None:
        return b.time is None
    # Wall-clock times: timestamp() fails on the year 1, which systems write for "unknown".
    return a.time.replace(tzinfo=None) > b.time.replace(tzinfo=None)
