"""A case leaves the hospital through the browser: read, looked at, approved, and then one zip."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import FilePayload, expect

from tests.browser.clinician import Clinician
from tests.unit.deid.planted import NAME, add_pixels, base, written

pytestmark = pytest.mark.browser

NOTE = b"Patient: Zqxfamily, Zqxgiven\nMRN: ZQX-00417\n\nCough for three days.\n"
PRINTED = "ZQXFAMILY ZQX-00417"


def ultrasound() -> bytes:
    """Return an image with a name printed into its pixels."""
    image = Image.fromarray(np.tile((np.arange(640) // 5).astype(np.uint8), (480, 1)))
    font = ImageFont.load_default(size=24)
    ImageDraw.Draw(image).text((40, 20), PRINTED, fill=255, font=font)
    dataset = base("US", "1.2.840.10008.5.1.4.1.1.6.1")
    dataset.PatientName, dataset.PatientID = NAME, "ZQX-00417"
    add_pixels(dataset, np.asarray(image).copy(), stored=8)
    return written(dataset)


def files() -> list[FilePayload]:
    return [
        {"name": "zqx-us.dcm", "mimeType": "application/dicom", "buffer": ultrasound()},
        {"name": "zqx-note.txt", "mimeType": "text/plain", "buffer": NOTE},
    ]


def test_a_person_looks_approves_and_takes_one_zip_without_the_patient(
    clinician: Clinician, tmp_path: Path
) -> None:
    page = clinician.page
    clinician.add(files())
    clinician.go_to("De-identify this case")
    clinician.press("See what would change")
    expect(clinician.see("deid-note").locator("del").first).to_have_text("Zqxfamily, Zqxgiven")
    expect(clinician.see("deid-unseen")).to_be_visible()
    expect(clinician.see("deid-preview").locator("[data-verdict=stays]")).to_have_count(1)
    approve = page.get_by_role("button", name="Approve the image as it is marked")
    expect(approve).to_be_disabled()
    frames = page.get_by_role("radiogroup", name="Box ")
    for number in range(frames.count()):
        frames.nth(number).get_by_text("Goes black").click()
        expect(frames.nth(number).get_by_role("radio", name="Goes black")).to_be_checked()
    approve.click()
    expect(clinician.see("deid-unseen")).to_have_count(0)
    make = page.get_by_role("button", name="De-identify the case")
    expect(make).to_be_disabled()
    page.get_by_text("I have read the notes and looked at the images").click()
    make.click()
    expect(clinician.see("deid-made")).to_be_visible()
    with page.expect_download() as download:
        clinician.press("Download the zip")
    assert download.value.suggested_filename.startswith("consilium-P-")
    download.value.save_as(tmp_path / "case.zip")
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert set(inside) == {"image-001.dcm", "note-001.txt", "report.json"}
    assert not [name for name, data in inside.items() if b"zqx" in data.lower()]
    left = pydicom.dcmread(io.BytesIO(inside["image-001.dcm"]))
    assert left.BurnedInAnnotation == "NO"
    assert left.pixel_array.max() < 200, "the print is black"
    assert json.loads(inside["report.json"])["left_out"] == []
