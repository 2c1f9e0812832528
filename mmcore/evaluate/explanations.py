"""Whether explanations as they are shown point at what truly drove the output.

A short check of a whole pack, on what a reader gets: parts that failed one of their tests are
withheld here as they are on the page. The bench (``mmcore.bench``) compares methods and controls.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from mmcore.bench.score import figures_of
from mmcore.bench.truth import truth_of_phantom
from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.model.prepared import PreparedCase
from mmcore.records import Explanation, Modality
from mmcore.simulate import FINDINGS, PhantomPatient

VISIBLE = 0.1  # a present lesion of less visual strength is occult: the film does not show it
_COUNTED = {
    Modality.IMAGE: ("pointing", "peak_in_lesion"),
    Modality.NOTE: ("top", "top_clause_is_true"),
    Modality.OBSERVATIONS: ("top", "top_lab_is_true"),
    Modality.RECORDING: ("top", "top_sound_is_true"),
    Modality.VARIANTS: ("top", "top_variant_is_true"),
}


@dataclass(slots=True)
class ExplanationFigures:
    """Counts and errors over correctly called findings ("correct positives").

    additivity: largest |base + contributions - logit|. part_errors: |sum of parts - contribution|
    over |contribution|, one per explained modality. hits: by figure, 1 where the overlay's peak or
    the top item is one that truly speaks for the finding, 0 where it is not, nothing where there
    is none. withheld: parts that failed a test.
    """

    explained: int = 0
    additivity: float = 0.0
    part_errors: list[float] = field(default_factory=list)
    hits: dict[str, list[float]] = field(default_factory=dict)
    withheld: int = 0

    def summary(self) -> dict[str, float]:
        """Return the figures as rates; NaN where nothing could be counted."""
        errors = np.array(self.part_errors or [float("nan")])
        names = [name for _, name in _COUNTED.values()]
        return {
            "explained": self.explained,
            "withheld": self.withheld,
            "additivity_error_max": self.additivity,
            "part_error_median": float(np.median(errors)),
            "part_error_p95": float(np.percentile(errors, 95)),
            "parts_within_2_percent": float(np.mean(errors <= 0.02)),
            **{name: self._rate(name) for name in (*names, "peak_in_visible_lesion")},
        }

    def _rate(self, name: str) -> float:
        hits = self.hits.get(name)
        return float(np.mean(hits)) if hits else float("nan")


def check_explanations(engine: Engine, patients: Iterable[PhantomPatient]) -> ExplanationFigures:
    """Explain every correctly called finding of every patient and compare with the truth."""
    figures = ExplanationFigures()
    for patient in patients:
        case = phantom_case(patient)
        prediction, prepared = engine.predict(case), engine.prepare(case)
        for target in prediction.targets:
            if target.is_positive and any(
                f == target.name and patient.truth.findings[f] for f in FINDINGS
            ):
                _count(figures, engine.explain(case, target.name), patient, prepared)
    return figures


def _count(
    figures: ExplanationFigures,
    ledger: Explanation,
    patient: PhantomPatient,
    prepared: PreparedCase,
) -> None:
    figures.explained += 1
    finding = next(f for f in FINDINGS if f == ledger.target)
    signed = {c.modality: c.signed for c in ledger.contributions}
    gap = abs(ledger.base + sum(signed.values()) - ledger.logit)
    figures.additivity = float(np.maximum(figures.additivity, gap))  # max() would drop a NaN
    truth = truth_of_phantom(patient, finding)
    for modality, parts in ledger.parts.items():
        figures.part_errors.append(abs(parts.completeness_error) / max(abs(signed[modality]), 1e-9))
        figures.withheld += not parts.passed
        found = figures_of(parts, truth, prepared, contribution=signed[modality])
        measured, name = _COUNTED.get(modality, ("", ""))
        if measured in found:
            figures.hits.setdefault(name, []).append(found[measured])
            if modality is Modality.IMAGE and patient.truth.visuals[finding] > VISIBLE:
                figures.hits.setdefault("peak_in_visible_lesion", []).append(found[measured])
