"""Every page in Chinese: nothing of ours stays English, and a change of language loses nothing."""

import html as html_module
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from dashboard import services, site, state, stored_words
from mmcore.language import capitalised, say, translate, word
from mmcore.records import Case, GateVerdict, Modality, Parts, TargetGate
from tests.app import factory
from tests.app.conftest import PAGE_FILES, Stage, html

SAID = (
    "label", "help", "placeholder", "options", "body", "text", "caption", "alt", "content", "title"
)  # fmt: skip
"""Fields of Streamlit's messages that a reader reads."""
DRAWN = ("text", "y", "customdata", "ticktext")
ATTRIBUTES = re.compile(r'(?:title|aria-label|alt|data-tip|data-show|data-hide)="([^"]*)"')
CODES = """
    Consilium Language English
    DICOM PDF JSON CSV FHIR HL VCF WAV FLAC CDA Word zip MB kB dB Hz kHz UTC SHA
    CPU ICU AUROC AUPRC MAE RMSE ECE Brier Dice IoU Spearman PyTorch phantom
    assets packs docs bench md PageUp PageDown Alt Ctrl Shift mmcore
"""
"""Names, formats, units and keys that are the same in both languages."""


class Named(factory.FakeEngine):
    """An engine whose words are those of an embedded pack and of the core."""

    card_markdown = "#"

    def __init__(self) -> None:
        doubt = say("the image is raw detector data, not the one made for reading")
        gates = (
            *factory.GATES[:3],
            TargetGate("nodule", GateVerdict.CAUTION, doubt),
            factory.GATES[4],
            TargetGate("cardiomegaly", GateVerdict.WITHHELD, "", Modality.IMAGE),
            factory.GATES[6],
        )
        displays = {"nodule": "Pulmonary nodule", "oedema": "Pulmonary edema"}
        targets = tuple(
            replace(t, display=displays.get(t.name, t.display), unit="of 10" if t.unit else "")
            for t in factory.TARGETS
        )
        super().__init__(targets=targets, gates=gates)
        self.card_facts = {
            "training": {"training_patients": 7, "hours": 0.5},
            "figures": factory.FakeEngine.card_facts["figures"],
        }

    def _parts(self, case: Case, modality: Modality, total: float) -> Parts:
        parts = super()._parts(case, modality, total)
        if modality in (Modality.NOTE, Modality.OBSERVATIONS):
            return parts
        named = word("rest of the image")
        return replace(parts, items=tuple(replace(i, what=named) for i in parts.items))


