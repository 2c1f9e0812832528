"""The report in Simplified Chinese, and Chinese names in a report in English."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pypdf
import pytest

from mmcore.intake import case_from_paths
from mmcore.language import LANGUAGES, Text, catalogue, translate, word
from mmcore.records import Result
from mmcore.report import render_pdf, result_document
from mmcore.report.pdf.fonts import printable, written_in
from mmcore.report.pdf.sheet import BODY, wrap
from mmcore.serve.scoring import score_case
from mmcore.simulate.demo import write_demo
from tests.tiny import tiny_engine, untried
from tests.unit.report.factories import make_case, make_full_result, make_result

DEMO = Path(__file__).resolve().parents[3] / "assets" / "demo" / "disagreement" / "demo.yaml"
CHINESE = "zh-Hans"
QUOTES = re.compile("\u201c[^\u201d]*\u201d?")
ALLOWED = frozenset({
    "Hz", "HU", "DICOM", "PA", "AP", "DX", "CR", "CT", "MB", "GB", "logit", "Consilium", "SHA",
    "ID", "AI", "UTR", "NT", "proBNP", "SIMG", "simv", "Cel", "mmHg", "mm", "Hg", "min", "dL",
    "mL", "mg", "pg", "ng", "ug", "mmol", "uL",
})  # fmt: skip
"""Units, standards and names, that Chinese readers know by these letters."""


def text_of(result: Result, language: str) -> str:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(result_document(result), language)))
    return " ".join(page.extract_text() for page in reader.pages)


def strings_in(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from strings_in(one)
        case list() | tuple():
            for one in value:
                yield from strings_in(one)


def english_in(text: str) -> set[str]:
    words = re.findall(r"[A-Za-z]{2,}", QUOTES.sub("", text))
    return {found for found in words if found not in ALLOWED}


@cache
def demonstration(folder: Path) -> Result:
    (folder / "demo.yaml").write_bytes(DEMO.read_bytes())
    case = case_from_paths(list(write_demo(folder)))
    with untried():
        engine = tiny_engine()
        return score_case(engine, case, targets=list(engine.target_names)[:1])


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return demonstration(tmp_path_factory.mktemp("demo"))


def test_a_scored_and_explained_case_has_no_english_left(scored: Result) -> None:
    said = {text for text in strings_in(result_document(scored)) if isinstance(text, Text)}
    assert len(said) > 20
    left = {text: english_in(translate(text, CHINESE)) for text in said}
    assert not {text: found for text, found in left.items() if found}


def test_the_words_of_a_result_are_ours_to_translate(scored: Result) -> None:
    document = result_document(scored)
    told = [g["reason"] for g in document["gate"]] + [t["display"] for t in document["targets"]]
    parts = [p for t in document["targets"] for p in t["parts"].values()]
    told += [p["reason"] for p in parts] + [x["words"] for p in parts for x in p["tests"]]
    told += [place["name"] for p in parts for place in p["places"]]
    told += [*document["notices"], *document["case"]["notices"]]
    told += [observation["display"] for observation in document["case"]["observations"]]
    assert all(isinstance(text, Text) for text in told if text)


def test_a_report_in_chinese_has_no_english_but_what_the_files_say(scored: Result) -> None:
    case = scored.case
    data = [note.text for note in case.notes] + [file.name for file in case.files]
    data += [study.description for study in case.studies] + [v.variant_id for v in case.variants]
    data += [case.patient.name or "", case.patient.patient_id or "", "consilium result CHEST"]
    data += [scored.prediction.pack.name, scored.prediction.device, case.digest, "SIMG simv"]
    text = re.sub(r"\b[0-9a-f]{8,}\S*", "", text_of(scored, CHINESE))
    known = set(re.findall(r"[A-Za-z]+", " ".join(data)))
    assert {found for found in english_in(text) if found not in known and len(found) > 3} == set()
    for expected in ("仅供研究使用\uff0c非医疗器械", "肺实变", "病历", "工作点", "本报告的局限"):
        assert expected in text.replace("\n", "")


def test_every_character_of_every_translation_can_be_set() -> None:
    words = [text for language in LANGUAGES if language != "en"
             for text in catalogue(language).values()]  # fmt: skip
    lost = {text for text in words if re.search(r"\[U\+[0-9A-F]{4}", printable(text))}
    assert not lost


def test_a_chinese_name_is_right_in_an_english_report() -> None:
    case = make_case()
    for name in ("王珺玥", "歐陽娜娜", "山田太郎"):
        result = make_result(case=replace(case, patient=replace(case.patient, name=name)))
        assert name in text_of(result, "en")


def test_a_report_in_chinese_is_always_the_same() -> None:
    document = result_document(make_full_result())
    assert render_pdf(document, CHINESE) == render_pdf(document, CHINESE)
    assert render_pdf(document, CHINESE) != render_pdf(document)


def test_a_patients_name_that_is_a_word_of_ours_is_not_translated() -> None:
    case = make_case()
    result = make_result(case=replace(case, patient=replace(case.patient, name="Image")))
    assert "Image" in text_of(result, CHINESE)


def test_chinese_breaks_between_characters_but_never_before_a_full_stop() -> None:
    lines = wrap("肺与纵隔之外有证据。" * 12, BODY, 90.0)
    assert len(lines) > 3
    assert "".join(lines) == "肺与纵隔之外有证据。" * 12
    assert not any(line.startswith("。") for line in lines)
    assert wrap("two words", BODY, 200.0) == ["two words"]


def test_a_name_of_ours_is_translated_and_another_stays() -> None:
    with written_in(CHINESE):
        assert printable(word("Pneumothorax")) == "气胸"
        assert printable("Pneumothorax") == "Pneumothorax"
    assert printable(word("Pneumothorax")) == "Pneumothorax"


def test_a_language_nobody_offers_is_refused() -> None:
    with pytest.raises(KeyError):
        render_pdf(result_document(make_result()), "fr")
