"""What truly drives one target of one patient, by modality."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.thorax import LUNGS
from mmcore.simulate import Finding, PhantomPatient
from mmcore.simulate.evidence import lab_evidence

BoolArray = npt.NDArray[np.bool_]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What speaks for one finding that is there. What is empty is not known or not there.

    mask: (rows, columns) of the stored image: where the film shows it. spans: (start, end)
    characters of the note that assert it. shifted: LOINC codes whose latest value it moved;
    changed: whose course. evidence: by LOINC code, the log-likelihood ratio of the latest value for
    the finding; course: what the earlier values add. sounds: (first s, last s, lowest Hz, highest
    Hz) of what is heard of it. variants: by identifier, the log-likelihood ratio of a
    genotype that bears on it. lungs: (rows, columns), where a reader outlined them.
    """

    mask: BoolArray | None = None
    lungs: BoolArray | None = None
    spans: tuple[tuple[int, int], ...] = ()
    shifted: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    evidence: Mapping[str, float] = field(default_factory=dict)
    course: Mapping[str, float] = field(default_factory=dict)
    sounds: tuple[Box, ...] = ()
    variants: Mapping[str, float] = field(default_factory=dict)


def truth_of_phantom(patient: PhantomPatient, finding: Finding) -> Truth:
    """Return what truly speaks for a ``finding`` that the simulated patient has."""
    truth = patient.truth
    mask = truth.masks.get(finding)
    evidence, course = lab_evidence(patient, finding)
    return Truth(
        mask=mask if mask is not None and mask.any() else None,
        lungs=truth.lungs,
        spans=tuple(
            (p.start, p.end)
            for p in truth.phrases
            if p.finding == finding and p.assertion == "asserted"
        ),
        shifted=frozenset(lab.loinc for lab in truth.labs if lab.finding == finding),
        changed=frozenset(trend.loinc for trend in truth.trends if trend.finding == finding),
        evidence=evidence,
        course=course,
        sounds=tuple(
            (s.start_s, s.end_s, s.low_hz, s.high_hz)
            for s in truth.sounds
            if s.finding == finding and not s.is_mimic
        ),
        variants={v.variant_id: v.weight for v in truth.variants if v.finding == finding},
    )


def truth_of_readers(labelled: LabelledCase, target: str) -> Truth:
    """Return where readers drew boxes for ``target`` and the lungs; no more is known."""
    rows, columns = labelled.case.instances[0].pixels.shape[1:3]
    boxes = labelled.boxes.get(target, ())
    mask = np.zeros((rows, columns), bool)
    for row, column, height, width in boxes:
        mask[round(row) : round(row + height), round(column) : round(column + width)] = True
    return Truth(mask=mask if mask.any() else None, lungs=labelled.masks.get(LUNGS))


def mask_on_grid(mask: BoolArray, box: Box, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return by cell of a grid over ``box`` which part of it ``mask`` covers, in [0, 1].

    box: (row, column, rows, columns) of the stored image; beyond the image nothing is covered.
    """
    total = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    total[1:, 1:] = mask.cumsum(0).cumsum(1)
    rows = _edges(box[0], box[2], shape[0], mask.shape[0])
    columns = _edges(box[1], box[3], shape[1], mask.shape[1])
    inside = np.diff(np.diff(total[np.ix_(rows, columns)], axis=0), axis=1)
    area = (box[2] / shape[0]) * (box[3] / shape[1])
    result: npt.NDArray[np.float64] = np.clip(inside / area, 0.0, 1.0)
    return result


def cells_of(share: npt.NDArray[np.float64]) -> BoolArray:
    """Return the cells that are truth: at least half covered, or all touched if none is."""
    half: BoolArray = share >= 0.5
    return half if half.any() else share > 0.0


def _edges(start: float, length: float, count: int, stored: int) -> npt.NDArray[np.intp]:
    edges = np.rint(start + length * np.arange(count + 1) / count)
    return np.clip(edges, 0, stored).astype(np.intp)
