"""Simulated films as DX images for presentation (PS3.3 A.26).

The only door to pydicom in ``mmcore.simulate``. Attributes of type 2 that a phantom can not know
are present and empty, as the standard wants.
"""

from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DigitalXRayImageStorageForPresentation

from mmcore.intake.dicom.file_meta import file_meta
from mmcore.simulate.patient import PhantomPatient

_IMPLEMENTATION = "2.25.196513482377406935470281633529051637511"
SIMULATED = "SIMULATED PHANTOM - NOT A PATIENT"


def write_image(patient: PhantomPatient, path: Path) -> None:
    """Write the film; the same patient gives the same bytes."""
    make_dataset(patient).save_as(path, enforce_file_format=True)


def make_dataset(patient: PhantomPatient) -> Dataset:
    """Return the film as a DICOM dataset with its file meta information."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    _add_patient_and_study(dataset, patient)
    _add_series_and_equipment(dataset, patient)
    _add_dx_modules(dataset, patient)
    _add_pixels(dataset, patient)
    add_file_meta(dataset)
    return dataset


def add_file_meta(dataset: Dataset) -> None:
    """Add the file meta information of a data set in Explicit VR Little Endian."""
    dataset.file_meta = file_meta(
        dataset, implementation_uid=_IMPLEMENTATION, implementation_name="CONSILIUM_SIM"
    )


def _uid(patient: PhantomPatient, level: str) -> str:
    """Return a UID under 2.25 (PS3.5 B.2) that follows from seed, index and level."""
    rows = patient.pixels.shape[0]
    name = f"consilium/phantom/{patient.seed}/{patient.index}/{rows}/{level}"
    return f"2.25.{uuid5(NAMESPACE_OID, name).int}"


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def _add_patient_and_study(dataset: Dataset, patient: PhantomPatient) -> None:
    date, time = patient.taken_at.strftime("%Y%m%d"), patient.taken_at.strftime("%H%M%S")
    dataset.PatientName = f"Phantom^{patient.index:06d}"
    dataset.PatientID = f"PHANTOM-{patient.seed}-{patient.index}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = patient.sex
    dataset.PatientAge = f"{patient.age_years:03d}Y"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Simulated, there is no patient"
    dataset.StudyInstanceUID = _uid(patient, "study")
    dataset.StudyDate, dataset.StudyTime = date, time
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.AccessionNumber = ""
    dataset.StudyDescription = "Simulated chest radiograph"
    dataset.TimezoneOffsetFromUTC = "+0000"


def _add_series_and_equipment(dataset: Dataset, patient: PhantomPatient) -> None:
    date, time = patient.taken_at.strftime("%Y%m%d"), patient.taken_at.strftime("%H%M%S")
    dataset.Modality = "DX"
    dataset.SeriesInstanceUID = _uid(patient, "series")
    dataset.SeriesNumber = 1
    dataset.SeriesDate, dataset.SeriesTime = date, time
    dataset.SeriesDescription = "Simulated PA chest"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.Manufacturer = "Consilium simulator"
    dataset.ManufacturerModelName = "phantom"
    dataset.SoftwareVersions = "1"
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = _uid(patient, "instance")
    dataset.InstanceNumber = 1
    dataset.ContentDate, dataset.ContentTime = date, time
    dataset.AcquisitionDate, dataset.AcquisitionTime = date, time
    dataset.AcquisitionNumber = 1
    dataset.ImageComments = SIMULATED


def _add_dx_modules(dataset: Dataset, patient: PhantomPatient) -> None:
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.DerivationDescription = "Projection of a simulated anatomy"
    # DX Anatomy Imaged, PS3.3 C.8.11.2
    dataset.BodyPartExamined = "CHEST"
    dataset.ImageLaterality = "U"
    dataset.AnatomicRegionSequence = Sequence([_code("43799004", "SCT", "Chest")])
    # DX Positioning, C.8.11.5
    dataset.ViewPosition = "PA"
    view = _code("399348003", "SCT", "postero-anterior")
    view.ViewModifierCodeSequence = Sequence([])
    dataset.ViewCodeSequence = Sequence([view])
    dataset.PatientOrientation = ["L", "F"]
    dataset.PositionerType = "NONE"
    # DX Detector, C.8.11.4
    dataset.DetectorType = "SCINTILLATOR"
    dataset.ImagerPixelSpacing = _spacing(patient)
    dataset.PixelSpacing = _spacing(patient)
    # DX Image, C.8.11.3
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = -1  # higher values, less X-ray intensity
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.AcquisitionContextSequence = Sequence([])


def _add_pixels(dataset: Dataset, patient: PhantomPatient) -> None:
    pixels = patient.pixels
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    low, high = (float(v) for v in np.percentile(pixels, (2, 99.5)))
    dataset.WindowCenter = str(round((low + high) / 2))
    dataset.WindowWidth = str(max(round(high - low), 1))
    dataset.WindowCenterWidthExplanation = "CHEST"
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _spacing(patient: PhantomPatient) -> list[str]:
    return [f"{patient.spacing_mm:.6f}"] * 2
