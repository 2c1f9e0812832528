"""Codes of findings and of what is said about them.

A finding has a SNOMED CT code where its display name means exactly that concept, and a code of our
private scheme, made of its name in the pack, everywhere else: a code that nearly fits would be read
as one that does. ``Pneumonia or lung opacity`` is neither pneumonia nor lung opacity. Every code
has a source that was read: the tables of PS3.16 as pydicom holds them, or what ``ELSEWHERE`` names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mmcore.calls import Call
from mmcore.records import GateVerdict, Modality, Presence
from mmcore.report.reading import ReportedTarget

SCHEME = "99CONSILIUM"
SYSTEM = "urn:uuid:f08ddaba-7f87-5f58-a9ef-d9ac2ecf3506"
"""Our private scheme in DICOM and in FHIR."""
SNOMED = "http://snomed.info/sct"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"


@dataclass(frozen=True, slots=True)
class Coded:
    """A code value with its DICOM coding scheme designator and its meaning."""

    value: str
    scheme: str
    meaning: str

    @property
    def system(self) -> str:
        """The scheme as FHIR names it."""
        return {"SCT": SNOMED, "DCM": DICOM, SCHEME: SYSTEM}[self.scheme]


def ours(value: str, meaning: str) -> Coded:
    """Return a code of our private scheme, within the 16 and 64 characters of PS3.5 6.2."""
    return Coded(value[:16], SCHEME, meaning[:64])


_SNOMED: Mapping[str, str] = {
    "Pleural effusion": "60046008",
    "Pneumothorax": "36118008",
    "Pulmonary edema": "19242006",
    "Consolidation": "95436008",
    "Atelectasis": "46621007",
    "Severity": "246112005",
}
ELSEWHERE: Mapping[str, str] = {
    "95436008": "HL7 Lithuania, lung cancer guide 0.0.1: Lung consolidation (disorder)",
    "46621007": "Medizininformatik-Initiative, onco map, SNOMED CT 2025-07: Atelectasis",
    "399208008": "eHealth Platform Belgium, value set 1.0.0: Plain X-ray of chest (procedure)",
    "169069000": "HL7 FHIR R4, example condition f002: CT of thorax",
}
"""Where each SNOMED CT code is found that PS3.16 does not list. Of cardiomegaly PS3.16 has another
code (287272002) than the lists of others (8186001), so it has none here but ours."""
PRESENT, ABSENT = Coded("52101004", "SCT", "Present"), Coded("272519000", "SCT", "Absent")
"""PS3.16 CID 240."""
CALL: Mapping[Call, Coded] = {
    Call.PRESENT: PRESENT,
    Call.FLAGGED: ours("flagged", "Flagged: reaches its operating point, below 50 %"),
    Call.BORDERLINE: ours("borderline", "Borderline: its interval reaches its operating point"),
    Call.UNFLAGGED: ours("not-flagged", "Not flagged: below its operating point, from 50 % on"),
    Call.ABSENT: ABSENT,
}
CHEST_FILM = Coded("399208008", "SCT", "Plain X-ray of chest")
CHEST_CT = Coded("169069000", "SCT", "CT of chest")
REPORT_TITLE = Coded("18748-4", "LN", "Diagnostic Imaging Report")
"""PS3.16 CID 7000."""
PRESENCE: Mapping[Presence, Coded] = {
    Presence.PRESENT: PRESENT,
    Presence.ABSENT: ABSENT,
    Presence.UNSURE: ours("unsure", "Unsure"),
}
VERDICT: Mapping[GateVerdict, Coded] = {
    GateVerdict.SCORED: ours("scored", "Scored"),
    GateVerdict.CAUTION: ours("scored-caution", "Scored with caution"),
}
PROBABILITY = Coded("122157", "DCM", "Probability")
LOW, HIGH = (
    ours("interval-90-low", "Lower end of the 90 % interval"),
    ours("interval-90-high", "Upper end of the 90 % interval"),
)
POINT = ours("operating-point", "Operating point, probability")
CALLED = ours("called", "Called at the operating point")
TRUST = ours("trust-verdict", "Trust verdict")
READ = ours("reader-says", "The reader says")
EVIDENCE = ours("evidence", "Strongest evidence")
SALIENCY = Coded("130404", "DCM", "Saliency")


def finding_code(target: ReportedTarget) -> Coded:
    """Return the code of a finding."""
    code = _SNOMED.get(target.display)
    if code is not None:
        return Coded(code, "SCT", target.display)
    return ours(re.sub(r"[^a-z0-9-]", "-", target.name.lower()), target.display)


def base_code(target: ReportedTarget) -> Coded:
    """Return the code of what a target is with every input at its baseline."""
    if target.kind == "finding":
        return ours("base", "Log-odds with every input at its baseline")
    return ours("base-value", "Value with every input at its baseline")


def contribution_code(target: ReportedTarget, modality: Modality) -> Coded:
    """Return the code of how far one input moved a finding's log-odds, or a value."""
    if target.kind == "finding":
        return ours(f"by-{modality}", f"Log-odds moved by {modality.subject}")
    return ours(f"v-by-{modality}", f"Value moved by {modality.subject}")
