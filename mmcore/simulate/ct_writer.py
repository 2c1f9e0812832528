"""Simulated CT series as CT Image Storage (PS3.3 A.3), one file per slice, with their truth.

Attributes of type 2 that a phantom can not know are present and empty, as the standard wants.
"""

import json
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from mmcore.simulate.cohort import encode_mask
from mmcore.simulate.ct import PhantomCt
from mmcore.simulate.dicom_writer import SIMULATED, add_file_meta

INTERCEPT = -1024  # stored values are unsigned


def write_ct(ct: PhantomCt, folder: Path) -> None:
    """Write ``slice-001.dcm`` and up, and ``truth.json``; the same CT gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, len(ct.values) + 1):
        dataset = make_slice(ct, number)
        dataset.save_as(folder / f"slice-{number:03d}.dcm", enforce_file_format=True)
    text = json.dumps(truth_document(ct), indent=1, allow_nan=False)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def truth_document(ct: PhantomCt) -> dict[str, Any]:
    """Return the truth as plain JSON; masks as runs over all rows of all slices, feet first."""
    slices, rows, columns = ct.values.shape
    return {
        "schema": "consilium.truth-ct/1",
        "seed": ct.seed,
        "index": ct.index,
        "shape": [slices, rows, columns],
        "findings": dict(ct.findings),
        "masks": {
            finding: encode_mask(mask.reshape(slices * rows, columns))
            for finding, mask in ct.masks.items()
        },
    }


def make_slice(ct: PhantomCt, number: int) -> Dataset:
    """Return slice ``number``, from 1 at the feet, with its file meta information."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    _add_patient_and_study(dataset, ct)
    _add_series_and_equipment(dataset, ct)
    _add_plane(dataset, ct, number)
    _add_pixels(dataset, ct, number)
    add_file_meta(dataset)
    return dataset


def _uid(ct: PhantomCt, level: str) -> str:
    """Return a UID under 2.25 (PS3.5 B.2) that follows from seed, index and level."""
    name = f"consilium/phantom-ct/{ct.seed}/{ct.index}/{ct.values.shape}/{level}"
    return f"2.25.{uuid5(NAMESPACE_OID, name).int}"


def _add_patient_and_study(dataset: Dataset, ct: PhantomCt) -> None:
    dataset.PatientName = f"Phantom^{ct.index:06d}"
    dataset.PatientID = f"PHANTOM-{ct.seed}-{ct.index}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ct.sex
    dataset.PatientAge = f"{ct.age_years:03d}Y"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Simulated, there is no patient"
    dataset.StudyInstanceUID = _uid(ct, "study")
    dataset.StudyDate, dataset.StudyTime = f"{ct.taken_at:%Y%m%d}", f"{ct.taken_at:%H%M%S}"
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "2"
    dataset.AccessionNumber = ""
    dataset.StudyDescription = "Simulated chest CT"
    dataset.TimezoneOffsetFromUTC = "+0000"


def _add_series_and_equipment(dataset: Dataset, ct: PhantomCt) -> None:
    dataset.Modality = "CT"
    dataset.SeriesInstanceUID = _uid(ct, "series")
    dataset.SeriesNumber = 1
    dataset.SeriesDate, dataset.SeriesTime = dataset.StudyDate, dataset.StudyTime
    dataset.SeriesDescription = "Simulated axial chest"
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID = _uid(ct, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = "Consilium simulator"
    dataset.ManufacturerModelName = "phantom"
    dataset.SoftwareVersions = "1"


def _add_plane(dataset: Dataset, ct: PhantomCt, number: int) -> None:
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = _uid(ct, f"slice {number}")
    dataset.InstanceNumber = number
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dataset.AcquisitionDate, dataset.AcquisitionTime = dataset.StudyDate, dataset.StudyTime
    dataset.AcquisitionNumber = 1
    dataset.ImageComments = SIMULATED
    # CT Image, PS3.3 C.8.2.1
    dataset.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
    dataset.DerivationDescription = "Slice through a simulated anatomy"
    dataset.KVP = ""
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    # Image Plane, C.7.6.2: x to the patient's left, y to the back, z to the head.
    corner = -(ct.values.shape[2] - 1) / 2 * ct.spacing_mm
    height = ct.heights_mm[number - 1]
    dataset.PixelSpacing = [f"{ct.spacing_mm:.6f}"] * 2
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.ImagePositionPatient = [f"{corner:.4f}", f"{corner:.4f}", f"{height:.4f}"]
    dataset.PatientOrientation = ["L", "P"]
    dataset.SliceThickness = f"{ct.spacing_mm:.6f}"
    if len(ct.heights_mm) > 1:
        dataset.SpacingBetweenSlices = f"{ct.heights_mm[1] - ct.heights_mm[0]:.6f}"


def _add_pixels(dataset: Dataset, ct: PhantomCt, number: int) -> None:
    stored = (ct.values[number - 1].astype("<i4") - INTERCEPT).astype("<u2")
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = str(INTERCEPT), "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = ["-600", "40"], ["1500", "400"]
    dataset.WindowCenterWidthExplanation = ["LUNG", "MEDIASTINUM"]
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
