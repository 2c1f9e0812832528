"""How final a result is, said alike of HL7 v2 and of FHIR.

Only final and corrected results are read. What is preliminary may still change and is named apart;
a correction replaces what it corrects, and what was withdrawn takes its result along. HL7 v2.5.1
table 0085; FHIR R4 and R5 ObservationStatus, DiagnosticReportStatus, CompositionStatus; HL7 v3
ActStatus.
"""

from enum import StrEnum

from mmcore.language import Text, say


class Standing(StrEnum):
    """What may be done with a result."""

    FINAL = "final"
    CORRECTED = "corrected"
    PRELIMINARY = "preliminary"
    PENDING = "pending"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"

    @property
    def is_read(self) -> bool:
        """Whether the result is taken for what it says."""
        return self in (Standing.FINAL, Standing.CORRECTED)


ASIDE: dict[Standing, Text] = {
    Standing.PRELIMINARY: say("{n} preliminary results that may still change"),
    Standing.PENDING: say("{n} results that are not there yet"),
    Standing.WITHDRAWN: say("{n} results that were withdrawn or are wrong"),
    Standing.UNKNOWN: say("{n} results that do not say whether they are final"),
}
"""What of it was kept aside, in words with a number to fill in."""

REPLACED = say("{n} results of which a later version is there")

_OF_HL7 = {
    "F": Standing.FINAL, "C": Standing.CORRECTED,
    "P": Standing.PRELIMINARY, "R": Standing.PRELIMINARY, "S": Standing.PRELIMINARY,
    "I": Standing.PENDING, "O": Standing.PENDING, "N": Standing.PENDING,
    "X": Standing.WITHDRAWN, "D": Standing.WITHDRAWN, "W": Standing.WITHDRAWN,
}  # fmt: skip
_OF_FHIR = {
    "final": Standing.FINAL, "current": Standing.FINAL,
    "amended": Standing.CORRECTED, "corrected": Standing.CORRECTED, "appended": Standing.CORRECTED,
    "preliminary": Standing.PRELIMINARY, "partial": Standing.PRELIMINARY,
    "modified": Standing.PRELIMINARY,
    "registered": Standing.PENDING, "specimen-in-process": Standing.PENDING,
    "cancelled": Standing.WITHDRAWN, "entered-in-error": Standing.WITHDRAWN,
    "superseded": Standing.WITHDRAWN, "deprecated": Standing.WITHDRAWN,
}  # fmt: skip


_OF_CDA = {
    "completed": Standing.FINAL, "active": Standing.PRELIMINARY,
    "new": Standing.PENDING, "held": Standing.PENDING, "suspended": Standing.PENDING,
    "aborted": Standing.WITHDRAWN, "cancelled": Standing.WITHDRAWN,
    "nullified": Standing.WITHDRAWN, "obsolete": Standing.WITHDRAWN,
}  # fmt: skip


def of_hl7(code: str) -> Standing:
    """Return the standing of an OBX-11 other than U, which speaks of an earlier segment."""
    return _OF_HL7.get(code, Standing.UNKNOWN)


def of_cda(code: str) -> Standing:
    """Return the standing of a statusCode of CDA."""
    return _OF_CDA.get(code, Standing.UNKNOWN)


def of_fhir(status: object) -> Standing:
    """Return the standing of a FHIR status code."""
    return _OF_FHIR.get(status, Standing.UNKNOWN) if isinstance(status, str) else Standing.UNKNOWN
