"""Every code that is filed has a source that was read, and the meaning that it has there."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.sr._concepts_dict import concepts

from mmcore.report.reading import read_document
from mmcore.results import codes
from mmcore.results.codes import ELSEWHERE, Coded
from tests.unit.results.filed import document_with

GUIDE = Path("docs/results.md")
STATED = [one for one in vars(codes).values() if isinstance(one, Coded)]
OF_OTHERS = [one for one in STATED if one.scheme != codes.SCHEME]


def in_the_standard(code: Coded) -> set[str]:
    """Return what PS3.16 calls a code in its tables; nothing where it does not list it."""
    listed = concepts[code.scheme].values()
    return {str(one[code.value][0]) for one in listed if code.value in one}


def finding(display: str) -> Coded:
    target = read_document(document_with()).targets[0]
    return codes.finding_code(replace(target, name="x", display=display))


FINDINGS = ["Pleural effusion", "Pneumothorax", "Pulmonary edema", "Consolidation", "Atelectasis",
            "Severity"]  # fmt: skip


@pytest.mark.parametrize("code", OF_OTHERS, ids=lambda code: code.meaning)
def test_a_code_means_what_its_source_calls_it(code: Coded) -> None:
    found = in_the_standard(code)
    assert code.meaning in found or (not found and code.value in ELSEWHERE)


@pytest.mark.parametrize("display", FINDINGS)
def test_a_finding_has_a_code_whose_source_calls_it_so(display: str) -> None:
    code = finding(display)
    assert code.scheme == "SCT"
    found = in_the_standard(code)
    where = " ".join(found) or ELSEWHERE[code.value]
    assert display.casefold() in where.casefold()


def test_two_lists_that_disagree_leave_a_finding_with_our_own_code() -> None:
    assert finding("Cardiomegaly").scheme == codes.SCHEME


def test_every_other_source_is_named_in_the_guide() -> None:
    told = GUIDE.read_text("utf-8")
    for code, where in ELSEWHERE.items():
        assert re.search(rf"\| {code} \|.*{re.escape(where.partition(':')[0])}", told), code
