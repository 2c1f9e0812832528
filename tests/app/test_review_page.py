"""The review page: findings, ledger and evidence of one case."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dashboard import attention, jobs
from dashboard.attention import Attention
from mmcore.records import Case, Interaction, Modality, Parts, PartTest, Place
from tests.app import factory
from tests.app.conftest import Stage, choose, html


def test_the_finding_that_needs_attention_most_is_explained_first(stage: Stage) -> None:
    page = html(stage.open_case("jane", "review"))
    assert "Why: Consolidation" in page
    expected = ("consolidation", "effusion", "nodule", "severity", "cardiomegaly", "oedema")
    order = [page.index(f'data-testid="finding-{name}"') for name in expected]
    assert order == sorted(order)


def test_a_finding_reads_in_per_cent_and_in_words_with_its_interval(stage: Stage) -> None:
    page = html(stage.open_case("jane", "review"))
    row = page[page.index('data-testid="finding-consolidation"') :][:1500]
    for words in ("89%", "likely", "90% interval 82\u201396%", "Present"):
        assert words in row


def test_the_note_is_shaded_and_escaped(stage: Stage) -> None:
    text = factory.NOTE.replace("No chest pain", "<script>alert(1)</script>")
    note = factory.case().notes[0]
    changed = type(note)(note.digest, text, note.sections, note.authored_at, note.title)
    stage.demos["jane"] = factory.case(notes=(changed,))
    page = html(stage.open_case("jane", "review"))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert '<mark class="co-ev for"' in page


def test_changing_the_case_leaves_nothing_of_the_old_one(stage: Stage) -> None:
    john = factory.case("Roe^John", picture=factory.image(32, 32, seed=5), observations=())
    stage.demos["john"] = john
    app = choose(stage.open_case("jane", "review"), "nodule")
    assert "Why: Nodule" in html(app)
    app = stage.open_another(app, "john").switch_page("../pages/review.py").run()
    page = html(app)
    assert "Why: Consolidation" in page, "the choice belongs to the other case"
    assert "C-reactive protein" not in page
    header, _ = stage.shown["viewer"]
    assert header["corners"]["patient"][0] == "Roe, John"
    assert stage.shown["pixels"][1]["pixels"].shape == (1, 32, 32)


def test_a_case_without_an_image_is_reviewed_without_one(stage: Stage) -> None:
    stage.demos["jane"] = factory.case(studies=())
    page = html(stage.open_case("jane", "review"))
    assert "No image in this case" in page
    assert "viewer" not in stage.shown
    assert "Why: Consolidation" in page


def test_a_finding_whose_interval_holds_the_operating_point_is_borderline() -> None:
    prediction = factory.FakeEngine().predict(factory.case())
    by_name = {f.prediction.name: f.attention for f in attention.ordered(prediction)}
    assert by_name["effusion"] is Attention.BORDERLINE
    assert by_name["oedema"] is Attention.ABSENT
    assert by_name["nodule"] is Attention.CAUTION


def test_work_that_ends_while_the_page_is_being_drawn_is_not_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every job here ends only when the page looks at it, after it was asked for its result."""

    class LateJob(jobs.Job[Any]):
        work: Callable[[jobs.Tell], Any] | None = None

        def wait(self, seconds: float | None = None) -> bool:
            if self.work is not None:
                work, self.work = self.work, None
                self.run(work)
            return super().wait(seconds)

    def start_late(work: Callable[[jobs.Tell], Any]) -> jobs.Job[Any]:
        job = LateJob()
        job.work = work
        return job

    app = stage.open_case("jane")
    monkeypatch.setattr(jobs, "start", start_late)
    page = html(app.switch_page("../pages/review.py").run())
    assert 'data-testid="ledger-sentence"' in page
    assert 'data-testid="report-preview"' in html(app.switch_page("../pages/report.py").run())


