"""What an ideal reader of each source would make of a simulated patient, in log-odds.

The simulator's own tables give, for one finding, the log-likelihood ratio of what one source shows:
log P(shown | finding, rest) - log P(shown | no finding, rest), where the rest is the truth of the
other findings. Given the findings the sources fail independently (``mmcore.simulate.causal``), so
log-odds add up, and in an additive game the Shapley value of a source is its own term.

What is exact and what is not:

- note: exact for the statement about the finding, by ``ASSERTION_TABLE``. That a note names smoking
  and an adjective for strength is left out.
- labs: exact up to rounding and cutting at plausible bounds, for the latest values alone or with
  the earlier ones; the strength that scales the shifts is integrated out, in each source apart,
  though one strength drives them all.
- genes: exact; causes behind findings are integrated out, given the other findings.
- sound: whether anything is heard of the finding or of a mimic. How loud it is is left out.
- image: not identifiable from the tables. What a perfect reader sees is taken to be the visual
  strength, with an error of ``READING_NOISE``; the error is an assumption, and without one a strong
  lesion would be infinite evidence.

So shares for the image hang on an assumption, those of the others on the tables. Explanations are
measured against these log-odds (``mmcore.bench``), and a model may be taught them
(``mmcore.train.teacher``).
"""

from collections.abc import Collection, Mapping
from functools import cache
from itertools import product
from math import log

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from scipy.stats import beta, norm

from mmcore.records import Modality, Observation
from mmcore.simulate import causal, course, genes, labs
from mmcore.simulate.causal import FINDINGS, Finding
from mmcore.simulate.patient import PhantomPatient

FloatArray = npt.NDArray[np.float64]

READING_NOISE = 0.1  # of a visual strength in [0, 1] as read from a film; assumed
USUAL_DOSE = 0.45 + 0.8 * 0.63  # of lab shifts at usual strength, as in ``labs``
_POINTS = 64  # of the quadrature over strength
_LATENTS = ("heart_failure", "infection", "smoker", "well")
Latents = Mapping[str, bool]


def causal_log_odds(
    patient: PhantomPatient,
    finding: Finding,
    coalition: Collection[Modality],
    *,
    reads_course: bool = True,
) -> float:
    """Return the log-odds of ``finding`` for a reader of the sources in ``coalition`` alone.

    reads_course: whether earlier labs are read too.
    """
    return prior_log_odds(finding) + sum(
        log_likelihood_ratio(patient, finding, m, reads_course=reads_course) for m in coalition
    )


def log_likelihood_ratio(
    patient: PhantomPatient, finding: Finding, modality: Modality, *, reads_course: bool = True
) -> float:
    """Return what one source says of ``finding``: its Shapley value in the causal model.

    Raises ``KeyError`` for a modality that the simulator has no table of; see ``KNOWN``.
    """
    if modality is Modality.OBSERVATIONS:
        return _labs(patient, finding, reads_course=reads_course)
    return float(_SAYS[modality](patient, finding))


@cache
def prior_log_odds(finding: Finding) -> float:
    """Return the log-odds of the finding among all simulated patients."""
    chance = sum(p * _chances(latents)[finding] for latents, p in _causes())
    return log(chance / (1.0 - chance))


def lab_evidence(
    patient: PhantomPatient, finding: Finding
) -> tuple[dict[str, float], dict[str, float]]:
    """Return by LOINC code what latest values say of ``finding``, and what their courses add.

    At the true strength, or the usual one of a finding that is absent.
    """
    strength = patient.truth.strengths[finding]
    dose = 0.45 + 0.8 * strength if strength else USUAL_DOSE
    level, trend = {}, {}
    for loinc in dict.fromkeys(o.loinc for o in patient.observations):
        linear, square = _lab_terms(patient, finding, loinc, reads_course=False)
        level[loinc] = dose * linear - dose**2 * square
        if any(o.loinc == loinc for o in patient.earlier):
            linear, square = _lab_terms(patient, finding, loinc, reads_course=True)
            trend[loinc] = dose * linear - dose**2 * square - level[loinc]
    return level, trend


