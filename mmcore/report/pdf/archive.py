"""What makes a PDF fit to be kept: PDF/A-1 (ISO 19005-1), level B.

The page streams keep to it as well: fonts are embedded, nothing is transparent, and every colour is
one of the sRGB that is embedded here.
"""

import re
import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas

PRODUCER = "Consilium"
UNDATED = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands in the metadata of a draft: no clock is read, so that the same draft is the same file."""

_D50 = (0.9642, 1.0, 0.8249)
_PRIMARIES = {
    b"rXYZ": (0.4360747, 0.2225045, 0.0139322),
    b"gXYZ": (0.3850649, 0.7168786, 0.0971045),
    b"bXYZ": (0.1430804, 0.0606169, 0.7141733),
}
"""Those of sRGB (IEC 61966-2-1), adapted to D50 by Bradford's method as ICC.1 asks."""
_NAME = "sRGB IEC61966-2-1"
_STEPS = 1024
_END = re.compile(rb"endstream(?=\nendobj\n)")
_ENTRY = re.compile(rb"^(\d{10})( \d{5} n )", re.MULTILINE)
_START = re.compile(rb"(\nstartxref\n)(\d+)")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a PDF says of itself. at: when what it shows was final, with its time zone."""

    title: str
    subject: str
    keywords: str
    language: str
    at: datetime = UNDATED


def write_facts(canvas: Canvas, facts: Facts) -> None:
    """Write what the PDF says of itself, in both of its places, and the colours it is meant in."""
    canvas.setTitle(facts.title)
    canvas.setAuthor(PRODUCER)
    canvas.setSubject(facts.subject)
    canvas.setCreator(PRODUCER)
    canvas.setProducer(PRODUCER)
    canvas.setKeywords(facts.keywords)
    canvas.setViewerPreference("DisplayDocTitle", "true")
    document = canvas._doc
    at = facts.at.astimezone(UTC)
    stamp = document._timeStamp
    stamp.YMDhms = (at.year, at.month, at.day, at.hour, at.minute, at.second)
    stamp.dhh = stamp.dmm = 0
    catalog = document.Catalog
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "OutputIntents"]
    catalog.Metadata = _stream(_metadata(facts, at), Type="Metadata", Subtype="XML")
    profile = _stream(srgb_profile(), N=3)
    intent = pdfdoc.PDFDictionary(
        {
            "Type": pdfdoc.PDFName("OutputIntent"),
            "S": pdfdoc.PDFName("GTS_PDFA1"),
            "OutputConditionIdentifier": pdfdoc.PDFString(_NAME),
            "Info": pdfdoc.PDFString(_NAME),
            "DestOutputProfile": document.Reference(profile),
        }
    )
    catalog.OutputIntents = pdfdoc.PDFArray([document.Reference(intent)])


def _stream(content: bytes, **values: str | int) -> Any:
    names = {k: pdfdoc.PDFName(v) if isinstance(v, str) else v for k, v in values.items()}
    return pdfdoc.PDFStream(dictionary=pdfdoc.PDFDictionary(names), content=content)


def _metadata(facts: Facts, at: datetime) -> bytes:
    """Return the XMP packet (ISO 16684-1), which repeats what the Info dictionary says."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    title, subject, keywords, language = (
        escape(text) for text in (facts.title, facts.subject, facts.keywords, facts.language)
    )
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{PRODUCER}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<xmp:CreateDate>{stamp}</xmp:CreateDate><xmp:ModifyDate>{stamp}</xmp:ModifyDate>
<xmp:CreatorTool>{PRODUCER}</xmp:CreatorTool>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<pdf:Producer>{PRODUCER}</pdf:Producer><pdf:Keywords>{keywords}</pdf:Keywords>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()


def with_ends_of_lines(data: bytes) -> bytes:
    """Return a PDF of reportlab's with an end of line before every ``endstream``.

    PDF/A-1 asks for it (6.1.7) and reportlab leaves it out; the table of offsets moves along.
    """
    ends = [found.start() for found in _END.finditer(data)]

    def moved(offset: bytes) -> int:
        return int(offset) + bisect_left(ends, int(offset))

    table = data.rindex(b"\nxref\n") + 1
    body = _END.sub(b"\nendstream", data[:table])
    rest = _ENTRY.sub(lambda m: b"%010d%b" % (moved(m[1]), m[2]), data[table:])
    return body + _START.sub(lambda m: b"%b%d" % (m[1], moved(m[2])), rest)


def srgb_profile() -> bytes:
    """Return sRGB as an ICC profile of version 2 (ICC.1:2001-04), which PDF/A-1 asks for."""
    grey = np.linspace(0.0, 1.0, _STEPS)
    light = np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4)
    curve = b"curv" + bytes(4) + struct.pack(">I", _STEPS)
    curve += np.rint(light * 65535.0).astype(">u2").tobytes()
    name = _NAME.encode("ascii") + b"\0"
    described = b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67)
    tags = [
        (b"desc", described),
        (b"cprt", b"text" + bytes(4) + b"No copyright, use freely\0"),
        (b"wtpt", _xyz(_D50)),
        *((tag, _xyz(values)) for tag, values in _PRIMARIES.items()),
        (b"rTRC", curve),
        (b"gTRC", curve),
        (b"bTRC", curve),
    ]
    first = 128 + 4 + 12 * len(tags)
    listed, data, known = b"", b"", dict[bytes, int]()
    for tag, content in tags:
        if content not in known:
            known[content] = first + len(data)
            data += content + bytes(-len(content) % 4)
        listed += tag + struct.pack(">II", known[content], len(content))
    body = struct.pack(">I", len(tags)) + listed + data
    moment = struct.pack(">6H", UNDATED.year, UNDATED.month, UNDATED.day, 0, 0, 0)
    head = struct.pack(">I4sI", 128 + len(body), bytes(4), 0x02100000) + b"mntrRGB XYZ " + moment
    head += b"acsp" + bytes(28) + _fixed(_D50)
    return head + bytes(128 - len(head)) + body


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _fixed(values: Sequence[float]) -> bytes:
    return struct.pack(">3i", *(round(value * 65536.0) for value in values))
