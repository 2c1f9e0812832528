"""How the note reads: sections, what its clauses deny, phrases in order of their strength."""

import re
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from dashboard import evidence
from dashboard.components import note
from dashboard.evidence import Run, Span
from mmcore.records import PartItem
from tests.app import factory
from tests.app.conftest import Stage, html


def item(text: str, words: str, mark: str = "", signed: float = 0.1) -> PartItem:
    start = text.index(words)
    return PartItem(words, (start, start + len(words)), signed, mark)


def test_neighbouring_clauses_of_one_mark_are_one_run() -> None:
    text = "No fever, no cough. Asthma as a child."
    items = [item(text, "no cough.", "negated"), item(text, "No fever,", "negated"),
             item(text, "Asthma as a child.", "history")]  # fmt: skip
    assert evidence.marked_runs(text, items) == (Run(0, 19, "negated"), Run(20, 38, "history"))


def test_a_run_takes_in_a_phrase_that_it_touches() -> None:
    text = "cough;no fever today"
    items = [item(text, "no fever", "negated")]
    assert evidence.marked_runs(text, items, [Span(0, 8, 0.3, 1.0, "negated")]) == (
        Run(0, 14, "negated"),
    )


def test_what_is_asserted_is_in_no_run() -> None:
    assert evidence.marked_runs("A cough.", [item("A cough.", "A cough.")]) == ()


TEXT = "Cough: worse today. No fever, no rash. Asthma as a child."


def drawn() -> str:
    made = [
        item(TEXT, "Cough:", signed=0.2),
        item(TEXT, "worse today.", signed=0.9),
        item(TEXT, "No fever,", "negated", -0.4),
        item(TEXT, "no rash.", "negated", 0.0),
        item(TEXT, "Asthma as a child.", "history", 1.6),
    ]
    read = replace(factory.case().notes[0], text=TEXT, sections=())
    phrases = evidence.phrases(TEXT, evidence.words(TEXT, made))
    return note._text(read, phrases, made)


def test_the_strongest_phrase_is_the_first_to_go_to() -> None:
    found = re.findall(r'data-signed="([-.\d]+)" data-rank="(\d+)"', drawn())
    assert [float(s) for s, _ in sorted(found, key=lambda f: int(f[1]))] == [1.6, 1.1, -0.4]


def test_a_denial_is_marked_by_a_word_and_not_by_colour_alone() -> None:
    runs = re.findall(r'<span class="co-clause" data-mark="(\w+)">(.*?)</small></span>', drawn())
    assert [mark for mark, _ in runs] == ["negated", "history"]
    for mark, run in runs:
        assert run.endswith(f"</span>{mark}")


def shown(stage: Stage) -> str:
    page = html(stage.open_case("jane", "review"))
    return page[page.index('data-testid="note-text"') :]


def test_the_words_of_the_note_stand_in_their_order(stage: Stage) -> None:
    text = shown(stage)
    text = text[text.index(">") + 1 : text.index("</div></div>")]
    text = re.sub(r'<span class="co-section.*?</span>', "", text)
    text = re.sub(r'<small class="co-clause-mark">.*?</small>', "", text)
    text = re.sub(r"<[^>]+>", "", text)
    assert " ".join(text.split()) == " ".join(factory.case().notes[0].text.split())


def test_a_note_of_millions_of_characters_is_drawn_from_its_start_and_says_so() -> None:
    def page() -> None:
        from dataclasses import replace

        from dashboard.components import note
        from tests.app import factory

        text = "Cough: worse today. " + "The patient is well. " * 100_000
        long = replace(factory.case().notes[0], text=text, sections=())
        note.note_view(replace(factory.case(), notes=(long,)), long, None, scale="log-odds")

    drawn = html(AppTest.from_function(page, default_timeout=30).run())
    assert len(drawn) < 2 * note.MOST_DRAWN
    assert "goes on for 2,040,020 characters that are not shown here" in drawn
