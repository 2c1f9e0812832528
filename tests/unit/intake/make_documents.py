"""Documents built byte by byte: PDF, Word and CDA."""

import io
import zipfile

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def make_pdf(*pages: str, catalog: str = "", objects: tuple[str, ...] = ()) -> bytes:
    """Return a PDF with one page of Helvetica lines per text; an empty one has no text.

    catalog: more entries of the catalogue. objects: more objects, numbered on from 4 + 2 x pages.
    """
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    bodies = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, text in enumerate(pages):
        bodies.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R "
            f">> >> /Contents {5 + 2 * i} 0 R >>"
        )
        escaped = [
            line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            for line in text.split("\n")
        ]
        drawn = " T* ".join(f"({line}) Tj" for line in escaped) if text else ""
        stream = f"BT /F1 12 Tf 14 TL 72 720 Td {drawn} ET"
        bodies.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    return _join([*bodies, *objects])


def _join(bodies: list[str]) -> bytes:
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n"
    table += "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + (table + end).encode()


def paragraphs(*texts: str) -> str:
    """Return WordprocessingML paragraphs of one run each."""
    return "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in texts)


def make_docx(body: str, *, header: str = "", before: str = "", **more: bytes) -> bytes:
    """Return a Word document around WordprocessingML; ``before`` stands before the root."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        if header:
            archive.writestr("word/header1.xml", f'<w:hdr xmlns:w="{WORD}">{header}</w:hdr>')
        root = f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
        archive.writestr("word/document.xml", before + root)
        for name, data in more.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return file.getvalue()


def make_cda(body: str, *, patient: str | None = None, before: str = "") -> bytes:
    """Return a CDA document; ``body`` is what stands in its component."""
    person = (
        '<id root="1.2" extension="00123"/><patient><name><given>Jane</given><family>Doe</family>'
        '</name><administrativeGenderCode code="F"/><birthTime value="19700131"/></patient>'
        if patient is None
        else patient
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<ClinicalDocument xmlns="urn:hl7-org:v3">'
        '<title>Discharge summary</title><effectiveTime value="20240506070809+0200"/>'
        f"<recordTarget><patientRole>{person}</patientRole></recordTarget>"
        f"<component>{body}</component></ClinicalDocument>"
    ).encode()


def section(title: str, text: str, *, loinc: str = "", inside: str = "") -> str:
    """Return a section of a CDA document."""
    code = f'<code code="{loinc}" codeSystem="2.16.840.1.113883.6.1"/>' if loinc else ""
    return (
        f"<component><section>{code}<title>{title}</title><text>{text}</text>{inside}</section>"
        "</component>"
    )


def structured(*sections: str) -> str:
    """Return a structured body."""
    return f"<structuredBody>{''.join(sections)}</structuredBody>"
