"""What the simulator's causal model would teach of every patient: log-odds for any coalition.

A label is one draw, and says of a coalition of modalities only who had the finding. The causal
model (``mmcore.simulate.evidence``) says what each modality speaks for the finding, in log-odds
that add up: with them every coalition of a simulated patient has an answer of its own.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmcore.model.config import ModelConfig
from mmcore.records import Modality
from mmcore.simulate import FINDINGS, sample_patient
from mmcore.simulate.evidence import KNOWN, log_likelihood_ratio, prior_log_odds
from mmcore.train.cohort import MakeRow, build_rows

LATEST = "latest"  # labs whose courses are not read; all else is named by its modality
SAID = (*(m.value for m in KNOWN), LATEST)


def build_evidence(
    folder: Path, *, seed: int, patients: int, workers: int | None = None
) -> npt.NDArray[np.float32]:
    """Return (N, F, len(SAID)) log-likelihood ratios of the first patients of ``seed``.

    Columns as ``SAID``, findings as ``FINDINGS``. Kept in shards, as cohorts are; no film is drawn.
    """
    kinds: dict[MakeRow, Path] = {_evidence_row: folder / f"seed-{seed}-evidence"}
    arrays = build_rows(kinds, seed=seed, patients=patients, size=0, workers=workers)
    ratios: npt.NDArray[np.float32] = arrays["ratios"]
    return ratios


def teacher_terms(config: ModelConfig, ratios: npt.NDArray[np.float32]) -> Tensor:
    """Return (N, 1 + M, K) log-odds: of knowing nothing, then what each modality adds.

    ``ratios`` as of ``build_evidence``. NaN for targets that the causal model does not speak of; a
    modality that may not speak of a target, or that the model has no table for, adds 0.
    """
    terms = np.full((len(ratios), 1 + len(config.modalities), len(config.targets)), np.nan)
    section = config.observations
    reads_course = section is not None and section.history > 1
    for column, target in enumerate(config.targets):
        if target.truth not in FINDINGS or target.group:
            continue
        finding = FINDINGS[FINDINGS.index(target.truth)]
        terms[:, 0, column] = prior_log_odds(finding)
        for row, modality in enumerate(config.modalities, start=1):
            is_latest = modality is Modality.OBSERVATIONS and not reads_course
            said = LATEST if is_latest else modality.value
            is_heard = modality in config.inputs_of(target) and said in SAID
            terms[:, row, column] = (
                ratios[:, FINDINGS.index(finding), SAID.index(said)] if is_heard else 0.0
            )
    return torch.from_numpy(terms).float()


def _evidence_row(seed: int, index: int, size: int) -> dict[str, object]:
    patient = sample_patient(seed, index, rows=size)
    rows = []
    for finding in FINDINGS:
        row = [log_likelihood_ratio(patient, finding, m) for m in KNOWN]
        labs = Modality.OBSERVATIONS
        row.append(log_likelihood_ratio(patient, finding, labs, reads_course=False))
        rows.append(row)
    return {"ratios": np.array(rows, dtype=np.float32)}
