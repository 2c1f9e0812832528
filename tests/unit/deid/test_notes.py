"""What leaves a note, what stays in it, and how dates are moved."""

# ruff: noqa: RUF001 - Chinese has its own punctuation

import re
import time

import numpy as np
import pytest

from mmcore.deid.notes import Known, moved_date, scrub
from mmcore.deid.records import SpanKind
from tests.unit.deid.written_notes import KNOWN_NAMES, KNOWN_NUMBERS, NOTES

JANE = Known(names=frozenset({"Doe^Jane^Q"}), numbers=frozenset({"AB-77"}))

IDENTIFIERS = [
    ("Patient: Doe, Jane\nCough.", "Doe, Jane"),
    ("DOE JANE, film of the chest", "DOE JANE"),
    ("Mrs Doe has a cough", "Doe"),
    ("the cough of doe, jane", "doe, jane"),
    ("Jane's cough", "Jane"),
    ("J. Doe and Doe J.", "Doe"),
    ("pt J.D. seen", "J.D."),
    ("DOE^JANE", "DOE"),
    ("record ab-77 of 2021", "ab-77"),
    ("Seen by Dr. A. B. Smith-Jones today", "Smith-Jones"),
    ("Dictated by: Maria de la Cruz, MD", "Maria de la Cruz"),
    ("Robert A. Johnson, M.D.", "Robert A. Johnson"),
    ("Discussed with Prof O'Neill", "O'Neill"),
    ("Electronically signed by Wei Zhang at noon", "Wei Zhang"),
    ("Referring physician: Nguyen, Thi", "Nguyen, Thi"),
    ("His wife Helen is well", "Helen"),
    ("Dear Dr Hassan,", "Hassan"),
    ("admitted 2024-03-12 with fever", "2024-03-12"),
    ("film of 03/12/2024", "03/12/2024"),
    ("film of 12.03.2024", "12.03.2024"),
    ("on 12 March 2024", "12 March 2024"),
    ("on March 12th, 2024", "March 12th, 2024"),
    ("since 12-Mar-24", "12-Mar-24"),
    ("last seen in March 2024", "March 2024"),
    ("follow up March 14", "March 14"),
    ("DOB: 3/12/51", "3/12/51"),
    ("a 93-year-old woman", "93"),
    ("aged 101 years", "101"),
    ("97 yo male", "97"),
    ("Tel: (555) 123-4567", "123-4567"),
    ("fax 0171 555 0199", "555 0199"),
    ("+44 20 7946 0958", "7946"),
    ("write to a.b@mail.example.org", "a.b@mail.example.org"),
    ("see https://x.example/p?id=9", "x.example"),
    ("from 10.0.0.12 today", "10.0.0.12"),
    ("SSN 123-45-6789", "123-45-6789"),
    ("MRN: 00417", "00417"),
    ("Accession number A1234567", "A1234567"),
    ("Policy no. HX-99812", "HX-99812"),
    ("Account: 77123", "77123"),
    ("medical license number D-44519", "D-44519"),
    ("license plate: XYZ-1234", "XYZ-1234"),
    ("pacemaker serial number SN4455-77", "SN4455-77"),
    ("VIN 1HGCM82633A004352", "1HGCM82633A004352"),
    ("UID 1.2.840.113619.2.55.3", "113619"),
    ("12 Elm Street, Springfield, IL 62704", "Elm Street"),
    ("12 Elm Street, Springfield, IL 62704", "62704"),
    ("P.O. Box 417", "417"),
    ("lives in Springfield with a dog", "Springfield"),
    ("at St Mary's Hospital", "Mary"),
    ("transferred from Green Valley Medical Center", "Green Valley"),
    ("患者张三，男，因咳嗽就诊", "张三"),
    ("姓名：李小龙 性别：男", "李小龙"),
    ("报告医师：王伟", "王伟"),
    ("住院号：ZY20240312", "ZY20240312"),
    ("身份证号：11010519491231002X", "11010519491231002X"),
    ("手机13812345678", "13812345678"),
    ("于2024年3月12日入院", "2024年3月12日"),
    ("93岁女性", "93"),
    ("在北京协和医院就诊", "北京协和"),
    ("地址：北京市朝阳区建国路88号。", "建国路"),
]

