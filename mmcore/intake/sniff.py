"""Say what a file is from its bytes; its name only breaks ties between kinds of plain text."""

import re
from enum import StrEnum

from mmcore.intake.documents.cda import is_cda
from mmcore.intake.documents.docx import is_docx
from mmcore.intake.hl7 import is_hl7
from mmcore.intake.variants import is_vcf
from mmcore.language import say


class Content(StrEnum):
    """What the bytes of a file look like, before anything is parsed."""

    EMPTY = "empty"
    DICOM = "dicom"
    ARCHIVE = "archive"
    SOUND = "sound"
    VCF = "vcf"
    DOCUMENT = "document"
    HL7 = "hl7"
    JSON = "json"
    TEXT = "text"
    BINARY = "binary"


# Kinds that a clinician may well drop in and that deserve better words than "unknown".
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", say("a PNG picture without a DICOM header; export it as DICOM")),
    (b"\xff\xd8\xff", say("a JPEG picture without a DICOM header; export it as DICOM")),
    (b"II*\x00", say("a TIFF picture without a DICOM header; export it as DICOM")),
    (b"MM\x00*", say("a TIFF picture without a DICOM header; export it as DICOM")),
    (b"GIF8", say("a GIF picture without a DICOM header; export it as DICOM")),
    (b"\x1f\x8b", say("a gzip file; only zip archives are opened")),
    (b"7z\xbc\xaf\x27\x1c", say("a 7-Zip archive; only zip archives are opened")),
    (b"Rar!", say("a RAR archive; only zip archives are opened")),
    (b"\xd0\xcf\x11\xe0", say("an old Office document; export it as text or CSV")),
    (b"{\\rtf", say("a rich-text document; export it as plain text")),
    (b"RIFF", say("a film or picture, not a WAV recording")),
    (b"OggS", say("an Ogg recording; export it as WAV or FLAC")),
    (b"ID3", say("an MP3 recording; export it as WAV or FLAC")),
    (b"\xff\xfb", say("an MP3 recording; export it as WAV or FLAC")),
    (b"FORM", say("an AIFF recording; export it as WAV or FLAC")),
    (b"RF64", say("a recording of more than 4 GB; export a part of it as WAV")),
    (b"BCF\x02", say("a binary variant file; export it as VCF text")),
)
_MARKUP = (
    (
        re.compile(r"\s*<!doctype\s+html|\s*<html", re.IGNORECASE),
        say("a web page; export it as text"),
    ),
    (
        re.compile(r"\s*<\?xml|\s*<!doctype|\s*<!entity|\s*<(bundle|patient|observation)\b", re.I),
        say("an XML document, which is never parsed; export FHIR as JSON"),
    ),
)
# Files that folders and CDs carry along.
_ASIDE_NAMES = re.compile(r"(^|[/\\])(\.[^/\\]*|thumbs\.db|desktop\.ini|__macosx[/\\].*)$", re.I)
# Text whose own name says that it is none of a patient's: read as a note it would be scored.
_NO_NOTE_NAMES = re.compile(r"\.(ya?ml|toml|ini|cfg|conf|log|py|js|css|sh|bat|sql|tex)$", re.I)
_JSON_START = re.compile(rb'\s*(\{\s*["}]|\[\s*[\[{\]])')
_ZIP = b"PK\x03\x04"
_XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[?!\w]|\xff\xfe<\x00|\xfe\xff\x00<")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ELEMENT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR "
    b"US UT UV".split()
)


def sniff(data: bytes) -> Content:
    """Return what ``data`` looks like. Never raises."""
    if not data:
        return Content.EMPTY
    # Before every other signature: PS3.10 7.1 leaves the preamble to the application, so a
    # DICOM file may start like a TIFF, a zip or a program.
    if data[128:132] == b"DICM" or _starts_like_dicom(data):
        return Content.DICOM
    if data.startswith(b"%PDF-") or (data.startswith(_ZIP) and is_docx(data)):
        return Content.DOCUMENT
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return Content.ARCHIVE
    if (data[:4] == b"RIFF" and data[8:12] == b"WAVE") or data[:4] == b"fLaC":
        return Content.SOUND
    if is_vcf(data):
        return Content.VCF
    if is_hl7(data):
        return Content.HL7
    if _XML_START.match(data) and is_cda(data):
        return Content.DOCUMENT
    if describe_foreign(data):
        return Content.BINARY
    if _looks_binary(data):
        return Content.BINARY
    body = data[3:] if data.startswith(_BOMS[0]) else data
    return Content.JSON if _JSON_START.match(body[:4096]) else Content.TEXT


def describe_foreign(data: bytes) -> str:
    """Return words for a well-known kind that is never read, or an empty string."""
    for signature, words in _SIGNATURES:
        if data.startswith(signature):
            return words
    if data[4:8] == b"ftyp":
        return say("an MP4 or M4A file; export its sound as WAV or FLAC")
    head = data[:512].decode("utf-8-sig", errors="replace")
    for pattern, words in _MARKUP:
        if pattern.match(head):
            return words
    return ""


def describe_aside(name: str, data: bytes) -> str:
    """Return words for a file that is kept aside without being at fault, or an empty string."""
    if _ASIDE_NAMES.search(name):
        return say("a file of the operating system, not of the patient")
    if _NO_NOTE_NAMES.search(name) and sniff(data) is Content.TEXT:
        return say("a settings or program file by its name, not a clinical note")
    return ""


def _starts_like_dicom(data: bytes) -> bool:
    """Whether a data set starts at byte 0, as in files stored without preamble."""
    group = data[:2]
    return group in (b"\x02\x00", b"\x08\x00") and (
        data[4:6] in _ELEMENT_VRS
        or (len(data) >= 8 and data[3:4] == b"\x00" and data[6:8] == b"\0\0")
    )


def _looks_binary(data: bytes) -> bool:
    if data.startswith(_BOMS):
        return False
    sample = data[:65536]
    if _is_utf16_without_bom(sample):
        return False
    controls = sum(sample.count(code) for code in range(32) if code not in (9, 10, 12, 13, 27))
    has_nul = b"\0" in sample
    return controls > 1 + len(sample) // (32 if has_nul else 8)


def _is_utf16_without_bom(sample: bytes) -> bool:
    """Whether nearly every second byte is NUL, as in ASCII text stored as UTF-16."""
    half = len(sample) // 2
    return half >= 8 and max(sample[::2].count(0), sample[1::2].count(0)) > 0.9 * half
