"""No text from a file can make the PDF do, open or hide anything."""

import io
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pypdf
import pytest

from mmcore.records import Patient
from mmcore.report import document_digest, render_pdf, result_document
from tests.clocks import computed_within
from tests.unit.report.factories import make_case, make_result
from tests.unit.report.reports import named, pages_of, text_of, with_note_item

HOSTILE = [
    "K+ <b 3.1, Na>140 ; pt <Doe> seen",
    "R&D",
    '<img src="/etc/hostname.png">',
    '<a href="javascript:alert(1)">x</a>',
    '<img src="http://127.0.0.1:8777/?p=x"/>',
    "file:///etc/passwd",
    "<para><font color=\"[[getattr(pow,'__self__')]]\">x</font>",
    "=HYPERLINK(1)",
    "@SUM(1)",
    "&lt;b&gt; %(x)s {x} \\(",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_from_files_is_shown_letter_by_letter(hostile):
    case = make_case()
    # Where the text stands alone and is not cut: a name, and a quoted phrase.
    patient = Patient(patient_id=hostile[:20], name=hostile)
    files = (replace(case.files[0], name=hostile[:20]),)
    result = replace(with_note_item(hostile), case=replace(case, patient=patient, files=files))
    text = text_of(result)
    assert hostile in text or hostile[:30] in text
    assert "Page 1 of" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("김민준", "[U+AE40][U+BBFC][U+C900]"),
        ("محمد", "[U+0645][U+062D][U+0645][U+062F]"),
        ("\u05d3\u05d5\u05d3", "[U+05D3][U+05D5][U+05D3]"),  # Hebrew, which the font holds
        ("Ann\x00a", "Ann[U+0000]a"),
        ("abc\u202edef", "abc[U+202E]def"),
        ("\U0001fac1", "[U+1FAC1]"),
        ("\ud800", "[U+D800]"),
    ],
)
def test_characters_that_can_not_be_set_are_named_with_a_footnote(name, shown):
    text = text_of(named(name))
    assert shown in text
    assert "Characters that this report's font can not set are given as [U+code point]." in text


@pytest.mark.parametrize("name", ["Müller-Łukasz", "Ελένη", "Дмитрий", "Nguyễn Ánh"])
def test_characters_of_the_font_round_trip_without_a_footnote(name):
    text = text_of(named(name))
    assert name in text
    assert "[U+" not in text


@pytest.mark.parametrize("name", ["x" * 200_000, "word " * 1_000_000, "山" * 200_000])
def test_text_of_any_length_is_cut_in_time(name):
    pages = len(pages_of(make_result()))
    with computed_within(5.0):
        assert len(pages_of(named(name))) == pages


@contextmanager
def watched() -> Iterator[list[str]]:
    """Record every file opened and every socket used while it is on; hooks can not be removed."""
    events: list[str] = []
    is_on = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if is_on[0] and (event == "open" or event.startswith(("socket.", "subprocess.", "os."))):
            events.append(f"{event} {arguments[0] if arguments else ''}")

    sys.addaudithook(hook)
    try:
        yield events
    finally:
        is_on[0] = False


def test_no_file_is_opened_and_no_address_contacted_for_what_a_text_says(tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"not looked at")
    document = result_document(with_note_item(f'<img src="{picture}"/> http://127.0.0.1:9/x.png'))
    render_pdf(document)  # loads modules and our own fonts
    with watched() as events:
        render_pdf(document)
    assert events == []
    with watched() as events, picture.open("rb"), socket.socket():
        pass
    assert len(events) >= 2  # the watch itself works


def test_metadata_names_the_document_and_no_patient():
    data = render_pdf(result_document(make_result()))
    metadata = pypdf.PdfReader(io.BytesIO(data)).metadata
    assert document_digest(result_document(make_result())) in metadata["/Subject"]
    assert "Rivera" not in str(metadata)
    assert "2000" in metadata["/CreationDate"]  # reportlab's invariant date: no clock is read
    assert not re.search(rb"/(JavaScript|URI|Launch|EmbeddedFile)\b", data)
