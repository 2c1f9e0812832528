"""Text out of PDF, Word, CDA and HTML: what is read, what is refused, and that nothing else is."""

import base64
import time
import zlib
from datetime import UTC, date, datetime

import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.documents import pdf, text_flow
from mmcore.intake.documents.html import html_to_text
from mmcore.intake.documents.reader import Message, read_bytes
from mmcore.intake.worker import read_document
from mmcore.records import FileVerdict
from tests.unit.intake.make_documents import (
    make_cda,
    make_docx,
    make_pdf,
    paragraphs,
    section,
    structured,
)

REPORT = "FINDINGS: right lower lobe consolidation.\nIMPRESSION: pneumonia."


def refusal(data: bytes) -> FileRefusedError:
    with pytest.raises(FileRefusedError) as caught:
        read_bytes(data)
    assert not any(word in caught.value.detail for word in ("Doe", "Jane", "00123", "secret"))
    return caught.value


def sections(found: Message) -> list[tuple[str, str, str]]:
    return [(t, kind, found["text"][a:b].strip()) for t, kind, a, b in found["sections"]]


# PDF


def test_the_text_of_every_page_is_read_in_order() -> None:
    found = read_bytes(make_pdf(REPORT, "PLAN: antibiotics & review (soon)."))
    assert found["text"] == f"{REPORT}\n\nPLAN: antibiotics & review (soon)."
    assert [kind for _, kind, _ in sections(found)] == ["findings", "impression", "plan"]


def test_a_pdf_is_read_in_the_decoding_process_and_becomes_a_note() -> None:
    part = read_document(make_pdf(REPORT), digest="d", title="letter.pdf")
    assert part.note.text == REPORT
    assert part.note.title == "letter.pdf"
    assert "tables and columns" in part.notices[0]


def test_whom_a_pdf_seems_to_name_decides_nothing() -> None:
    part = read_document(make_pdf(f"MRN: 777\n{REPORT}"), digest="d", title="letter.pdf")
    assert not part.identity.is_known
    assert part.hints.patient_ids == {"777"}


def test_pages_without_text_are_counted() -> None:
    found = read_bytes(make_pdf(REPORT, "", ""))
    assert "2 of 3 pages of the PDF have no text and were not read." in found["notices"]


def test_a_scanned_pdf_is_refused_by_name() -> None:
    assert refusal(make_pdf("", "")).code == RefusalCode.NO_TEXT


@pytest.mark.parametrize(
    ("catalog", "objects"),
    [
        ("/OpenAction << /S /JavaScript /JS (app.alert\\('secret'\\)) >>", ()),
        ("/OpenAction 6 0 R", ("<< /S /Launch /F (cmd.exe) >>",)),
        ("/Names << /JavaScript << /Names [(a) 6 0 R] >> >>", ("<< /JS (secret) >>",)),
        ("/AA << /WC << /S /SubmitForm /F (http://127.0.0.1/) >> >>", ()),
    ],
)
def test_a_pdf_that_can_act_is_refused(catalog: str, objects: tuple[str, ...]) -> None:
    data = make_pdf(REPORT, catalog=catalog, objects=objects)
    assert refusal(data).code == RefusalCode.ACTIVE_CONTENT


def test_a_locked_pdf_is_refused_and_one_that_only_forbids_printing_is_read() -> None:
    import io

    import pypdf

    def locked(user: str) -> bytes:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(REPORT)))
        writer.encrypt(user, "owner", algorithm="RC4-128")
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()

    assert refusal(locked("secret")).code == RefusalCode.LOCKED_FILE
    assert "consolidation" in read_bytes(locked(""))["text"]


def test_a_pdf_that_unpacks_without_end_is_refused_in_time() -> None:
    bomb = zlib.compress(b"BT /F1 12 Tf (" + b"a" * (80 * 2**20) + b") Tj ET", 9)
    packed = bomb.decode("latin-1")
    page = make_pdf("x" * 30).decode("latin-1")
    start, stop = page.index("<< /Length"), page.index("endstream") + len("endstream")
    stream = f"<< /Filter /FlateDecode /Length {len(bomb)} >>\nstream\n{packed}\nendstream"
    started = time.process_time()
    found = refusal((page[:start] + stream + page[stop:]).encode("latin-1"))
    assert found.code in (RefusalCode.INFLATE_BOMB, RefusalCode.CORRUPT, RefusalCode.NO_TEXT)
    assert time.process_time() - started < 5


