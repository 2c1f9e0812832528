"""A signed document says who stands for what, and is refused if anything in it was altered."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from mmcore.errors import ReportSignedError, ResultFormatError
from mmcore.records import MOST_ADDENDA, Section
from mmcore.report import add, document_digest, result_document, sign, unsigned
from mmcore.report.case_document import MOST_QUESTION
from mmcore.report.reading import read_document
from tests.unit.report.factories import make_case, make_result
from tests.unit.report.reports import SCHEMA

T = datetime(2026, 3, 3, 14, 5, 7, tzinfo=UTC)


def draft(conclusion: str = "Pneumonia of the left lower lobe.") -> dict:
    return dict(result_document(replace(make_result(), conclusion=conclusion)))


def final() -> dict:
    return sign(draft(), name=" Dr. Ada Ray ", account="a-17", at=T)


def with_addenda(*texts: str) -> dict:
    document = final()
    for number, text in enumerate(texts, start=1):
        document = add(
            document, text=text, name="Dr. Bo Lin", account=None, at=T + timedelta(hours=number)
        )
    return document


def stored(document: dict) -> dict:
    return json.loads(json.dumps(document))


def test_a_signed_document_with_addenda_is_valid_and_read_back_as_it_was_signed() -> None:
    document = stored(with_addenda("Effusion on the right as well.", "Told to the ward."))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    read = read_document(document)
    assert read.conclusion == "Pneumonia of the left lower lobe."
    assert read.signature is not None
    assert (read.signature.name, read.signature.account) == ("Dr. Ada Ray", "a-17")
    assert read.signature.signed_at == T
    assert read.signature.document_digest == document_digest(draft())
    assert read.signature.case_digest == read.case.digest
    assert [(a.text, a.name) for a in read.addenda] == [
        ("Effusion on the right as well.", "Dr. Bo Lin"),
        ("Told to the ward.", "Dr. Bo Lin"),
    ]
    assert unsigned(document) == stored(draft())


def test_a_draft_is_what_it_was_before_there_were_signatures() -> None:
    plain = draft(conclusion="")
    assert not {"signature", "addenda", "conclusion"} & set(plain)
    read = read_document(plain)
    assert (read.signature, read.addenda, read.conclusion) == (None, (), "")


def test_a_document_is_signed_once() -> None:
    with pytest.raises(ReportSignedError):
        sign(final(), name="Somebody else", account=None, at=T)


def test_only_a_signed_document_is_added_to_and_not_without_end() -> None:
    with pytest.raises(ValueError, match="only a signed report"):
        add(draft(), text="More.", name="Dr. Bo Lin", account=None, at=T)
    full = with_addenda(*(f"Note {n}." for n in range(MOST_ADDENDA)))
    with pytest.raises(ValueError, match="at most"):
        add(full, text="More.", name="Dr. Bo Lin", account=None, at=T)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("conclusion",), "Normal."),
        (("targets", 0, "operating_point"), 0.61),
        (("case", "patient", "name"), "Somebody^Else"),
        (("timings",), {}),
        (("signature", "name"), "Dr. Mallory"),
        (("signature", "signed_at"), "2020-01-01T00:00:00+00:00"),
        (("signature", "case_digest"), "0" * 64),
        (("addenda", 0, "text"), "No effusion."),
        (("addenda", 0, "added_at"), "2020-01-01T00:00:00+00:00"),
    ],
)
def test_what_was_altered_after_it_was_signed_is_refused(path: tuple, value: object) -> None:
    document = stored(with_addenda("Effusion on the right as well.", "Told to the ward."))
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    assert place[last] != value
    place[last] = value
    with pytest.raises(ResultFormatError):
        read_document(document)


def test_an_addendum_that_was_taken_out_is_missed() -> None:
    document = stored(with_addenda("One.", "Two.", "Three."))
    del document["addenda"][1]
    with pytest.raises(ResultFormatError, match="altered before"):
        read_document(document)


@pytest.mark.parametrize(
    ("member", "value"),
    [("name", ""), ("name", " "), ("name", "x" * 201), ("signed_at", "2026-03-03T14:05:07"),
     ("document_digest", "x"), ("account", 3)],
)  # fmt: skip
def test_what_can_not_be_a_signature_is_refused(member: str, value: object) -> None:
    document = stored(final())
    document["signature"][member] = value
    with pytest.raises(ResultFormatError):
        read_document(document)


def test_addenda_without_a_signature_are_refused() -> None:
    document = stored(with_addenda("One."))
    del document["signature"]
    with pytest.raises(ResultFormatError, match="only a signed report"):
        read_document(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_a_number_that_is_no_json_is_refused_and_not_an_error_of_ours() -> None:
    document = copy.deepcopy(final())
    document["unknown"] = float("nan")
    with pytest.raises(ResultFormatError, match="no JSON value"):
        read_document(document)


def asking(text: str) -> dict | None:
    case = make_case()
    start = text.index("Indication")
    section = Section("Indication", "indication", start, len(text))
    note = replace(case.notes[0], text=text, sections=(section,))
    document = result_document(make_result(case=replace(case, notes=(note,))))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    read = read_document(document).case.question
    assert (None if read is None else read.text) == (document["case"]["question"] or {}).get("text")
    return document["case"]["question"]


def test_the_question_is_what_the_note_gives_as_the_indication_without_its_heading() -> None:
    question = asking("Admitted today.\n**Indication:**\n  Fever,\n cough.\n")
    assert question is not None
    assert question["text"] == "Fever, cough."
    assert question["digest"] == make_case().notes[0].digest
    assert asking("Indication:\n\n") is None
    long = asking("Indication: " + "word " * 400)
    assert long is not None
    assert len(long["text"]) == MOST_QUESTION
    assert result_document(make_result())["case"]["question"] is None
