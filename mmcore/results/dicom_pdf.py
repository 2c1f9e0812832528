"""The report as an Encapsulated PDF. PS3.3 A.45.1 and C.24.2; the PDF is the one that is filed."""

import hashlib

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EncapsulatedPDFStorage

from mmcore.report import render_pdf
from mmcore.report.template import Template
from mmcore.results.codes import REPORT_TITLE
from mmcore.results.dicom_object import code_item, finished, series, source_references
from mmcore.results.records import Kind, Made
from mmcore.results.subject import Subject


def encapsulated_pdf(subject: Subject, template: Template) -> Made:
    """Return the report's PDF in the study, as the site's template has it drawn.

    What is drawn is in the UID, because the document does not hold the template: a PACS that has
    one keeps no other under its UID.
    """
    data = render_pdf(subject.document, template=template)
    place = series(subject, Kind.PDF, part=hashlib.sha256(data).hexdigest())
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
    title = REPORT_TITLE
    dataset.ConceptNameCodeSequence = Sequence(
        [code_item(title.value, title.scheme, title.meaning)]
    )
    dataset.VerificationFlag = "UNVERIFIED" if subject.signature is None else "VERIFIED"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(data)
    dataset.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    return finished(subject, Kind.PDF, dataset)
