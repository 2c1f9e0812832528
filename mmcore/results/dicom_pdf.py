"""The report as an Encapsulated PDF. PS3.3 A.45.1 and C.24.2; the PDF is the one that is filed."""

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EncapsulatedPDFStorage

from mmcore.report import render_pdf
from mmcore.results.dicom_object import code_item, finished, series, source_references
from mmcore.results.records import Kind, Made
from mmcore.results.subject import Subject

_REPORT = ("18748-4", "LN", "Diagnostic imaging report")


def encapsulated_pdf(subject: Subject) -> Made:
    """Return the report's PDF in the study."""
    place = series(subject, Kind.PDF)
    dataset = Dataset()
    dataset.SOPClassUID = EncapsulatedPDFStorage
    dataset.SOPInstanceUID = place["sop_instance_uid"]
    dataset.SeriesInstanceUID = place["series_instance_uid"]
    dataset.SeriesNumber = place["series_number"]
    dataset.InstanceNumber = place["instance_number"]
    dataset.Modality = "DOC"
    dataset.ConversionType = "WSD"
    dataset.ContentDate = dataset.ContentTime = ""
    dataset.AcquisitionDateTime = ""
    dataset.BurnedInAnnotation = "YES"  # the sheet names the patient
    dataset.SourceInstanceSequence = source_references(subject.evidence)
    dataset.DocumentTitle = f"Consilium case report ({subject.label})"
    dataset.ConceptNameCodeSequence = Sequence([code_item(*_REPORT)])
    dataset.VerificationFlag = "UNVERIFIED" if subject.signature is None else "VERIFIED"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    data = render_pdf(subject.document)
    dataset.EncapsulatedDocumentLength = len(data)
    dataset.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    return finished(subject, Kind.PDF, dataset)
