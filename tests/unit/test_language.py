"""Sentences that remember how they were made, and are English until somebody asks."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from mmcore import language
from mmcore.language import (
    Text,
    capitalised,
    filled,
    from_plain,
    joined,
    lowered,
    say,
    sentence,
    to_plain,
    translate,
    word,
)

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


def test_a_sentence_crosses_to_another_process_as_json() -> None:
    text = joined(["X-17", say("{n} pages of the {what}", n=3, what=word("Clinical note"))], ", ")
    other = from_plain(json.loads(json.dumps(to_plain(text))))
    assert other == text
    assert translate(other, "zh-Hans") == translate(text, "zh-Hans") == "X-17、病历共 3 页"
    assert from_plain(to_plain("plain")) == "plain"


def test_numbers_of_numpy_cross_as_plain_numbers() -> None:
    text = say("{n} pages of the {what}", n=np.uint16(3), what=np.float32(0.5))
    assert from_plain(json.loads(json.dumps(to_plain(text)))) == "3 pages of the 0.5"


@pytest.mark.parametrize(
    "sent",
    [
        3,
        {"english": "x"},
        {"english": "x", "template": "{a.__class__}", "values": {"a": "b"}},
        {"english": "x", "template": "{a[0]}", "values": {"a": "b"}},
        {"english": "x", "template": "{b}", "values": {"a": "b"}},
        {"english": "x", "template": "{a}", "values": {"a": [1]}},
        {"english": "x", "template": "{a:{b.real}}", "values": {"a": "b", "b": 1}},
        {"english": "x", "template": "{a:999999999}", "values": {"a": 1}},
    ],
)
def test_a_text_that_reaches_into_its_values_is_refused(sent: object) -> None:
    with pytest.raises(ValueError, match=r"text|template"):
        from_plain(sent)


def test_a_text_of_a_table_is_filled_in_later() -> None:
    pages = filled(say("{n} pages of the {what}"), n=2, what=word("Clinical note"))
    assert pages == "2 pages of the Clinical note"
    assert translate(pages, "zh-Hans") == "病历共 2 页"


def test_a_name_of_the_product_is_looked_up_and_one_of_a_file_is_not() -> None:
    assert translate(word("Clinical note"), "zh-Hans") == "病历"
    named = say("{n} pages of the {what}", n=1, what="Clinical note")
    assert translate(named, "zh-Hans") == "Clinical note共 1 页"


def test_braces_mean_nothing_without_values() -> None:
    assert say("a set {1, 2}") == "a set {1, 2}"
    assert translate(say("a set {1, 2}"), "zh-Hans") == "a set {1, 2}"


def test_a_language_nobody_offers_is_an_error() -> None:
    with pytest.raises(KeyError):
        translate("Image", "fr")
