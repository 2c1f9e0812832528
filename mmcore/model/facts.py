"""What the gate is told of an encoded case: its doubts and faults, and how unlike others it is."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from mmcore.encoding import judge_image
from mmcore.gate.novelty import distances
from mmcore.gate.quality import DOUBTFUL, FORBIDDING
from mmcore.gate.simulated import is_simulated
from mmcore.gate.verdict import GateFacts
from mmcore.model.pack import Pack
from mmcore.model.prepared import PreparedCase
from mmcore.records import Modality, Patient

Embeddings = Mapping[Modality, npt.NDArray[np.float32]]


def gate_facts(
    pack: Pack, patient: Patient, prepared: PreparedCase, embeddings: Embeddings
) -> GateFacts:
    """Return the facts of a case whose inputs were seen; ``embeddings`` as of ``EncodedCase``."""
    doubts = dict(prepared.doubts)
    faults: dict[Modality, str] = {}
    fault, _ = judge_image(pack.reference.quality, prepared.inputs.get(Modality.IMAGE))
    if fault in FORBIDDING:
        faults[Modality.IMAGE] = FORBIDDING[fault]
    elif fault in DOUBTFUL:
        doubts[Modality.IMAGE] = (*doubts.get(Modality.IMAGE, ()), DOUBTFUL[fault])
    return GateFacts(
        present=tuple(embeddings),
        novel={m: novelty(pack, m, embedding) for m, embedding in embeddings.items()},
        doubts=doubts,
        faults=faults,
        is_simulated=pack.identity.is_simulated,
        is_of_simulated=is_simulated(patient),
    )


def novelty(pack: Pack, modality: Modality, embedding: npt.NDArray[np.float32]) -> float:
    """Return the distance of a (1, 2F) embedding to training patients over its threshold."""
    distance = distances(embedding, pack.reference.embeddings[modality.value])[0]
    return float(distance) / pack.reference.thresholds[modality.value]