def test_what_pypdf_warns_of_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    damaged = make_pdf(REPORT).replace(b"startxref\n", b"startxref\n1")
    assert read_bytes(damaged)["text"] == REPORT
    assert caplog.text == ""


def test_pages_that_contain_themselves_are_refused_in_time() -> None:
    data = make_pdf(REPORT).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]")
    started = time.process_time()
    assert refusal(data).code in (RefusalCode.CORRUPT, RefusalCode.NO_TEXT)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (make_pdf(REPORT, catalog="/OpenAction 6 0 R", objects=("6 0 R",)), RefusalCode.CORRUPT),
        (make_pdf(REPORT, catalog="/OpenAction 6 0 R", objects=("7 0 R", "6 0 R")),
         RefusalCode.CORRUPT),
        (make_pdf(REPORT, catalog="/X " + "[" * 50_000 + "]" * 50_000), RefusalCode.CORRUPT),
        (make_pdf(REPORT, catalog="/X [" + "<</A 1>> " * 99_000 + "]"),
         RefusalCode.TOO_MANY_ELEMENTS),
        (make_pdf(REPORT).replace(b"/Kids [4 0 R]", b"/Kids [" + b"4 0 R " * 1000 + b"]"),
         RefusalCode.TOO_LARGE),
        (make_pdf(REPORT, objects=tuple(
            f"<< /Type /Pages /Kids [{7 + i} 0 R {7 + i} 0 R] /Count 2 >>" for i in range(25)
        )).replace(b"/Kids [4 0 R]", b"/Kids [6 0 R 6 0 R]"), RefusalCode.INFLATE_BOMB),
        (make_pdf(REPORT).replace(
            b"<< /Length", b"<< /Filter [" + b"/ASCIIHexDecode " * 40 + b"] /Length"
        ), RefusalCode.INFLATE_BOMB),
    ],
    ids=["self", "circle", "nested", "wide", "pages", "doubling tree", "filters"],
)  # fmt: skip
def test_a_pdf_built_to_hang_is_refused_in_time(data: bytes, code: RefusalCode) -> None:
    started = time.process_time()
    assert refusal(data).code == code
    assert time.process_time() - started < 5


@pytest.mark.parametrize("data", [b"%PDF-1.4\n...", b"%PDF-", make_pdf(REPORT)[:200]])
def test_a_damaged_pdf_is_refused(data: bytes) -> None:
    assert refusal(data).code in (RefusalCode.CORRUPT, RefusalCode.NO_TEXT)


def test_pages_and_text_of_a_pdf_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    assert refusal(make_pdf(REPORT, REPORT, REPORT)).code == RefusalCode.TOO_LARGE
    monkeypatch.setattr(text_flow, "MAX_CHARACTERS", 50)
    assert refusal(make_pdf(REPORT)).code == RefusalCode.TOO_LARGE


# Word


def test_a_word_document_is_read_with_its_page_headings_first() -> None:
    data = make_docx(
        paragraphs("FINDINGS: clear &amp; dry.", "IMPRESSION: none."),
        header=paragraphs("Patient: Doe, Jane   MRN: 00123"),
    )
    found = read_bytes(data)
    assert found["text"].split("\n")[1:] == ["FINDINGS: clear & dry.", "IMPRESSION: none."]
    assert found["patient_ids"] == ["00123"]
    assert not found["is_hint"]


def test_rows_of_a_table_stay_one_line() -> None:
    row = "".join(f"<w:tc>{paragraphs(cell)}</w:tc>" for cell in ("Hb", "14.0", "g/dL"))
    found = read_bytes(make_docx(f"<w:tbl><w:tr>{row}</w:tr></w:tbl>{paragraphs('after')}"))
    assert [line.split() for line in found["text"].split("\n")] == [
        ["Hb", "14.0", "g/dL"],
        ["after"],
    ]


