"""Sentences that remember how they were made, and are English until somebody asks."""

import copy
import pickle
from pathlib import Path

import pytest

from mmcore import language
from mmcore.language import Text, capitalised, joined, lowered, say, sentence, translate

MESSAGES = r"""
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\n"

msgid "Clinical note"
msgstr "病历"

msgid "{n} pages of the {what}"
msgstr "{what}共 {n} 页"

msgid ", "
msgstr "、"

msgid "{words}."
msgstr "{words}。"

msgid "Image"
msgstr ""
"""


@pytest.fixture(autouse=True)
def message_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "zh-Hans"
    folder.mkdir()
    (folder / "core.po").write_text(MESSAGES, "utf-8")
    monkeypatch.setattr(language, "LOCALE", tmp_path)
    language.catalogue.cache_clear()
    yield
    language.catalogue.cache_clear()


def test_a_sentence_is_its_english() -> None:
    pages = say("{n} pages of the {what}", n=3, what=lowered(say("Clinical note")))
    assert pages == "3 pages of the clinical note"
    assert translate(pages, "en") == pages
    assert type(translate(pages, "en")) is str


def test_a_sentence_is_translated_with_the_words_in_it() -> None:
    pages = say("{n} pages of the {what}", n=3, what=lowered(say("Clinical note")))
    assert translate(pages, "zh-Hans") == "病历共 3 页"


def test_what_a_patients_file_says_is_never_translated() -> None:
    pages = say("{n} pages of the {what}", n=3, what="Clinical note")
    assert translate(pages, "zh-Hans") == "Clinical note共 3 页"


def test_an_unknown_or_empty_message_stays_english() -> None:
    assert translate(say("Spectrogram"), "zh-Hans") == "Spectrogram"
    assert translate(say("Image"), "zh-Hans") == "Image"
    assert translate("Pleural effusion", "zh-Hans") == "Pleural effusion"


def test_lists_join_with_the_separator_of_the_language() -> None:
    both = joined([say("Clinical note"), "X-17"], ", ")
    assert both == "Clinical note, X-17"
    assert translate(both, "zh-Hans") == "病历、X-17"


def test_a_sentence_ends_with_one_full_stop() -> None:
    assert sentence(lowered(say("Clinical note"))) == "Clinical note."
    assert translate(sentence(say("Clinical note")), "zh-Hans") == "病历。"
    assert sentence("Really?") == "Really?"
    assert sentence("") == ""


def test_a_sentence_survives_copies_and_processes() -> None:
    text = capitalised(say("{n} pages of the {what}", n=1, what=say("Image")))
    for other in (copy.deepcopy(text), pickle.loads(pickle.dumps(text))):
        assert isinstance(other, Text)
        assert translate(other, "zh-Hans") == translate(text, "zh-Hans")


def test_braces_mean_nothing_without_values() -> None:
    assert say("a set {1, 2}") == "a set {1, 2}"
    assert translate(say("a set {1, 2}"), "zh-Hans") == "a set {1, 2}"


def test_a_language_nobody_offers_is_an_error() -> None:
    with pytest.raises(KeyError):
        translate("Image", "fr")