@pytest.fixture
def chinese(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv(site.LANGUAGE, "zh-Hans")
    stage.engine = Named()
    return stage


def strings(message: Message) -> Iterator[str]:
    """Yield what a message from the server gives a reader to read."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            several = value if field.is_repeated else [value]
            for one in several:
                if isinstance(one, Message):
                    yield from strings(one)
        elif field.name == "spec":
            yield from drawn(json.loads(value))
        elif field.name in SAID:
            for text in [value] if isinstance(value, str) else value:
                yield from read_in(str(text))


def read_in(text: str) -> Iterator[str]:
    """Yield the words in HTML or plain text, with those that a pointer or screen reader gets."""
    if text.startswith("<style"):
        return
    yield from map(html_module.unescape, ATTRIBUTES.findall(text))
    yield html_module.unescape(re.sub(r"<[^>]*>", " ", text))


def drawn(spec: Any, key: str = "") -> Iterator[str]:
    """Yield the words in a chart."""
    if isinstance(spec, dict):
        for name, value in spec.items():
            yield from drawn(value, name)
    elif isinstance(spec, list):
        for value in spec:
            yield from drawn(value, key)
    elif isinstance(spec, str) and key in DRAWN:
        yield spec


def english(app: AppTest, known: set[str]) -> list[str]:
    """Return every word on the page that nobody needs in English."""
    assert not app.exception, app.exception
    found: set[str] = set()
    nodes = [app._tree]
    while nodes:
        node: Any = nodes.pop()
        nodes += list(getattr(node, "children", {}).values())
        if node.type == "code" or not isinstance(getattr(node, "proto", None), Message):
            continue
        for text in strings(node.proto):
            found |= words_of(text) - known
    return sorted(found)


def words_of(*texts: object) -> set[str]:
    """Return the words of texts, which digests are not."""
    plain = (re.sub(r"\b[0-9a-f]{12,}\b", "", str(text)) for text in texts)
    return {w.lower() for text in plain for w in re.findall(r"[A-Za-z]{2,}", text)}


def patient_and_codes(case: Case) -> set[str]:
    """Return the words of the patient's own files, and those of ``CODES`` and method names."""
    seen = [*case.files, *case.observations, *case.variants, case.patient, case.recordings[0].site]
    seen += [study.description for study in case.studies]
    seen += [f"{one.dicom_modality} {one.description}" for s in case.studies for one in s.series]
    methods = words_of(*services.methods().values())
    return words_of(CODES, factory.NOTE, "jane", *seen) | methods


@pytest.mark.parametrize("stem", PAGE_FILES)
def test_a_page_without_a_case_has_no_english_words(chinese: Stage, stem: str) -> None:
    app = chinese.open_page(stem)
    assert "仅供研究使用" in html(app)
    assert english(app, patient_and_codes(factory.case()) | words_of("a case Jane")) == []


@pytest.mark.parametrize("stem", PAGE_FILES)
def test_a_page_with_a_case_has_no_english_words(chinese: Stage, stem: str) -> None:
    app = chinese.open_case("jane", stem)
    known = patient_and_codes(chinese.demos["jane"]) | words_of("a case Jane")
    assert english(app, known) == []


@pytest.mark.parametrize("mode", ["read-first", "second-reader"])
def test_a_reading_is_asked_for_in_chinese(
    chinese: Stage, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv(site.READING, mode)
    app = chinese.open_case("jane", "review")
    assert "您的阅片意见" in html(app)
    assert english(app, patient_and_codes(chinese.demos["jane"])) == []


def test_an_english_word_on_a_page_would_be_found(chinese: Stage) -> None:
    app = chinese.open_page("intake")
    assert "jane" in english(app, words_of(CODES))


def test_the_reader_chooses_the_language_and_stays_where_they_are(stage: Stage) -> None:
    app = stage.open_case("jane", "review")
    assert "Why: Consolidation" in html(app)
    app = app.selectbox(key="language").set_value("zh-Hans").run()
    page = html(app)
    assert "肺实变" in page
    assert "Why: " not in page


def test_a_language_that_nobody_offers_is_refused_in_words(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.LANGUAGE, "Klingon")
    page = html(stage.open_page("intake"))
    assert 'data-testid="error-state"' in page
    assert "CONSILIUM_LANGUAGE" in page
    assert 'data-testid="research-banner"' not in page


def test_words_that_streamlit_writes_are_replaced_by_ours(chinese: Stage) -> None:
    app = chinese.open_page("intake")
    styles = [e.value for e in app.get("html") if e.value.startswith("<style")]
    assert any('--co-word-upload:"选择文件"' in style for style in styles)


def test_outside_a_page_words_are_english() -> None:
    assert state.language() == "en"


@pytest.mark.parametrize("name", ["phantom", "thorax"])
def test_what_a_card_says_of_its_gate_is_translated(name: str) -> None:
    card = yaml.safe_load((services.PACKS / name / "card.yaml").read_text("utf-8"))
    gate = card["gate"]
    columns = {column for row in gate["films"].values() for column in row}
    for said in (gate["how"], *map(capitalised, (*gate, *gate["films"], *columns))):
        assert translate(said, "zh-Hans") != said, said


def test_the_number_of_files_of_a_stored_case_is_told_in_the_readers_language() -> None:
    assert translate(stored_words.label_of("3 files"), "zh-Hans") == "3 个文件"
    assert stored_words.label_of("3 files of Jane") == "3 files of Jane"
