"""The frozen records that cross module borders: what came in, and what the model said of it.

Plain values and NumPy arrays only; no tensor and no library object leaves ``mmcore``. Absence is
``None`` or an empty tuple, never a zero that looks like data. Page, PDF, JSON and every export are
views of these same records, so they can not disagree.
"""

from mmcore.records.case import (
    Case,
    FileVerdict,
    Instance,
    Note,
    Observation,
    Patient,
    PixelArray,
    Recording,
    Section,
    Series,
    SourceFile,
    Study,
    Variant,
    Window,
)
from mmcore.records.modality import Modality
from mmcore.records.result import (
    Contribution,
    Explanation,
    FloatArray,
    GateVerdict,
    Interaction,
    PackIdentity,
    PartItem,
    Parts,
    PartTest,
    Place,
    Prediction,
    Result,
    TargetGate,
    TargetPrediction,
)

__all__ = [
    "Case",
    "Contribution",
    "Explanation",
    "FileVerdict",
    "FloatArray",
    "GateVerdict",
    "Instance",
    "Interaction",
    "Modality",
    "Note",
    "Observation",
    "PackIdentity",
    "PartItem",
    "PartTest",
    "Parts",
    "Patient",
    "PixelArray",
    "Place",
    "Prediction",
    "Recording",
    "Result",
    "Section",
    "Series",
    "SourceFile",
    "Study",
    "TargetGate",
    "TargetPrediction",
    "Variant",
    "Window",
]