def _note(patient: PhantomPatient, finding: Finding) -> float:
    said = [p.assertion for p in patient.truth.phrases if p.finding == finding]
    status = next((s for s in causal.NOTE_STATUSES if s in said), "omitted")
    at = causal.NOTE_STATUSES.index(status)
    table = causal.ASSERTION_TABLE
    return log(table[True][at] / table[False][at])


def _labs(patient: PhantomPatient, finding: Finding, *, reads_course: bool) -> float:
    strengths, weights = _strengths()
    dose = 0.45 + 0.8 * strengths
    exponent = np.zeros(len(strengths))
    for loinc in {o.loinc for o in patient.observations} & set(labs.SHIFTS[finding]):
        linear, square = _lab_terms(patient, finding, loinc, reads_course=reads_course)
        exponent += dose * linear - dose**2 * square
    return float(logsumexp(exponent, b=weights))


def _lab_terms(
    patient: PhantomPatient, finding: Finding, loinc: str, *, reads_course: bool
) -> tuple[float, float]:
    """Return a, b of the log-likelihood ratio a * dose - b * dose^2 of one code's values.

    In healthy people the values of a code are standard normal and correlate by ``OWN_LEVEL``; a
    finding moves their mean. So with d the shift at dose 1 and r what is left of the values without
    the other findings, a = d' C^-1 r and b = d' C^-1 d / 2.
    """
    latest = next(o for o in patient.observations if o.loinc == loinc)
    values = [latest]
    if reads_course:
        values += [o for o in patient.earlier if o.loinc == loinc]
    moved = {t.finding: t.shift for t in patient.truth.labs if t.loinc == loinc}
    left, shift = np.zeros(len(values)), np.zeros(len(values))
    for i, value in enumerate(values):
        hours = _hours(value, latest)
        others = sum(s * course.share_of_shift(f, hours) for f, s in moved.items() if f != finding)
        left[i] = labs.HEALTHY[loinc].z(value.value) - others
        own = labs.SHIFTS[finding].get(loinc, 0.0)
        shift[i] = own * course.share_of_shift(finding, hours)
    spread = np.full((len(values), len(values)), course.OWN_LEVEL)
    np.fill_diagonal(spread, 1.0)
    weighed = np.linalg.solve(spread, shift)
    return float(weighed @ left), float(weighed @ shift) / 2.0


def _hours(value: Observation, latest: Observation) -> float:
    if value.time is None or latest.time is None:
        raise ValueError("every simulated observation is dated")
    return (latest.time - value.time).total_seconds() / 3600.0


def _sound(patient: PhantomPatient, finding: Finding) -> float:
    silent, mimic = causal.P_INAUDIBLE[finding], causal.P_SOUND_MIMIC[finding]
    if any(s.finding == finding for s in patient.truth.sounds):
        return log((1.0 - silent) / mimic)
    return log(silent / (1.0 - mimic))


def _image(patient: PhantomPatient, finding: Finding) -> float:
    seen = patient.truth.visuals[finding]
    strengths, weights = _strengths()
    # Occult lesions are drawn with 0.01 to 0.09, mimics with 0.10 to 0.65, others with 0.
    occult = norm.pdf(seen, np.linspace(0.01, 0.09, 9), READING_NOISE).mean()
    drawn = np.hypot(READING_NOISE, 0.06)  # the film adds 0.06 of its own
    clear = float(norm.pdf(seen, strengths, drawn) @ weights)
    there = causal.P_OCCULT * occult + (1.0 - causal.P_OCCULT) * clear
    looks = 0.10 + 0.55 * _quantiles(1.6, 1.6)
    mimic = norm.pdf(seen, looks, READING_NOISE).mean()
    nothing = norm.pdf(seen, 0.0, READING_NOISE)
    absent = causal.P_MIMIC * mimic + (1.0 - causal.P_MIMIC) * nothing
    return log(there / absent)


