"""What a pack says of labelled cases, collected once so that every figure is of the same run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from mmcore.datasets.labelled import LabelledCase
from mmcore.engine import Engine
from mmcore.errors import NothingToScoreError
from mmcore.evaluate.segmentation import dice, iou

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """How well one region was outlined in the images where its true outline is known.

    dice, iou: one per image. patients: whose image each is.
    """

    dice: FloatArray
    iou: FloatArray
    patients: npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What a pack said of N labelled cases.

    values: (N, 2^M, K) calibrated values of every coalition. labels: (N, K), NaN where unknown.
    patients: (N,) whose case each is. subgroups: (N,) words per name, "" where unknown. outlines:
    by region. skipped: cases that hold no input of the pack.
    """

    values: FloatArray
    labels: FloatArray
    patients: npt.NDArray[np.str_]
    subgroups: Mapping[str, npt.NDArray[np.str_]]
    outlines: Mapping[str, Overlap]
    skipped: int


def run(engine: Engine, cases: Iterable[LabelledCase], *, total: int | None = None) -> Outputs:
    """Score every case with every subset of its modalities, and outline what was outlined.

    A target that a case is not labelled for counts as unknown, never as absent. Raises
    ``ValueError`` if there is no case to score.
    """
    names = [t.name for t in engine.pack.config.targets]
    values, labels, patients, words = [], [], [], []
    overlaps: dict[str, list[tuple[float, float, str]]] = {}
    skipped = 0
    for labelled in tqdm(cases, total=total, desc="evaluating", unit=" cases"):
        try:
            values.append(engine.coalition_values(labelled.case))
        except NothingToScoreError:
            skipped += 1
            continue
        labels.append([labelled.labels.get(name, np.nan) for name in names])
        patients.append(labelled.patient)
        words.append(labelled.subgroups)
        known = [name for name in engine.outlined_regions if name in labelled.masks]
        drawn = engine.outlines(labelled.case) if known else {}
        for name in known:
            if name in drawn:
                pair = labelled.masks[name], drawn[name] >= 0.5
                overlaps.setdefault(name, []).append((dice(*pair), iou(*pair), labelled.patient))
    if not values:
        raise ValueError("no case holds an input of this model")
    groups = dict.fromkeys(name for row in words for name in row)
    return Outputs(
        values=np.stack(values),
        labels=np.array(labels, dtype=np.float64),
        patients=np.array(patients),
        subgroups={name: np.array([row.get(name, "") for row in words]) for name in groups},
        outlines={
            name: Overlap(
                np.array([row[0] for row in rows]),
                np.array([row[1] for row in rows]),
                np.array([row[2] for row in rows]),
            )
            for name, rows in overlaps.items()
        },
        skipped=skipped,
    )