def test_what_was_deleted_or_stands_twice_is_not_read() -> None:
    moved = f"<w:moveFrom>{paragraphs('moved away')}</w:moveFrom>"
    deleted = "<w:p><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p>"
    choice = (
        '<mc:AlternateContent xmlns:mc="x"><mc:Choice>' + paragraphs("box")
        + "</mc:Choice><mc:Fallback>" + paragraphs("box") + "</mc:Fallback></mc:AlternateContent>"
    )  # fmt: skip
    assert read_bytes(make_docx(moved + deleted + choice))["text"] == "box"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (make_docx(paragraphs("x"), word__vbaProject_dot_bin=b"\1"), RefusalCode.ACTIVE_CONTENT),
        (make_docx(""), RefusalCode.NO_TEXT),
        (make_docx(paragraphs("x"), before="<!DOCTYPE a [<!ENTITY e 'x'>]>"), RefusalCode.BAD_XML),
        (make_docx("<w:p>" * 200), RefusalCode.TOO_DEEP),
        (make_docx("<w:p>"), RefusalCode.BAD_XML),
    ],
)
def test_bad_word_documents(data: bytes, code: RefusalCode) -> None:
    assert refusal(data).code == code


def test_a_word_document_that_is_cut_off_is_a_damaged_archive() -> None:
    (found,) = case_from_files([RawFile("a.docx", make_docx(paragraphs("x"))[:300])]).files
    assert found.code == RefusalCode.CORRUPT_ARCHIVE


def test_a_word_document_that_unpacks_to_too_much_is_not_unpacked() -> None:
    assert refusal(make_docx(" " * (21 * 2**20))).code == RefusalCode.TOO_LARGE


def test_another_office_document_is_still_no_note() -> None:
    import io
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("labs.xlsx", file.getvalue())
        archive.writestr("letter.docx", make_docx(paragraphs("FINDINGS: clear.")))
    alone = case_from_files([RawFile("labs.xlsx", file.getvalue())])
    inside = case_from_files([RawFile("all.zip", outer.getvalue())])
    assert [f.code for f in alone.files] == [RefusalCode.UNKNOWN_KIND]
    assert [f.code for f in inside.files] == [RefusalCode.UNKNOWN_KIND, None, None]
    assert [note.text for note in inside.notes] == ["FINDINGS: clear."]


# CDA


def test_sections_and_patient_of_a_cda_document() -> None:
    body = structured(
        section("Reason", "<paragraph>Cough &amp; fever</paragraph>", loinc="42349-1"),
        section(
            "Results", "<table><tbody><tr><td>CRP</td><td>120</td></tr></tbody></table>",
            inside=section("Impression", "<list><item>One</item><item>Two</item></list>"),
        ),
    )  # fmt: skip
    found = read_bytes(make_cda(body))
    assert sections(found) == [
        ("Reason", "indication", "Reason:\nCough & fever"),
        ("Results", "findings", "Results:\nCRP\t120"),
        ("Impression", "impression", "Impression:\nOne\nTwo"),
    ]
    assert found["patient_ids"] == ["00123"]
    assert (found["patient_name"], found["sex"]) == ("Doe, Jane", "F")
    assert found["birth_date"] == "1970-01-31"
    assert found["authored_at"] == ("2024-05-06T07:08:09+02:00", "clock")
    assert found["title"] == "Discharge summary"


def test_a_cda_document_becomes_a_note_of_a_known_patient() -> None:
    data = make_cda(structured(section("Findings", "clear")))
    case = case_from_files([RawFile("summary.xml", data)])
    assert [file.kind for file in case.files] == ["note"]
    assert case.patient.birth_date == date(1970, 1, 31)
    assert case.patient.sex == "F"
    assert case.notes[0].authored_at == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert case.notes[0].sections[0].kind == "findings"


