"""What every refused DICOM file must keep: its time bound, and silence about the patient."""

import pytest

from mmcore.errors import FileRefusedError
from mmcore.intake.worker import decode_dicom
from tests.clocks import computed_within
from tests.unit.intake.make_dicom import make_dicom

WORDS_OF_THE_PATIENT = ("Doe", "Jane", "00123", "1.2.3.4")


def refusal(data: bytes, *, seconds: float = 2.0) -> FileRefusedError:
    decode_dicom(make_dicom(), digest="warm")
    with computed_within(seconds), pytest.raises(FileRefusedError) as caught:
        decode_dicom(data, digest="")
    assert not any(word in caught.value.detail for word in WORDS_OF_THE_PATIENT)
    return caught.value
