"""A PDF says on every page whether anybody stands for it, who does, and what came after."""

import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdf

from mmcore.records import MOST_CONCLUSION, Section
from mmcore.report import add, document_digest, render_pdf, result_document, sign, write_result
from tests.unit.report.factories import make_case, make_full_result, make_result
from tests.unit.report.test_impressions import reading

T = datetime(2026, 3, 3, 14, 5, 7, tzinfo=UTC)


def draft(**changes: object) -> dict:
    return dict(result_document(replace(make_result(), **changes)))


def signed(**changes: object) -> dict:
    return sign(draft(**changes), name="Dr. Ada Ray", account="a-17", at=T)


def pages_of(document: dict, language: str = "en") -> list[str]:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(document, language)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def test_every_page_of_what_nobody_signed_says_draft() -> None:
    pages = pages_of(draft(conclusion="First line.\n" * 200))
    assert len(pages) > 3
    assert all("DRAFT \u2013 unsigned" in page and "FINAL" not in page for page in pages)
    assert "Nobody has signed this report" in pages[-1]


def test_no_page_of_a_signed_report_says_draft_and_the_last_says_who_signed_what() -> None:
    conclusion = "First line.\n" * 200
    digest = document_digest(draft(conclusion=conclusion))
    pages = pages_of(signed(conclusion=conclusion))
    assert all("FINAL \u2013 signed" in page and "DRAFT" not in page for page in pages)
    for fact in (
        "Signed by Dr. Ada Ray", "Account a-17", "Signed at 2026-03-03 14:05:07 UTC",
        f"Result SHA-256 {digest}",
        f"Case SHA-256 {make_case().digest}", "no cryptographic signature",
    ):  # fmt: skip
        assert fact in pages[-1], fact


def test_addenda_are_announced_on_the_first_page_and_told_on_the_last() -> None:
    document = signed()
    for number, text in enumerate(("Effusion as well.", "Told to the ward."), start=1):
        at = T + timedelta(hours=number)
        document = add(document, text=text, name="Dr. Bo Lin", account=None, at=at)
    pages = pages_of(document)
    assert "This report has addenda, which stand at its end." in pages[0]
    assert all("FINAL \u2013 with addenda" in page for page in pages)
    end = pages[-1]
    assert "Addendum 1 Dr. Bo Lin, 2026-03-03 15:05:07 UTC Effusion as well." in end
    assert end.index("Sign-off") < end.index("Effusion as well.") < end.index("Told to the ward.")
    assert document["addenda"][1]["follows"] in end


def test_question_technique_and_conclusion_come_before_what_the_model_says() -> None:
    case = make_full_result().case
    text = "Indication: Fever, cough."
    note = replace(case.notes[0], text=text, sections=(Section("Indication", "indication", 0, 25),))
    result = replace(make_full_result(), case=replace(case, notes=(note,)), conclusion="肺炎")
    first = pages_of(dict(result_document(result)))[0]
    places = [
        first.index(words)
        for words in ("Question Fever, cough.", "Technique Image: DX CHEST PA",
                      "Conclusion of the reader 肺炎", "AI summary")
    ]  # fmt: skip
    assert places == sorted(places)
    assert "Sound: 6.0 s at 4,000 Hz, posterior left lower." in first
    assert "Genes: a panel of 4 loci." in first


def test_a_case_without_a_question_or_conclusion_has_no_such_section() -> None:
    text = " ".join(pages_of(draft()))
    assert "Question" not in text
    assert "Conclusion of the reader" not in text


def test_a_conclusion_of_any_length_is_drawn_to_its_last_word() -> None:
    words = "word " * (MOST_CONCLUSION // 5 - 2) + "end."
    assert "word end." in " ".join(pages_of(draft(conclusion=words)))


def test_whoever_signed_is_who_read() -> None:
    assert "Who read is not recorded before" in " ".join(pages_of(draft(reading=reading())))
    assert "Read by Dr. Ada Ray." in " ".join(pages_of(signed(reading=reading())))


def test_a_signed_report_in_chinese_says_so_in_chinese() -> None:
    pages = pages_of(signed(), "zh-Hans")
    assert all("正式报告 \u2013 已签署" in page for page in pages)
    assert "签署人 Dr. Ada Ray" in pages[-1]


def test_two_processes_draw_the_same_bytes(tmp_path: Path) -> None:
    write_result(signed(conclusion="肺炎。"), tmp_path / "signed.json")
    program = (
        "import sys; from pathlib import Path; from mmcore.report import read_result, render_pdf; "
        "sys.stdout.buffer.write(render_pdf(read_result(Path(sys.argv[1])), sys.argv[2]))"
    )

    def drawn(language: str, seed: str) -> bytes:
        command = [sys.executable, "-c", program, str(tmp_path / "signed.json"), language]
        environment = {"PYTHONHASHSEED": seed, "TZ": f"UTC{seed}"}
        done = subprocess.run(command, check=True, capture_output=True, env=environment)
        return done.stdout

    for language in ("en", "zh-Hans"):
        first = drawn(language, "1")
        assert first.startswith(b"%PDF-1.4")
        assert first == drawn(language, "2"), language
