"""From attributions of an image's pixels to the cells of its overlay, and groups of its input."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from mmcore.explain.methods.method import FloatArray64, Request
from mmcore.explain.phrases import clause_spans
from mmcore.explain.regions import OVERLAY_CELL, PIXEL_SMOOTHING
from mmcore.modalities.image_slices import SlicesEncoder
from mmcore.modalities.note import PreparedNote
from mmcore.modalities.recording import CELL_BANDS, CELL_SECONDS, PreparedRecording

IntArray = npt.NDArray[np.int64]


def is_stack(request: Request) -> bool:
    """Return whether the input is a series of slices, each with an overlay of its own."""
    return isinstance(request.encoder, SlicesEncoder)


def overlay_of(request: Request, values: FloatArray64) -> FloatArray64:
    """Return attributions in the shape that ``Prepared.name_parts`` expects.

    Pixels are added over channels and in cells of ``OVERLAY_CELL``, then blurred by
    ``PIXEL_SMOOTHING`` cells, as the pixel part of our own overlay is; the sum is kept. What is an
    overlay already, and what is no image, stays as it is.
    """
    if request.encoder.grid is None or values.shape != tuple(request.inputs.shape[1:]):
        return values
    planes = values if is_stack(request) else values.sum(0, keepdims=True)
    count, rows, columns = planes.shape
    cells = planes.reshape(
        count, rows // OVERLAY_CELL, OVERLAY_CELL, columns // OVERLAY_CELL, OVERLAY_CELL
    ).sum((2, 4))
    smooth: FloatArray64 = gaussian_filter(
        cells, PIXEL_SMOOTHING, axes=(1, 2), mode="reflect", truncate=4.0
    )
    return smooth if is_stack(request) else smooth[0]


def patch(request: Request) -> tuple[int, ...]:
    """Return the size of what is taken away at once, without a batch axis.

    Image: what one token covers, in all channels or in one slice. Recording: half a second of eight
    mel bands. Anything else: one token, value or locus with all its numbers.
    """
    shape = tuple(request.inputs.shape[1:])
    if (grid := request.encoder.grid) is not None:
        return (1 if is_stack(request) else shape[0], shape[1] // grid[0], shape[2] // grid[1])
    if isinstance(request.prepared, PreparedRecording):
        box = request.prepared.box
        frames = round(CELL_SECONDS * shape[1] / (box[3] - box[1]))
        return min(CELL_BANDS, shape[0]), min(max(frames, 1), shape[1])
    return (*[1] * (len(shape) - 1), shape[-1])


def groups(request: Request) -> IntArray:
    """Return, in the shape of the embedded input, the number of each element's group, from 0.

    Notes are grouped by clause, with the padding as one group; everything else by ``patch``.
    """
    shape = tuple(request.inputs.shape[1:])
    if isinstance(request.prepared, PreparedNote):
        starts = [start for start, _ in clause_spans(request.prepared.text)]
        spans = request.prepared.spans
        found = [max(np.searchsorted(starts, s, side="right") - 1, 0) for s, _ in spans]
        per_token = np.array([*found, *[len(starts)] * (shape[0] - len(spans))])
        ids = np.broadcast_to(per_token[:, None], shape)
    else:
        steps = [np.arange(n) // size for n, size in zip(shape, patch(request), strict=True)]
        mesh = np.meshgrid(*steps, indexing="ij")
        ids = np.ravel_multi_index(mesh, [int(step[-1]) + 1 for step in steps])
    return np.unique(ids, return_inverse=True)[1].reshape(shape).astype(np.int64)