CLINICAL = [
    "Right lower lobe consolidation. No pleural effusion. Heart size normal.",
    "BP 120/80, HR 96, RR 22, T 38.4, SpO2 93% on 2 L/min.",
    "WBC 12.4, Hb 10.1 g/dL, platelets 250000, CRP 145 mg/L, BNP 35000 pg/mL.",
    "T12 vertebra, L1-L2 disc, grade 3/6 murmur, 3/12 weeks, NYHA class II.",
    "72-year-old woman with COPD since 2019, 40 pack-years.",
    "PA and lateral views. ET tube 4.2 cm above the carina. 8 mm nodule.",
    "Amoxicillin 500 mg three times daily for 7 days; vancomycin 1 g.",
    "May represent atelectasis. March fracture of the second metatarsal.",
    "Swan-Ganz catheter, Kerley B lines, Hampton hump.",
    "胸片示右下肺实变，未见胸腔积液，心影不大。体温38.4度，白细胞12.4。",
    "72岁男性，咳嗽3天。",
]


@pytest.mark.parametrize(("text", "gone"), IDENTIFIERS)
def test_an_identifier_leaves(text: str, gone: str) -> None:
    clean = scrub(text, JANE)
    assert gone not in clean.text
    assert "[" in clean.text


def test_a_name_is_found_with_and_without_its_accents() -> None:
    known = Known(names=frozenset({"Müller^José"}))
    for text in (
        "Müller coughs",
        "Muller coughs",
        "Mueller coughs",
        "MÜLLER coughs",
        "Jose coughs",
    ):
        assert scrub(text, known).text == "[NAME] coughs"
    assert scrub("Müller coughs", Known(names=frozenset({"Muller"}))).text == "[NAME] coughs"


@pytest.mark.parametrize("text", CLINICAL)
def test_a_clinical_sentence_stays_as_it_is(text: str) -> None:
    assert scrub(text, JANE).text == text


def test_spans_say_what_stood_where_in_the_source() -> None:
    text = "Mrs Doe, 93 years, tel: 555 123 4567"
    spans = scrub(text, JANE).spans
    assert [(text[s.start : s.end], s.kind) for s in spans] == [
        ("Mrs Doe", SpanKind.NAME), ("93", SpanKind.AGE), ("555 123 4567", SpanKind.PHONE),
    ]  # fmt: skip


def test_scrubbing_twice_changes_nothing_more() -> None:
    once = scrub("\n".join(text for text, _ in IDENTIFIERS), JANE).text
    assert scrub(once, JANE).text == once


@pytest.mark.parametrize(
    ("date", "moved"),
    [
        ("2024-03-12", "2024-02-11"),
        ("20240312", "20240211"),
        ("12.03.2024", "11.02.2024"),
        ("31/03/2024", "01/03/2024"),
        ("03/31/2024", "03/01/2024"),
        ("12 March 2024", "11 February 2024"),
        ("March 12, 2024", "February 11, 2024"),
        ("2024年3月12日", "2024年2月11日"),
        ("03/04/2024", None),  # the third of April, or the fourth of March
        ("12 March", None),
        ("2024-02-31", None),
    ],
)
def test_a_date_moves_in_its_own_form_or_not_at_all(date: str, moved: str | None) -> None:
    assert moved_date(date, -30) == moved


def test_a_date_that_can_be_read_in_two_ways_is_removed_where_others_move() -> None:
    assert scrub("on 03/04/2024 and 2024-03-12", days=-30).text == "on [DATE] and 2024-02-11"


def marked(note: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a written note without its braces, and where they stood."""
    text, spans, at = "", [], 0
    for match in re.finditer(r"\{\{(.*?)\}\}", note, re.DOTALL):
        text += note[at : match.start()]
        spans.append((len(text), len(text) + len(match[1])))
        text, at = text + match[1], match.end()
    return text + note[at:], spans


def test_notes_of_many_hands_lose_what_identifies_and_little_else() -> None:
    found = planted = wrong = words = 0
    for note in NOTES:
        text, spans = marked(note)
        gone = np.zeros(len(text), bool)
        for span in scrub(text, Known(KNOWN_NAMES, KNOWN_NUMBERS)).spans:
            gone[span.start : span.end] = True
        for start, end in spans:
            letters = [i for i in range(start, end) if text[i].isalnum()]
            planted, found = planted + 1, found + bool(gone[letters].mean() > 0.7)
        for word in re.finditer(r"\w+", text):
            if not any(start <= word.start() < end for start, end in spans):
                words, wrong = words + 1, wrong + bool(gone[word.start()])
    assert (planted, words) == (120, 515)
    assert found >= 118
    assert wrong <= 2


@pytest.mark.parametrize(
    "unit", ["A", "A-", "Aa ", "9", "9.", "1 ", "A. ", "a@", "王", "Dr. ", "Ab, ", "of the "]
)
def test_no_text_takes_long(unit: str) -> None:
    start = time.process_time()
    scrub(unit * (20_000 // len(unit)), JANE)
    assert time.process_time() - start < 4
