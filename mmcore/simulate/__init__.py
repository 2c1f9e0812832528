"""Seeded simulated patients whose truth is known to the pixel, the phrase and the lab value.

A cohort is streamed: ``sample_patient(seed, index)`` depends on these two numbers only.
"""

from mmcore.simulate.causal import FINDINGS, Finding
from mmcore.simulate.cohort import write_cohort, write_patient
from mmcore.simulate.labs import TruthLab
from mmcore.simulate.note import TruthPhrase
from mmcore.simulate.patient import PhantomPatient, PhantomTruth, render_without, sample_patient

__all__ = [
    "FINDINGS",
    "Finding",
    "PhantomPatient",
    "PhantomTruth",
    "TruthLab",
    "TruthPhrase",
    "render_without",
    "sample_patient",
    "write_cohort",
    "write_patient",
]
