"""Results as files: the JSON document that others rely on, and the PDF drawn from it alone."""

from mmcore.report.canonical import document_digest
from mmcore.report.case_document import Document, key_recording
from mmcore.report.document import SCHEMA, result_document
from mmcore.report.images import key_instance
from mmcore.report.key_images import checked_png
from mmcore.report.pdf import render_pdf
from mmcore.report.signing import add, cosign, sign, unsigned
from mmcore.report.storage import read_result, write_result

__all__ = [
    "SCHEMA",
    "Document",
    "add",
    "checked_png",
    "cosign",
    "document_digest",
    "key_instance",
    "key_recording",
    "read_result",
    "render_pdf",
    "result_document",
    "sign",
    "unsigned",
    "write_result",
]
