"""What the PDF says of the evidence of further findings is so: it follows, or is elsewhere."""

import io
import re
from dataclasses import replace

import pytest
from pypdf import PdfReader

from mmcore.records import Result
from mmcore.report import render_pdf, result_document
from mmcore.report.template import Section, Template
from tests.unit.report.factories import make_explanation, make_full_result, make_result, make_target
from tests.unit.report.test_key_images import key_image

NAMES = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta")


def result(count: int, *, is_full: bool, words: int = 0) -> Result:
    targets = tuple(
        replace(make_target(name.lower(), 2.5 - 0.3 * i), display=name)
        for i, name in enumerate(NAMES[:count])
    )
    made = make_result(targets=targets)
    if is_full:
        ledger = {t.name: make_explanation(t, (1.0, 0.6, 0.8, 0.2, 0.2)) for t in targets}
        made = make_full_result(targets=targets, explanations=ledger)
    return replace(made, conclusion=("word " * words).strip())


def pages(of: Result, template: Template | None = None) -> list[str]:
    drawn = render_pdf(dict(result_document(of)), template=template or Template())
    return [" ".join(p.extract_text().split()) for p in PdfReader(io.BytesIO(drawn)).pages]


def named(text: str, rest: str) -> list[str]:
    """Return the findings whose evidence is said to be where ``rest`` says."""
    found = re.findall(
        rf"Also at or above their operating points: ([^.]*)\. The evidence {rest}", text
    )
    return [name for names in found for name in names.split(", ")]


@pytest.mark.parametrize(("count", "is_full", "words"), [
    (2, False, 0), (3, False, 0), (6, False, 250), (3, True, 0), (3, True, 700), (6, True, 700),
])  # fmt: skip
def test_evidence_that_is_said_to_follow_follows_and_no_other(
    count: int, is_full: bool, words: int
) -> None:
    told = pages(result(count, is_full=is_full, words=words))
    text = " ".join(told)
    follow, elsewhere = named(text, "follows"), named(text, "is on the page")
    assert follow + elsewhere == list(NAMES[1:count])
    assert re.findall(r"Further finding: (\w+)", text) == follow
    assert f"{len(told)} of {len(told)}" in told[-1], "and the pages are counted right"


def test_a_page_that_is_there_anyway_takes_the_evidence_that_fits_on_it() -> None:
    plain = result(3, is_full=True)
    before = pages(plain)
    assert named(" ".join(before), "follows") == []
    after = pages(replace(plain, key_images=(key_image(),)))
    assert len(after) == len(before) + 1, "for the picture"
    assert "Further finding: Beta" in after[-1]


def test_what_a_site_leaves_out_is_not_said_to_lack_room() -> None:
    short = Template(sections=frozenset(Section) - {Section.FURTHER})
    text = " ".join(pages(result(2, is_full=False), short))
    assert named(text, "is on the page and in the result document only\\.") == ["Beta"]
    assert "want of room" not in text
