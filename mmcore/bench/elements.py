"""One modality's explanation as scores of elements that can be taken away one by one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmcore.modalities.image import PreparedImage
from mmcore.modalities.note import PreparedNote
from mmcore.modalities.observations import PreparedObservations
from mmcore.modalities.recording import PreparedRecording
from mmcore.modalities.variants import PreparedVariants
from mmcore.model.prepared import PreparedCase
from mmcore.records import Modality, Parts

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

CELLS = 28  # elements along each side of an image: 8 x 8 model pixels each for 224 x 224
SOUND_FRAMES = 10  # frames of a spectrogram taken away together, a quarter of a second here
SOUND_BANDS = 4  # ... and mel bands


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """What can be taken away of one modality, and what the explanation says of each.

    scores: (N,) signed logits. owner: in the shape of the embedded input, without its batch axis
    and with trailing axes of length 1 where they stay together: the number of the element that a
    value belongs to, or -1 for what is never taken away.
    """

    scores: FloatArray
    owner: IntArray


def elements_of(parts: Parts, prepared: PreparedCase, modality: Modality) -> Elements | None:
    """Return the elements of ``parts``, or None where they were withheld or have no such form."""
    own = prepared.inputs.get(modality)
    if not parts.passed or own is None:
        return None
    if isinstance(own, PreparedImage) and parts.overlay is not None:
        return _tiles(
            parts.overlay.astype(float),
            shape=own.values.shape[-2:],
            count=(CELLS, CELLS),
            lead=(1,),
        )
    if isinstance(own, PreparedRecording) and parts.overlay is not None:
        bands, frames = own.values.shape
        count = max(1, bands // SOUND_BANDS), max(1, frames // SOUND_FRAMES)
        return _tiles(parts.overlay.astype(float), shape=(bands, frames), count=count, lead=())
    if isinstance(own, PreparedNote):
        return _clauses(parts, own)
    if isinstance(own, PreparedObservations | PreparedVariants):
        return _named(parts, own)
    return None


def by_place(elements: Elements) -> FloatArray:
    """Return the scores in the order in which their elements first appear in the input.

    Parts list the strongest first, so the same number means another element in another map.
    """
    numbers, first = np.unique(elements.owner, return_index=True)
    order = [int(n) for _, n in sorted(zip(first, numbers, strict=True)) if n >= 0]
    return elements.scores[order]


def _tiles(
    signed: FloatArray, *, shape: tuple[int, ...], count: tuple[int, int], lead: tuple[int, ...]
) -> Elements:
    """Cut an input of (..., rows, columns) = ``shape`` into ``count`` tiles and sum a map by tile.

    The map may be coarser than the input; every cell of either belongs to the tile at its middle.
    """
    by_cell = _tile_numbers(signed.shape, count)
    scores: FloatArray = np.zeros(count[0] * count[1])
    np.add.at(scores, by_cell.ravel(), signed.ravel())
    return Elements(scores, _tile_numbers(shape, count).reshape(*lead, *shape))


def _tile_numbers(shape: tuple[int, ...], count: tuple[int, int]) -> IntArray:
    down = ((np.arange(shape[0]) + 0.5) * count[0] / shape[0]).astype(np.intp)
    across = ((np.arange(shape[1]) + 0.5) * count[1] / shape[1]).astype(np.intp)
    numbers: IntArray = down[:, None] * count[1] + across[None]
    return numbers


def _clauses(parts: Parts, note: PreparedNote) -> Elements:
    """One element per clause; padding stays."""
    owner = np.full((len(note.token_ids), 1), -1, np.intp)
    items = [item for item in parts.items if len(item.where) == 2]
    for number, item in enumerate(items):
        first, last = (float(x) for x in item.where)
        for token, (start, _) in enumerate(note.spans):
            if first <= start < last:
                owner[token] = number
    return Elements(np.array([item.signed for item in items], float), owner)


def _named(parts: Parts, own: PreparedObservations | PreparedVariants) -> Elements:
    """One element per named observation or variant; what is not there stays."""
    places: list[tuple[tuple[int, ...], tuple[str, ...]]] = []
    if isinstance(own, PreparedVariants):
        owner = np.full((len(own.used), 1), -1, np.intp)
        for row, variant in enumerate(own.used):
            if variant is not None:
                places.append(((row, 0), (variant.variant_id,)))
    else:
        owner = np.full((*own.values.shape[:2], 1), -1, np.intp)
        for row, used in enumerate(own.used):
            read = [(slot, o) for slot, o in enumerate(used) if o is not None]
            for slot, _ in read:  # the latest value is one element, its whole course another
                named = read[-1][1] if slot else read[0][1]
                time = named.time.isoformat() if named.time else ""
                places.append(((row, slot, 0), (named.loinc, time)))
    numbers: dict[tuple[str, ...], int] = {}
    scores: list[float] = []
    for item in parts.items:
        key = tuple(str(x) for x in item.where)
        if key and key not in numbers:
            numbers[key] = len(scores)
            scores.append(item.signed)
    for at, key in places:
        owner[at] = numbers.get(key, -1)
    return Elements(np.array(scores, float), owner)
