"""The cases page: every file is accounted for, in words, and nothing from a file becomes HTML."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import mmcore.intake
from dashboard import jobs, keeping, services, state
from mmcore.errors import RefusalCode
from mmcore.intake import case_from_files
from mmcore.records import Contradiction, ContradictionKind, FileVerdict, Modality
from tests.app import factory
from tests.app.conftest import Stage, html


def test_a_refused_file_shows_its_words_and_its_code(stage: Stage) -> None:
    page = html(stage.open_case("jane"))
    assert "Every pixel has the same value: there is nothing to see." in page
    assert "All 2,500 pixels are 0." in page
    assert "CONSTANT_IMAGE" in page


def test_a_file_name_is_text_never_html(stage: Stage) -> None:
    page = html(stage.open_case("jane"))
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;.dcm" in page


def test_a_missing_modality_is_said_to_be_missing(stage: Stage) -> None:
    stage.demos["jane"] = factory.case(observations=())
    page = html(stage.open_case("jane"))
    assert 'data-testid="input-observations" data-present="false"' in page
    assert "no labs or vitals" in page


def test_what_the_files_do_not_agree_on_is_told_as_text(stage: Stage) -> None:
    words = "<b>.dcm says left and note.txt says right"
    told = Contradiction(ContradictionKind.SIDE, words, ("<b>.dcm", "note.txt"))
    stage.demos["jane"] = factory.case(contradictions=(told,))
    page = html(stage.open_case("jane"))
    assert "Contradiction: &lt;b&gt;.dcm says left and note.txt says right." in page


def test_every_input_of_the_case_is_counted(stage: Stage) -> None:
    page = html(stage.open_case("jane"))
    for name, words in {
        "image": "1 image",
        "note": "1 note",
        "observations": "5 values",
        "recording": "6.0 s at 4 kHz, posterior right lower",
        "variants": "3 variants at 24 loci",
    }.items():
        chip = page[page.index(f'data-testid="input-{name}"') :]
        assert words in chip[: chip.index("</span>")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recordings": (factory.recording(), factory.recording(4.0, seed=1))},
         "2 recordings, 10 s in all"),
        ({"recordings": ()}, "no sound recording"),
        ({"variants": tuple(v for v in factory.variants() if v.copies)}, "3 variants"),
        ({"variants": tuple(v for v in factory.variants() if not v.copies)},
         "no variant at 21 loci"),
        ({"variants": ()}, "no gene panel"),
    ],
)  # fmt: skip
def test_sound_and_genes_are_counted_as_they_are(
    stage: Stage, changes: dict[str, Any], words: str
) -> None:
    stage.demos["jane"] = factory.case(**changes)
    assert f"<small>{words}</small>" in html(stage.open_case("jane"))


def test_an_input_that_an_extension_declared_is_counted_like_any_other(
    stage: Stage, lung_function: Modality
) -> None:
    stage.demos["jane"] = factory.case(attachments={lung_function: ("a", "b")})
    page = html(stage.open_case("jane"))
    assert 'data-testid="input-lung_function" data-present="true"' in page
    assert "Lung function" in page
    assert "2 inputs" in page


def test_a_demonstration_patient_says_which_inputs_it_has(stage: Stage) -> None:
    page = html(stage.open_page("intake"))
    assert "▣ Image" in page
    assert "♪ Sound" in page


def test_notices_about_the_case_are_shown(stage: Stage) -> None:
    stage.demos["jane"] = factory.case(notices=("The note is two days older than the image.",))
    assert "The note is two days older than the image." in html(stage.open_case("jane"))


def test_opening_another_case_adds_it_and_shows_nothing_of_the_first(stage: Stage) -> None:
    stage.demos["john"] = factory.case("Roe^John", files=(factory.source("b.dcm", "dicom"),))
    app = stage.open_another(stage.open_case("jane"), "john")
    page = html(app)
    assert "Roe, John" in page
    assert "Doe, Jane" not in page
    assert list(app.selectbox[0].options) == ["Doe, Jane · Jane", "Roe, John · John"]


def test_the_switcher_brings_the_first_case_back(stage: Stage) -> None:
    stage.demos["john"] = factory.case("Roe^John")
    app = stage.open_another(stage.open_case("jane"), "john")
    app.selectbox[0].select_index(0).run()
    assert "Doe, Jane" in html(app)


def test_closing_a_case_lets_it_go(stage: Stage) -> None:
    app = stage.open_case("jane")
    next(b for b in app.button if b.label == "Close this case").click().run()
    assert "No case is open yet" in html(app)


def test_a_case_of_refused_files_still_lists_them(stage: Stage) -> None:
    refused = factory.source(
        "a.dcm", "dicom", verdict=FileVerdict.REFUSED, code=RefusalCode.CORRUPT
    )
    stage.demos["jane"] = factory.case(studies=(), notes=(), observations=(), files=(refused,))
    page = html(stage.open_case("jane"))
    assert "1 file: 0 used, 1 refused" in page
    assert "The file is damaged or cut short." in page


def test_files_of_which_none_can_be_used_are_shown_and_no_case_to_review(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [("empty.dcm", b""), ("cut.dcm", bytes(128) + b"DICM" + b"\x02\x00")]
    monkeypatch.setattr(mmcore.intake, "case_from_files", case_from_files)
    monkeypatch.setattr(services, "read_demo", lambda _: services.read_files(given, "2 files"))
    app = stage.open_case("jane")
    page = html(app)
    assert "None of these files can be used" in page
    assert "2 files: 0 used, 2 refused" in page
    assert review_button(app).disabled
    kept = keeping.store()
    assert kept is not None
    assert kept.cases() == (), "nothing waits on the list that nobody could review"
    assert "There is nothing to review" in html(app.switch_page("../pages/review.py").run())


def test_a_table_whose_columns_are_still_to_be_named_is_kept(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [("odd.csv", b"thing,number,of\nglucose-like stuff,1.1,mmol/L\n")]
    monkeypatch.setattr(mmcore.intake, "case_from_files", case_from_files)
    monkeypatch.setattr(services, "read_demo", lambda _: services.read_files(given, "odd.csv"))
    app = stage.open_case("jane")
    assert review_button(app).disabled
    kept = keeping.store()
    assert kept is not None
    assert len(kept.cases()) == 1


def test_a_table_of_which_some_values_could_not_be_used_is_used_in_part(stage: Stage) -> None:
    whole = factory.source("whole.csv", "observations")
    partly = factory.source("partly.csv", "observations", reason="line 3: CRP has no unit")
    stage.demos["jane"] = factory.case(files=(whole, partly))
    page = html(stage.open_case("jane"))
    before, _, after = page.partition("partly.csv")
    assert '<span class="co-badge good">Used</span>' in before
    assert '<span class="co-badge caution">Used in part</span>' in after
    assert "Line 3: CRP has no unit." in after
    assert "2 files: 2 used" in page


def test_the_old_case_waits_while_another_one_is_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = stage.open_case("jane")
    assert not review_button(app).disabled

    def never_done(_: services.DemoCase) -> None:
        state.session().intake = jobs.Job()

    monkeypatch.setattr(services, "read_demo", never_done)
    app.button(key="demo-jane").click().run()
    assert review_button(app).disabled


def review_button(app: AppTest) -> Any:
    return next(b for b in app.button if b.label == "Review this case")
