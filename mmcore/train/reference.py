"""What a pack remembers of its training patients: references for bands, embeddings for novelty."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from mmcore.gate.novelty import distances, unit
from mmcore.model.network import FusionNetwork
from mmcore.model.prepared import network_input
from mmcore.records import Modality
from mmcore.train.dataset import TrainingSet

PATIENTS = 16
EMBEDDINGS = 600  # patients as they are, and as many with parts of their inputs left out
FALSE_ALARM = 1.5  # per cent of validation patients, per modality, that count as unlike the others
CHUNK = 16

Embeddings = dict[Modality, npt.NDArray[np.float32]]


def reference_arrays(
    network: FusionNetwork, *, train: TrainingSet, validation: TrainingSet
) -> dict[str, npt.NDArray[np.generic]]:
    """Return the content of ``reference.npz``.

    A patient with five laboratory values or one paragraph of a note is as ordinary as one with all
    of them, so embeddings and thresholds are taken over both.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    known = _embed_both(network, train, limit=EMBEDDINGS, seed=1)
    ordinary = _embed_both(network, validation, limit=len(validation), seed=2)
    for column, modality in enumerate(network.modalities):
        name = modality.value
        have = train.presence[:, column].nonzero()[:, 0]
        spread = have[torch.linspace(0, len(have) - 1, PATIENTS).long()]
        array = train.batch(spread).inputs[modality].numpy()
        arrays[f"patients_{name}"] = (
            array.astype(np.float16) if array.dtype == np.float32 else array.astype(np.int32)
        )
        arrays[f"embeddings_{name}"] = known[modality].astype(np.float16)
        usual = distances(ordinary[modality], unit(known[modality].astype(np.float16)))
        arrays[f"threshold_{name}"] = np.array(np.percentile(usual, 100.0 - FALSE_ALARM))
    arrays["answers"] = reference_answers(network, arrays)
    return arrays


def reference_answers(
    network: FusionNetwork, arrays: Mapping[str, npt.NDArray[np.generic]]
) -> npt.NDArray[np.float32]:
    """Return (R, K) what the network says of the reference patients as they are stored."""
    with torch.inference_mode():
        baseline = {
            m: network.encode(m, network.embed(m, network.baseline(m)[None]))
            for m in network.modalities
        }
        encoded = {
            m: network.encode(m, network.embed(m, network_input(arrays[f"patients_{m.value}"])))
            for m in network.modalities
        }
        return network.decide(encoded, baseline).float().numpy()


def _embed_both(
    network: FusionNetwork, examinations: TrainingSet, *, limit: int, seed: int
) -> Embeddings:
    """Return unit embeddings of up to ``limit`` patients, whole and with parts left out."""
    generator = torch.Generator().manual_seed(seed)
    pooled: Embeddings = {}
    with torch.inference_mode():
        for column, m in enumerate(network.modalities):
            have = examinations.presence[:, column].nonzero()[:limit, 0]
            parts = []
            for rows in torch.split(have, CHUNK):
                whole = examinations.batch(rows).inputs[m]
                part = network.encoder(m).leave_out(whole, generator)
                for inputs in (whole,) if part is whole else (whole, part):
                    tokens = network.tokenise(m, network.embed(m, inputs))
                    parts.append(unit(network.summarise(m, inputs, tokens).numpy()))
            pooled[m] = np.concatenate(parts)
    return pooled
