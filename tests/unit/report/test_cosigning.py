"""A second person stands for a signed report: what they stand for is held, and nobody's own."""

import copy
import json
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from mmcore.errors import ResultFormatError
from mmcore.records import MOST_COSIGNATURES
from mmcore.report import add, cosign, document_digest, result_document, sign, unsigned
from mmcore.report.pdf.page import FINAL, PRELIMINARY, status_of
from mmcore.report.reading import read_document
from tests.unit.report.factories import make_result
from tests.unit.report.reports import SCHEMA
from tests.unit.report.test_pdf_signing import pages_of
from tests.unit.results.filed import document_with
from tests.unit.results.test_fhir import bundle_of, resources

T = datetime(2026, 3, 3, 14, 5, 7, tzinfo=UTC)
LATER = T + timedelta(hours=1)


def signed(*, asks: bool = True, document: dict | None = None) -> dict:
    draft = document or dict(result_document(make_result()))
    return sign(draft, name="Dr. Ada Ray", account="a-17", at=T, asks_cosignature=asks)


def added(document: dict, text: str = "Effusion as well.") -> dict:
    return add(document, text=text, name="Dr. Ada Ray", account="a-17", at=LATER)


def cosigned(document: dict, account: str = "b-20") -> dict:
    return cosign(document, name=" Dr. Bo Lin ", account=account, at=LATER)


def stored(document: dict) -> dict:
    return json.loads(json.dumps(document))


def test_a_cosigned_document_is_valid_and_says_who_stood_for_what() -> None:
    document = stored(cosigned(signed()))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    read = read_document(document)
    (one,) = read.cosignatures
    assert (one.name, one.account, one.cosigned_at) == ("Dr. Bo Lin", "b-20", LATER)
    assert one.document_digest == document_digest(signed())
    assert unsigned(document) == stored(dict(result_document(make_result())))


def test_a_report_that_asks_for_it_is_preliminary_until_it_is_cosigned() -> None:
    document = signed()
    assert not read_document(stored(document)).is_final
    assert read_document(stored(signed(asks=False))).is_final
    assert read_document(stored(cosigned(document))).is_final
    assert status_of(read_document(document)) == PRELIMINARY
    assert status_of(read_document(cosigned(document))) == FINAL


def test_an_addendum_after_it_asks_again_and_the_first_one_stays_good() -> None:
    document = added(cosigned(signed()))
    read = read_document(stored(document))
    assert not read.is_final
    assert [one.addenda for one in read.cosignatures] == [0]
    read = read_document(stored(cosigned(document)))
    assert read.is_final
    assert [one.addenda for one in read.cosignatures] == [0, 1]


def test_an_addendum_is_about_the_report_and_not_about_who_cosigned_it() -> None:
    assert added(cosigned(signed()))["addenda"] == added(signed())["addenda"]


def test_nobody_cosigns_their_own_report_or_twice_or_a_draft() -> None:
    with pytest.raises(ValueError, match="their own"):
        cosigned(signed(), account="a-17")
    with pytest.raises(ValueError, match="already"):
        cosigned(cosigned(signed()))
    with pytest.raises(ValueError, match="only a signed"):
        cosigned(dict(result_document(make_result())))
    full = signed()
    for number in range(MOST_COSIGNATURES):
        full = cosigned(full, account=f"b-{number}")
    with pytest.raises(ValueError, match="at most"):
        cosigned(full, account="c-1")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("signature", "name"), "Dr. Mallory"),
        (("signature", "asks_cosignature"), False),
        (("cosignatures", 0, "account"), "a-17"),
        (("cosignatures", 0, "account"), ""),
        (("cosignatures", 0, "addenda"), 2),
        (("cosignatures", 0, "addenda"), 0),
        (("cosignatures", 0, "document_digest"), "0" * 64),
        (("cosignatures", 0, "cosigned_at"), "2026-03-03T14:05:07"),
        (("addenda", 0, "text"), "No effusion."),
        (("targets", 0, "operating_point"), 0.61),
    ],
)
def test_what_was_altered_after_it_was_cosigned_is_refused(
    path: tuple[str | int, ...], value: object
) -> None:
    document = copy.deepcopy(stored(cosigned(added(signed()))))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ResultFormatError):
        read_document(document)


def test_a_cosignature_without_a_signature_is_refused() -> None:
    document = cosigned(signed())
    with pytest.raises(ResultFormatError):
        read_document(unsigned(document) | {"cosignatures": document["cosignatures"]})


def test_the_pdf_says_on_every_page_that_it_is_preliminary_and_at_its_end_who_cosigned() -> None:
    pages = pages_of(signed())
    assert all("PRELIMINARY \u2013 signed" in page for page in pages)
    assert "A co-signature is asked for and awaited" in pages[-1]
    document = cosigned(signed())
    pages = pages_of(document)
    assert all("FINAL \u2013 signed" in page for page in pages)
    for fact in ("Co-signed by Dr. Bo Lin", "Account b-20", "Co-signed at 2026-03-03 15:05:07 UTC",
                 f"Result SHA-256 {document_digest(signed())}"):  # fmt: skip
        assert fact in pages[-1], fact
    assert "初步报告" in pages_of(signed(), "zh-Hans")[0]


def test_what_is_filed_is_preliminary_until_then_and_names_both_after() -> None:
    document = signed(document=dict(document_with()))
    (report,) = resources(bundle_of(document), "DiagnosticReport")
    assert report["status"] == "preliminary"
    assert "A co-signature is awaited" in report["conclusion"]
    bundle = bundle_of(cosigned(document))
    (report,) = resources(bundle, "DiagnosticReport")
    assert report["status"] == "final"
    assert report["resultsInterpreter"] == [{"display": "Dr. Ada Ray"}, {"display": "Dr. Bo Lin"}]
    assert report["issued"] == LATER.isoformat()
    assert "Co-signed by Dr. Bo Lin" in report["conclusion"]
    (provenance,) = resources(bundle, "Provenance")
    assert [agent["who"].get("display") for agent in provenance["agent"][1:]] == [
        "Dr. Ada Ray", "Dr. Bo Lin"
    ]  # fmt: skip