def test_deleted_words_and_coded_entries_are_not_read() -> None:
    text = 'kept <content revised="delete">gone <content>too</content></content>on'
    entry = "<entry><observation><text>coded</text></observation></entry>"
    found = read_bytes(make_cda(structured(section("Findings", text, inside=entry))))
    assert found["text"] == "Findings:\nkept on"


def test_a_body_that_is_no_xml_is_read_where_it_lies_in_the_document() -> None:
    inside = base64.b64encode(make_pdf(REPORT)).decode()
    body = f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{inside}</text>'
    found = read_bytes(make_cda(body + "</nonXMLBody>"))
    assert found["text"] == REPORT
    assert found["patient_ids"] == ["00123"]
    elsewhere = '<nonXMLBody><text><reference value="http://127.0.0.1/a.pdf"/></text></nonXMLBody>'
    assert refusal(make_cda(elsewhere)).code == RefusalCode.NO_TEXT


def test_a_document_inside_a_document_inside_a_document_is_not_opened() -> None:
    inside = base64.b64encode(make_cda(structured(section("Findings", "clear")))).decode()
    body = f'<nonXMLBody><text representation="B64">{inside}</text></nonXMLBody>'
    assert refusal(make_cda(body)).code == RefusalCode.BAD_XML


BOMB = "<!DOCTYPE z [<!ENTITY a 'secret'>" + "".join(
    f"<!ENTITY {name} '{f'&{previous};' * 10}'>"
    for previous, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (make_cda(structured(section("F", "&i;")), before=BOMB + "]>"), RefusalCode.BAD_XML),
        (
            make_cda("", before="<!DOCTYPE z [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"),
            RefusalCode.BAD_XML,
        ),
        (make_cda(structured(section("F", "&undefined;"))), RefusalCode.BAD_XML),
        (make_cda("<component>" * 10_000), RefusalCode.TOO_DEEP),
        (make_cda("<a/>" * 210_000), RefusalCode.TOO_MANY_ELEMENTS),
        (make_cda(structured(section("F", "x"))) + b"<!--", RefusalCode.BAD_XML),
        (make_cda(structured(section("F", "a\0b"))), RefusalCode.BAD_XML),
        (make_cda(structured(section("F", "  "))), RefusalCode.NO_TEXT),
        (b"<ClinicalDocument>" + b"</ClinicalDocument>", RefusalCode.BAD_XML),
        (make_cda(" " * (21 * 2**20)), RefusalCode.TOO_LARGE),
        (make_cda("").replace(b"UTF-8", b"x-no"), RefusalCode.BAD_XML),
        (
            make_cda("").replace(b"<component>", b"<recordTarget><patientRole/></recordTarget>")
            .replace(b"</component>", b""),
            RefusalCode.PATIENT_MISMATCH,
        ),
    ],
)  # fmt: skip
def test_hostile_xml_is_refused_in_time(data: bytes, code: RefusalCode) -> None:
    started = time.process_time()
    assert refusal(data).code == code
    assert time.process_time() - started < 3


def test_direction_marks_and_markup_in_a_document_stay_text() -> None:
    text = "&lt;script&gt;alert(1)&lt;/script&gt; \u202eevil ![](http://127.0.0.1/?p=x)"
    found = read_bytes(make_cda(structured(section("Findings", text))))
    assert "<script>alert(1)</script>" in found["text"]


# HTML


def test_html_is_what_a_reader_sees() -> None:
    markup = (
        "<html><head><title>x</title></head><body><style>p{}</style><h1>FINDINGS</h1>"
        "<p>clear<br>lungs &amp; heart<script>alert('secret')</script></p>"
        "<table><tr><td>Hb</td><td>14</td></tr></table><img src=http://127.0.0.1/x></body></html>"
    )
    assert html_to_text(markup) == "FINDINGS\nclear\nlungs & heart\nHb\t14"


def test_a_locked_note_costs_no_other_file() -> None:
    case = case_from_files([RawFile("a.pdf", make_pdf("")), RawFile("b.txt", REPORT.encode())])
    assert [file.verdict for file in case.files] == [FileVerdict.REFUSED, FileVerdict.USED]
    assert case.files[0].code == RefusalCode.NO_TEXT
