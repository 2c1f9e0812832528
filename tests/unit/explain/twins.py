"""A case whose model has two inputs that are the same in everything but their name.

Runs in a process of its own, because modalities once declared are known to everything in it.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from mmcore.datasets.labelled import LabelledCase
from mmcore.engine import Engine
from mmcore.intake import case_from_files
from mmcore.modalities import Channel, register
from mmcore.modalities.image import ImageConfig
from mmcore.model.pack import load_pack
from mmcore.records import Case, Modality
from tests.tiny import untried
from tests.unit.modalities.sixth.journey import files_of
from tests.unit.modalities.sixth.spirometry_encoder import (
    SpirometryConfig,
    SpirometryEncoder,
    prepare,
)
from tests.unit.modalities.sixth.spirometry_file import SPIROMETRY
from tests.unit.modalities.untrained import untrained_pack

TWIN = Modality.declare(
    "twin", display="Twin", subject="the twin", inside="inside the twin", absent="no twin"
)
register(Channel(TWIN, SpirometryConfig, SpirometryEncoder, prepare))
PATIENTS = 10
TARGET = "nodule"


def twin_engine(folder: Path, cases: list[Case]) -> Engine:
    """Return an engine that reads the image, and the flow-volume curve under two names."""
    inputs: dict[Modality, object] = {
        Modality.IMAGE: ImageConfig("cnn", 32, 1, {"channels": (4, 8, 8, 16)}, 0.5, 0.25),
        SPIROMETRY: SpirometryConfig(),
        TWIN: SpirometryConfig(),
    }
    labelled = [
        LabelledCase(case, str(n), {"nodule": float(n % 2), "effusion": float(n % 2)})
        for n, case in enumerate(cases)
    ]
    pack = load_pack(untrained_pack(folder, inputs, labelled))
    weights = pack.network.state_dict()
    copied = [name for name in weights if TWIN.value in name.split(".")]
    for name in copied:
        weights[name] = weights[name.replace(TWIN.value, SPIROMETRY.value)]
    pack.network.load_state_dict(weights)
    # The answers stored with the pack are of the weights before the twins became equal.
    return Engine(replace(pack, reference=replace(pack.reference, answers=None)))


def explain(folder: Path) -> dict[str, object]:
    cases = [case_from_files(files_of(index, folder)) for index in range(PATIENTS)]
    engine = twin_engine(folder, cases)
    with untried():
        ledger = engine.explain(cases[3], TARGET)
    return {
        "signed": {c.modality.value: c.signed for c in ledger.contributions},
        "bands": {c.modality.value: c.band for c in ledger.contributions},
        "sums": {m.value: p.sum for m, p in ledger.parts.items()},
        "items": {m.value: [i.signed for i in p.items] for m, p in ledger.parts.items()},
        "interactions": {f"{i.a.value} {i.b.value}": i.value for i in ledger.interactions},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(explain(Path(sys.argv[1]))))