def test_every_section_shows_its_sum_even_where_its_heading_is_evidence(stage: Stage) -> None:
    page = html(stage.open_case("jane", "review"))
    note = page[page.index('data-testid="note-text"') :]
    assert note.count('class="co-section') == 3


def test_what_must_be_known_of_the_case_stands_on_the_review_page(stage: Stage) -> None:
    picture = factory.image(notices=("Pixel spacing is as at the detector.",))
    stage.demos["jane"] = factory.case(
        picture=picture, observations=(), notices=("The note is two days older than the image.",)
    )
    page = html(stage.open_case("jane", "review"))
    notices = page[page.index('data-testid="notices"') :]
    notices = notices[: notices.index("</ul>")]
    assert "The note is two days older than the image." in notices
    assert "The case has no labs or vitals" in notices
    assert "Pixel spacing is as at the detector." in notices


def test_the_steps_of_the_ledger_table_add_up_in_one_unit(stage: Stage) -> None:
    page = html(stage.open_case("jane", "review"))
    table = page[page.index('<caption class="co-hidden">Ledger of Consolidation') :]
    assert "Moves the result by (log-odds)" in table
    for row in ("Starting point</th><td>\u22121.40 (20%)", "This patient</th><td>+2.10 (89%)"):
        assert row in table


def test_a_call_at_a_low_operating_point_does_not_read_as_a_contradiction(stage: Stage) -> None:
    low = replace(factory.finding("consolidation", "Consolidation", -1.1), operating_point=0.2)
    stage.engine = factory.FakeEngine(targets=(low, *factory.TARGETS[1:]))
    page = html(stage.open_case("jane", "review"))
    row = page[page.index('data-testid="finding-consolidation"') :]
    row = row[: row.index("</div>")]
    assert ">Flagged<" in row
    assert ">Present<" not in row
    assert "operating point 20%" in row
    assert "Flagged: at or above its operating point of 20%, yet below 50%" in page
    filed = html(stage.open_case("jane", "report"))
    assert "<td>Flagged (operating point 20%)</td><td>25%, unlikely</td>" in filed


def test_a_set_of_neither_is_explained_in_a_sentence_on_page_and_preview(stage: Stage) -> None:
    odd = replace(factory.finding("consolidation", "Consolidation", 2.1), prediction_set="neither")
    stage.engine = factory.FakeEngine(targets=(odd, *factory.TARGETS[1:]))
    means = "9 in 10 with the finding scored higher"
    page = html(stage.open_case("jane", "review"))
    assert "neither can be kept at 90% coverage" in page
    note = page[page.index('data-testid="set-note"') :]
    assert means in note[: note.index("</div>")]
    assert means in html(stage.open_case("jane", "report"))


def test_a_probability_beside_its_operating_point_has_as_many_digits_as_it(stage: Stage) -> None:
    """49.6% called absent at 50%: both with the digits that tell them apart, on every page."""
    near = replace(factory.finding("consolidation", "Consolidation", -0.016), operating_point=0.5)
    stage.engine = factory.FakeEngine(targets=(near, *factory.TARGETS[1:]))
    page = html(stage.open_case("jane", "review"))
    assert "<td>49.6%</td>" in page
    assert "<td>50.0%</td>" in page
    filed = html(stage.open_case("jane", "report"))
    assert (
        "Consolidation</th><td>Borderline (operating point 50.0%)</td><td>49.6%, possible</td>"
        in filed
    )


def test_modalities_that_do_not_interact_are_not_said_to(stage: Stage) -> None:
    class Plain(factory.FakeEngine):
        def explain(self, case, target, *, progress=None):  # type: ignore[no-untyped-def] # as above
            found = super().explain(case, target, progress=progress)
            nothing = Interaction(Modality.IMAGE, Modality.NOTE, 0.004)
            return replace(found, interactions=(nothing,))

    stage.engine = Plain()
    page = html(stage.open_case("jane", "review"))
    assert "together they give the result of the two alone, added up" in page
    assert "count more" not in page


