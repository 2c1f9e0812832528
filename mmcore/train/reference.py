"""What a pack remembers of its training patients: references for bands, embeddings for novelty."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmcore.gate.novelty import distances, unit
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from mmcore.train.dataset import CohortTensors

PATIENTS = 16
EMBEDDINGS = 600  # patients as they are, and as many with parts of their inputs left out
FALSE_ALARM = 1.5  # per cent of validation patients, per modality, that count as unlike the others
SHORTEST_NOTE = 15  # tokens
CHUNK = 16

Embeddings = dict[Modality, npt.NDArray[np.float32]]


def reference_arrays(
    network: FusionNetwork, *, train: CohortTensors, validation: CohortTensors
) -> dict[str, npt.NDArray[np.generic]]:
    """Return the content of ``reference.npz``.

    A patient with five laboratory values or one paragraph of a note is as ordinary as one with all
    of them, so embeddings and thresholds are taken over both.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    spread = torch.linspace(0, len(train) - 1, PATIENTS).long()
    patients = train.batch(spread).inputs
    known = _embed_both(network, train, limit=EMBEDDINGS, seed=1)
    ordinary = _embed_both(network, validation, limit=len(validation), seed=2)
    for modality in network.modalities:
        name = modality.value
        array = patients[modality].numpy()
        arrays[f"patients_{name}"] = (
            array.astype(np.float16) if array.dtype == np.float32 else array.astype(np.int32)
        )
        arrays[f"embeddings_{name}"] = known[modality].astype(np.float16)
        usual = distances(ordinary[modality], unit(known[modality].astype(np.float16)))
        arrays[f"threshold_{name}"] = np.array(np.percentile(usual, 100.0 - FALSE_ALARM))
    return arrays


def leave_out(inputs: dict[Modality, Tensor], generator: torch.Generator) -> dict[Modality, Tensor]:
    """Return the inputs with some observations missing and a part of the note only.

    Of the observations a random fraction is kept, at least one each; of the note a run of at least
    ``SHORTEST_NOTE`` tokens, moved to the start as if it were all there is. Images stay whole.
    """
    changed = dict(inputs)
    if Modality.OBSERVATIONS in inputs:
        observations = inputs[Modality.OBSERVATIONS]
        count = len(observations)
        draws = torch.rand(observations.shape[:2], generator=generator)
        draws = draws + (observations[..., 1] == 0)  # what is not there can not be kept
        kept = draws <= torch.rand(count, 1, generator=generator)
        kept[torch.arange(count), draws.argmin(1)] = True
        changed[Modality.OBSERVATIONS] = observations * kept[..., None]
    if Modality.NOTE in inputs:
        notes = inputs[Modality.NOTE]
        parts = torch.zeros_like(notes)
        for row, note in enumerate(notes):
            length = int((note != 0).sum())
            share = float(torch.rand(1, generator=generator))
            keep = min(length, max(SHORTEST_NOTE, round(share * length)))
            start = round(float(torch.rand(1, generator=generator)) * (length - keep))
            parts[row, :keep] = note[start : start + keep]
        changed[Modality.NOTE] = parts
    return changed


def _embed_both(
    network: FusionNetwork, tensors: CohortTensors, *, limit: int, seed: int
) -> Embeddings:
    """Return (2N, 2F) unit embeddings of N patients, whole and with parts left out."""
    generator = torch.Generator().manual_seed(seed)
    pooled: dict[Modality, list[npt.NDArray[np.float32]]] = {m: [] for m in network.modalities}
    count = min(limit, len(tensors))
    with torch.inference_mode():
        for start in range(0, count, CHUNK):
            whole = tensors.batch(torch.arange(start, min(start + CHUNK, count))).inputs
            part = leave_out(whole, generator)
            for m in network.modalities:
                for inputs in (whole,) if whole[m] is part[m] else (whole, part):
                    encoded = network.encode(m, network.embed(m, inputs[m]))
                    pooled[m].append(unit(network.summarise(m, inputs[m], encoded).numpy()))
    return {m: np.concatenate(parts) for m, parts in pooled.items()}
