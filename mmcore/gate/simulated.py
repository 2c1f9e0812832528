"""Whether a case is of a simulated patient, which a model of real ones was never meant for."""

import re

from mmcore.records import Patient

_IDENTIFIER = re.compile(r"PHANTOM-\d+-\d+")
"""What ``mmcore.simulate`` writes into every file of a patient; physical phantoms are no patients
either."""


def is_simulated(patient: Patient) -> bool:
    """Return whether the files say that the patient is simulated."""
    return _IDENTIFIER.fullmatch(patient.patient_id or "") is not None