class Examined(factory.FakeEngine):
    """An engine whose image was tested and placed, and whose note denies what it speaks for."""

    def _parts(self, case: Case, modality: Modality, total: float) -> Parts:
        parts = super()._parts(case, modality, total)
        if modality is Modality.NOTE:
            marked = tuple(replace(item, mark="negated") for item in parts.items)
            return replace(parts, items=marked)
        if modality is not Modality.IMAGE:
            return parts
        tests = (
            PartTest("deletion", True, 1.0, 0.0, "Deleting it moved the result."),
            PartTest("noise", None, 0.0, 0.0, "Not tried <here>."),
        )
        places = (Place("left lower zone", 0.6, 0.0), Place("marker", 0.4, 0.0, is_outside=True))
        return replace(parts, tests=tests, places=places)


def test_below_the_image_stand_its_sentences_its_places_and_its_tests(stage: Stage) -> None:
    stage.engine = Examined()
    page = html(stage.open_case("jane", "review"))
    assert "The image as a whole raised Consolidation" in page
    assert "It does not outline disease" in page
    assert "60% of the evidence for lies in the left lower zone; 40% lies outside" in page
    assert "Its share is of all regions, for and against" in page, "and not of the evidence for"
    assert "do not rely on this map" in page
    assert "passed 1 of 1 test, 1 not applicable" in page
    assert "Not tried &lt;here&gt;." in page


def test_support_that_the_note_denies_is_never_listed_without_its_mark(stage: Stage) -> None:
    stage.engine = Examined()
    page = html(stage.open_case("jane", "review"))
    listed = page[page.index("Strongest phrases for and against") :]
    listed = listed[: listed.index("</table>")]
    assert listed.count("<tr>") - 1 == listed.count('co-badge caution">negated<') == 7
    assert "The strongest support is a clause that denies" in page


def test_what_can_be_excluded_stands_beside_the_interval(stage: Stage) -> None:
    targets = [replace(t, prediction_set="both") for t in factory.TARGETS[:1]]
    stage.engine = factory.FakeEngine(targets=[*targets, *factory.TARGETS[1:]])
    page = html(stage.open_case("jane", "review"))
    row = page[page.index('data-testid="finding-consolidation"') :][:1500]
    assert "the model can not tell at 90% coverage" in row


def test_two_inputs_that_pull_apart_are_said_to_be_in_conflict(stage: Stage) -> None:
    divided = factory.finding("effusion", "Pleural effusion", -1.0, 0.12)
    stage.engine = factory.FakeEngine(targets=(factory.TARGETS[0], divided, *factory.TARGETS[2:]))
    page = html(choose(stage.open_case("jane", "review"), "effusion"))
    assert '<span class="co-badge caution">conflict</span>' in page
    assert "In conflict: image with clinical note" in page
    line = page[page.index('data-testid="contradiction"') :]
    line = line[line.index(">") + 1 : line.index("</div>")]
    assert line.startswith("The sources disagree about Pleural effusion: image +")
    assert page.index('data-testid="contradiction"') < page.index("ledger-sentence"), (
        "above the chart"
    )


def test_an_input_that_is_missing_is_not_drawn_as_a_contribution_of_zero(stage: Stage) -> None:
    stage.demos["jane"] = factory.case(observations=())
    app = stage.open_case("jane", "review")
    page = html(app)
    sentence = page[page.index('data-testid="ledger-sentence"') :]
    assert "labs and vitals" not in sentence[: sentence.index("<small>")]
    assert "Labs and vitals</th><td>not given</td>" in page
    filed = html(stage.open_case("jane", "report"))
    assert "Labs and vitals</th><td>not given</td>" in filed


def test_the_regions_of_the_image_are_listed_with_what_is_left_of_the_sum(stage: Stage) -> None:
    page = html(stage.open_case("jane", "review"))
    rest = page[page.index('data-testid="region-rest"') :]
    rest = rest[: rest.index("</tr>")]
    assert "all else together" in rest
    assert "+0.70" in rest