def _genes(patient: PhantomPatient, finding: Finding) -> float:
    copies = {v.variant_id: v.copies for v in patient.variants}
    called = [locus for locus in genes.PANEL if locus.variant_id in copies and locus.tied_to]
    states: dict[Finding, bool] = dict(patient.truth.findings)
    by_state = []
    for present in (True, False):
        states[finding] = present
        terms, weights = [], []
        for latents, chance in _causes():
            has = {**latents, **{str(f): is_there for f, is_there in states.items()}}
            ways = _chances(latents)
            for name, is_there in states.items():
                chance *= ways[name] if is_there else 1.0 - ways[name]
            if not chance > 0.0:
                continue
            weights.append(chance)
            terms.append(sum(_says_locus(x, copies[x.variant_id], has[x.tied_to]) for x in called))
        by_state.append(logsumexp(terms, b=weights) - log(sum(weights)))
    return float(by_state[0] - by_state[1])


def _says_locus(locus: genes.Locus, copies: int, is_tied: bool) -> float:
    """Return the log-likelihood of a genotype, up to the number of its orders, which cancels."""
    frequency = locus.among if is_tied else locus.frequency
    return copies * log(frequency) + (2 - copies) * log(1.0 - frequency)


_SAYS = {
    Modality.IMAGE: _image,
    Modality.NOTE: _note,
    Modality.RECORDING: _sound,
    Modality.VARIANTS: _genes,
}
KNOWN = (*_SAYS, Modality.OBSERVATIONS)
"""The modalities that the causal model has a term for."""


@cache
def _strengths() -> tuple[FloatArray, FloatArray]:
    """Return strengths of a present finding with their weights, which sum to 1."""
    return 0.15 + 0.85 * _quantiles(2.4, 1.8), np.full(_POINTS, 1.0 / _POINTS)


def _quantiles(a: float, b: float) -> FloatArray:
    result: FloatArray = beta.ppf((np.arange(_POINTS) + 0.5) / _POINTS, a, b)
    return result


@cache
def _causes() -> tuple[tuple[Latents, float], ...]:
    """Return every combination of causes with its chance, over all ages."""
    ages = np.clip(norm.ppf((np.arange(400) + 0.5) / 400, 60, 16), 19, 95)
    failing = float((1.0 / (1.0 + np.exp(-(ages - 87) / 19))).mean())
    result = []
    for values in product((False, True), repeat=len(_LATENTS)):
        latents = dict(zip(_LATENTS, values, strict=True))
        spared = 0.0 if latents["well"] else 1.0
        chances = {
            "heart_failure": failing * spared,
            "infection": causal.P_INFECTION * spared,
            "smoker": causal.P_SMOKER,
            "well": causal.P_WELL,
        }
        chance = 1.0
        for name, is_there in latents.items():
            chance *= chances[name] if is_there else 1.0 - chances[name]
        if chance > 0.0:
            result.append((latents, chance))
    return tuple(result)


def _chances(latents: Latents) -> dict[Finding, float]:
    """Return the chance of every finding, given the causes; as ``causal.sample_disease`` draws."""
    if latents["well"]:
        return dict.fromkeys(FINDINGS, 0.0)
    heart, infection, smoker = (latents[x] for x in ("heart_failure", "infection", "smoker"))
    spared = (1 - causal.P_EFFUSION_BASE) * (1 - causal.P_EFFUSION_HEART_FAILURE * heart)
    return {
        "consolidation": causal.P_CONSOLIDATION[infection],
        "effusion": 1 - spared * (1 - causal.P_EFFUSION_INFECTION * infection),
        "pneumothorax": causal.P_PNEUMOTHORAX[smoker],
        "nodule": causal.P_NODULE[smoker],
        "edema": causal.P_EDEMA[heart],
        "cardiomegaly": causal.P_CARDIOMEGALY[heart],
    }
