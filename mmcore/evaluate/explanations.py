"""Whether explanations point at what truly drove the output, on patients whose truth is known."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import numpy as np

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.modalities.recording import CELL_SECONDS
from mmcore.records import Explanation, FloatArray, Modality
from mmcore.simulate import PhantomPatient

VISIBLE = 0.1  # a present lesion of less visual strength is occult: the film does not show it


@dataclass(slots=True)
class ExplanationFigures:
    """Counts and errors over correctly called findings ("correct positives").

    additivity: largest |base + contributions - logit|. part_errors: |sum of parts - contribution|
    over |contribution|, one per explained modality. pointing: overlay peaks inside the lesion, of
    all and of visible lesions. clauses, labs, sounds, variants: top item for the finding is one
    that truly speaks for it, where there is one. withheld: parts that failed their test.
    """

    explained: int = 0
    additivity: float = 0.0
    part_errors: list[float] = field(default_factory=list)
    pointed: int = 0
    lesions: int = 0
    visible_pointed: int = 0
    visible_lesions: int = 0
    clauses_named: int = 0
    clauses: int = 0
    labs_named: int = 0
    labs: int = 0
    sounds_named: int = 0
    sounds: int = 0
    variants_named: int = 0
    variants: int = 0
    withheld: int = 0

    def summary(self) -> dict[str, float]:
        """Return the figures as rates; NaN where nothing could be counted."""
        counts = {k: v for k, v in asdict(self).items() if k in ("explained", "withheld")}
        errors = np.array(self.part_errors or [float("nan")])
        return {
            **counts,
            "additivity_error_max": self.additivity,
            "part_error_median": float(np.median(errors)),
            "part_error_p95": float(np.percentile(errors, 95)),
            "parts_within_2_percent": float(np.mean(errors <= 0.02)),
            "peak_in_lesion": _rate(self.pointed, self.lesions),
            "peak_in_visible_lesion": _rate(self.visible_pointed, self.visible_lesions),
            "top_clause_is_true": _rate(self.clauses_named, self.clauses),
            "top_lab_is_true": _rate(self.labs_named, self.labs),
            "top_sound_is_true": _rate(self.sounds_named, self.sounds),
            "top_variant_is_true": _rate(self.variants_named, self.variants),
        }


def check_explanations(engine: Engine, patients: Iterable[PhantomPatient]) -> ExplanationFigures:
    """Explain every correctly called finding of every patient and compare with the truth."""
    figures = ExplanationFigures()
    for patient in patients:
        case = phantom_case(patient)
        present = {str(name) for name, is_there in patient.truth.findings.items() if is_there}
        prediction = engine.predict(case)
        for target in prediction.targets:
            if target.is_positive and target.name in present:
                _count(figures, engine.explain(case, target.name), patient)
    return figures


def _count(figures: ExplanationFigures, ledger: Explanation, patient: PhantomPatient) -> None:
    figures.explained += 1
    signed = {c.modality: c.signed for c in ledger.contributions}
    gap = abs(ledger.base + sum(signed.values()) - ledger.logit)
    figures.additivity = float(np.maximum(figures.additivity, gap))  # max() would drop a NaN
    for modality, parts in ledger.parts.items():
        figures.part_errors.append(abs(parts.completeness_error) / max(abs(signed[modality]), 1e-9))
        figures.withheld += not parts.passed
    truth = patient.truth
    visuals = {str(name): visual for name, visual in truth.visuals.items()}
    masks = {str(name): mask for name, mask in truth.masks.items()}
    image = ledger.parts.get(Modality.IMAGE)
    if image is not None and image.overlay is not None and masks[ledger.target].any():
        row, column = peak(image.overlay, image.overlay_box or (0.0, 0.0, 1.0, 1.0))
        inside = bool(masks[ledger.target][row, column])
        figures.lesions += 1
        figures.pointed += inside
        if visuals[ledger.target] > VISIBLE:
            figures.visible_lesions += 1
            figures.visible_pointed += inside
    note = ledger.parts.get(Modality.NOTE)
    spoken = [p for p in truth.phrases if p.finding == ledger.target and p.assertion == "asserted"]
    if note is not None and note.passed and spoken:
        best = max(note.items, key=lambda item: item.signed)
        start, end = (int(x) for x in best.where)
        figures.clauses += 1
        figures.clauses_named += any(p.start < end and start < p.end for p in spoken)
    labs = ledger.parts.get(Modality.OBSERVATIONS)
    shifted = {lab.loinc for lab in truth.labs if lab.finding == ledger.target}
    if labs is not None and labs.passed and shifted & {str(i.where[0]) for i in labs.items}:
        best = max(labs.items, key=lambda item: item.signed)
        figures.labs += 1
        figures.labs_named += best.where[0] in shifted
    heard = [s for s in truth.sounds if s.finding == ledger.target and not s.is_mimic]
    sound = ledger.parts.get(Modality.RECORDING)
    if sound is not None and sound.passed and heard:
        best = max((i for i in sound.items if i.where), key=lambda item: item.signed)
        second = float(best.where[0])
        figures.sounds += 1
        figures.sounds_named += any(
            s.start_s - CELL_SECONDS / 2 <= second <= s.end_s + CELL_SECONDS / 2 for s in heard
        )
    genes = ledger.parts.get(Modality.VARIANTS)
    telling = {v.variant_id for v in truth.variants
               if v.finding == ledger.target and v.copies and v.weight > 0.0}  # fmt: skip
    carried = [i for i in genes.items if i.where] if genes is not None and genes.passed else []
    if telling & {str(item.where[0]) for item in carried}:
        best = max(carried, key=lambda item: item.signed)
        figures.variants += 1
        figures.variants_named += best.where[0] in telling


def peak(
    overlay: FloatArray,
    box: tuple[float, float, float, float],
) -> tuple[int, int]:
    """Return the stored pixel (row, column) under the overlay's strongest evidence for."""
    row, column = np.unravel_index(int(overlay.argmax()), overlay.shape)
    return (
        int(box[0] + (row + 0.5) * box[2] / overlay.shape[0]),
        int(box[1] + (column + 0.5) * box[3] / overlay.shape[1]),
    )


def _rate(hits: int, total: int) -> float:
    return hits / total if total else float("nan")
