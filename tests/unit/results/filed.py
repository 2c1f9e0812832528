"""A film on the disk and a result made from it: what is filed in these tests."""

import hashlib
import io
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
import pytest

from mmcore.records import Case, FileVerdict, GateVerdict, Result, SourceFile, TargetGate
from mmcore.report import Document, result_document, sign
from tests.unit.report.factories import (
    IMAGE,
    make_case,
    make_explanation,
    make_instance,
    make_pixels,
    make_result,
    make_target,
)

FILM = Path("assets/demo/heart-failure/image.dcm")
STUDY = "1.2.826.0.1.3680043.8.498.77"
SIGNED_AT = datetime(2024, 3, 6, 9, 30, tzinfo=UTC)


def film(**changes: Any) -> bytes:
    """Return a DX image of a patient with the pixels of the factories, and ``changes`` to it."""
    dataset = pydicom.dcmread(FILM)
    dataset.PatientName, dataset.PatientID = "Rivera^Ana", "P-0042"
    dataset.PatientBirthDate, dataset.PatientSex = "19610709", "F"
    dataset.StudyInstanceUID, dataset.AccessionNumber = STUDY, "A-1047"
    pixels = make_pixels()[0]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = pixels.astype("<u2").tobytes()
    for keyword, value in changes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@cache
def standard_film() -> bytes:
    return film()


def case_with(data: bytes) -> Case:
    """Return a case whose key image is the film with these bytes."""
    digest = hashlib.sha256(data).hexdigest()
    case = make_case((make_instance(digest=digest),))
    used = SourceFile("film.dcm", digest, len(data), "dicom", FileVerdict.USED)
    return replace(case, files=(used, *case.files[1:]))


def result_with(data: bytes | None = None, **changes: Any) -> Result:
    return make_result(case=case_with(data or standard_film()), **changes)


def document_with(data: bytes | None = None, **changes: Any) -> Document:
    return result_document(result_with(data, **changes))


def signed(document: Document, name: str = "Dr Ada Byron") -> Document:
    return sign(document, name=name, account=None, at=SIGNED_AT)


def withholding(name: str) -> dict[str, TargetGate]:
    return {name: TargetGate(name, GateVerdict.WITHHELD, "The view is lateral.", IMAGE)}


def failing_image(name: str = "pneumonia") -> dict[str, Any]:
    """Return explanations in which the evidence inside the image failed its tests."""
    explanation = make_explanation(make_target(name))
    part = replace(
        explanation.parts[IMAGE], passed=False, reason="It moved under noise.", items=(),
        overlay=None, overlay_box=None,
    )  # fmt: skip
    return {name: replace(explanation, parts=dict(explanation.parts) | {IMAGE: part})}


def read(data: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(data))


def run_tool(tool: str, *arguments: str | Path) -> str:
    """Return what a tool of another maker prints; skip where it is not installed."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed (make peers)")
    done = subprocess.run(
        [tool, *map(str, arguments)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout + done.stderr
