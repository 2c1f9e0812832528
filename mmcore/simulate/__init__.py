"""Seeded simulated patients whose truth is known to the pixel, phrase, lab, sound and genotype.

A cohort is streamed: ``sample_patient(seed, index)`` depends on these two numbers only.
"""

from mmcore.simulate.causal import FINDINGS, Finding
from mmcore.simulate.cohort import write_cohort, write_patient
from mmcore.simulate.course import TruthTrend
from mmcore.simulate.genes import TruthVariant
from mmcore.simulate.labs import TruthLab
from mmcore.simulate.note import TruthPhrase
from mmcore.simulate.patient import (
    PhantomCourse,
    PhantomExtras,
    PhantomPatient,
    PhantomTruth,
    render_without,
    sample_course,
    sample_extras,
    sample_patient,
)
from mmcore.simulate.sound import TruthSound

__all__ = [
    "FINDINGS",
    "Finding",
    "PhantomCourse",
    "PhantomExtras",
    "PhantomPatient",
    "PhantomTruth",
    "TruthLab",
    "TruthPhrase",
    "TruthSound",
    "TruthTrend",
    "TruthVariant",
    "render_without",
    "sample_course",
    "sample_extras",
    "sample_patient",
    "write_cohort",
    "write_patient",
]
