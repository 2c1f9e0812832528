"""A sixth modality all the way: files, case, pack, score, ledger, result document, PDF.

Runs in a process of its own, because modalities once declared are known to everything in it.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mmcore.datasets.labelled import LabelledCase
from mmcore.engine import Engine
from mmcore.intake import RawFile, case_from_files
from mmcore.modalities.image import ImageConfig
from mmcore.modalities.note import NoteConfig
from mmcore.records import Case, Modality
from mmcore.report import read_result, render_pdf, result_document, write_result
from mmcore.report.reading import read_document
from mmcore.serve.scoring import score_case
from mmcore.simulate import sample_patient
from mmcore.simulate.cohort import patient_id
from mmcore.simulate.dicom_writer import write_image
from tests.unit.modalities.laws import (
    assert_absence_is_one_input,
    assert_gradients_reach_everything,
    assert_rows_do_not_mix,
)
from tests.unit.modalities.sixth import spirometry_encoder
from tests.unit.modalities.sixth.spirometry_file import HEADER, SPIROMETRY
from tests.unit.modalities.untrained import untrained_pack

SEED, PATIENTS = 6, 12
TARGET = "nodule"


def files_of(index: int, folder: Path) -> list[RawFile]:
    patient = sample_patient(SEED, index, rows=64)
    write_image(patient, folder / "image.dcm")
    volume = np.linspace(0.0, 4.0, 60)
    flow = (9.0 - index / 4) * volume * np.exp(-volume * (1 + index / 20))
    lines = "\n".join(f"{v:.3f},{f:.3f}" for v, f in zip(volume, flow, strict=True))
    return [
        RawFile("image.dcm", (folder / "image.dcm").read_bytes()),
        RawFile("note.txt", patient.note.encode()),
        RawFile("curve.csv", HEADER + f"{patient_id(patient)}\n{lines}\n".encode()),
    ]


def journey(folder: Path) -> dict[str, object]:
    cases = [case_from_files(files_of(index, folder)) for index in range(PATIENTS)]
    inputs: dict[Modality, object] = {
        Modality.IMAGE: ImageConfig("cnn", 32, 1, {"channels": (4, 8, 8, 16)}, 0.5, 0.25),
        Modality.NOTE: NoteConfig(32, "lstm", {"vocab_size": 300, "embedding": 8, "hidden": 8}),
        SPIROMETRY: spirometry_encoder.SpirometryConfig(),
    }
    labelled = [
        LabelledCase(case, str(n), {"nodule": float(n % 2), "effusion": float(n % 2)})
        for n, case in enumerate(cases)
    ]
    engine = Engine.load(untrained_pack(folder, inputs, labelled))
    result = score_case(engine, cases[3])
    write_result(result_document(result), folder / "result.json")
    document = read_result(folder / "result.json")
    again = next(t for t in read_document(document).targets if t.name == TARGET)
    ledger = result.explanations[TARGET]
    parts = ledger.parts[SPIROMETRY]
    _check_laws(engine)
    return {
        "kinds": [f"{f.kind}: {f.verdict}" for f in cases[3].files],
        "modalities": [m.value for m in engine.modalities],
        "base": ledger.base,
        "logit": ledger.logit,
        "signed": {c.modality.value: c.signed for c in ledger.contributions},
        "passed": parts.passed,
        "sum": parts.sum,
        "items": [[item.what, item.signed] for item in parts.items],
        "read": {m.value: part.sum for m, part in again.parts.items()},
        "without": _without(engine, cases[3]),
        "pdf": render_pdf(document)[:5].decode(),
    }


def _without(engine: Engine, case: Case) -> list[str]:
    """Return what is missing of a case that has no such file."""
    bare = replace(case, digest="bare", attachments={})
    gate = engine.predict(bare).gate_of(TARGET)
    return [*(m.value for m in engine.predict(bare).missing), gate.reason]


def _check_laws(engine: Engine) -> None:
    config = spirometry_encoder.SpirometryConfig()
    encoder = spirometry_encoder.SpirometryEncoder(config, 8)
    inputs = torch.rand(3, config.points, 2)
    assert_rows_do_not_mix(encoder, inputs)
    assert_absence_is_one_input(encoder, inputs)
    assert_gradients_reach_everything(encoder, inputs)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(journey(Path(sys.argv[1]))))
