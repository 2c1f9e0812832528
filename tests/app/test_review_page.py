"""The review page: image, findings and ledger of one case, and what may not be shown."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard import attention, jobs, viewer
from dashboard.attention import Attention
from mmcore.errors import LedgerNotAdditiveError, NonFiniteResultError, NothingToScoreError
from mmcore.records import (
    Case,
    GateVerdict,
    Interaction,
    Modality,
    Parts,
    PartTest,
    Place,
    Prediction,
    TargetGate,
)
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


def test_a_withheld_finding_shows_its_reason_and_no_number(stage: Stage) -> None:
    app = choose(stage.open_case("jane", "review"), "cardiomegaly")
    page = html(app)
    reason = "A lateral view can not show the heart size. What would help most: image."
    assert page.count(reason) >= 2
    assert not [c for c in app.get("plotly_chart") if c.key.startswith("ledger-")]
    header, arrays = stage.shown["viewer"]
    assert header["overlay"]["message"] == "No map: Cardiomegaly is withheld."
    assert "overlay" not in arrays
    cardiomegaly = factory.TARGETS[5].probability or 0.0
    assert f"{cardiomegaly:.0%}" == "5%"
    row = page[page.index('data-testid="finding-cardiomegaly"') :]
    assert "5%" not in row[: row.index("</div>")]


def test_a_withheld_part_shows_its_reason_and_no_map(stage: Stage) -> None:
    stage.engine.withheld_parts = (Modality.IMAGE, Modality.NOTE)
    page = html(stage.open_case("jane", "review"))
    header, arrays = stage.shown["viewer"]
    assert "deleting the marked places moved the result less" in header["overlay"]["message"]
    assert header["overlay"]["markers"] == []
    assert "overlay" not in arrays
    assert "The evidence inside the note is withheld" in page
    assert "co-ev for" not in page.split('data-testid="note-text"')[1]


def test_the_viewer_gets_the_pixels_at_full_depth_and_the_map_with_its_place(stage: Stage) -> None:
    stage.open_case("jane", "review")
    pixels = stage.shown["pixels"][1]["pixels"]
    expected = stage.demos["jane"].instances[0].pixels
    assert pixels.dtype == expected.dtype == np.uint16
    assert np.array_equal(pixels, expected)
    header, arrays = stage.shown["viewer"]
    assert header["overlay"]["box"] == [0.0, 0.0, 64.0, 48.0]
    assert arrays["overlay"].dtype == np.float32
    assert header["stack"] == stage.shown["pixels"][0]["stack"]


def test_choosing_a_finding_changes_the_map_and_not_the_pixels(stage: Stage) -> None:
    app = stage.open_case("jane", "review")
    before = stage.shown["pixels"][0]["stack"]
    choose(app, "nodule")
    assert stage.shown["viewer"][0]["overlay"]["target"] == "nodule"
    assert stage.shown["pixels"][0]["stack"] == before


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


def test_a_result_that_is_not_finite_is_refused_in_words(stage: Stage) -> None:
    class Broken(factory.FakeEngine):
        def predict(self, case: Case) -> Prediction:
            raise NonFiniteResultError(what="the logit")

    stage.engine = Broken()
    page = html(stage.open_case("jane", "review"))
    assert "not a finite number, so none of it is shown" in page
    assert 'data-testid="finding-' not in page


def test_an_unforeseen_error_reveals_only_its_kind(stage: Stage) -> None:
    class Broken(factory.FakeEngine):
        def predict(self, case: Case) -> Prediction:
            raise RuntimeError("Doe^Jane is in here")

    stage.engine = Broken()
    page = html(stage.open_case("jane", "review"))
    assert "RuntimeError" in page
    assert "is in here" not in page


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


def test_a_failed_scoring_can_be_tried_again(stage: Stage) -> None:
    class FailsOnce(factory.FakeEngine):
        calls = 0

        def predict(self, case: Case) -> Prediction:
            self.calls += 1
            if self.calls == 1:
                raise NonFiniteResultError(what="the logit")
            return super().predict(case)

    stage.engine = FailsOnce()
    app = stage.open_case("jane", "review")
    app = next(b for b in app.button if b.label == "Try again").click().run()
    assert "Why: Consolidation" in html(app)


def test_evidence_without_a_place_gets_no_marker(stage: Stage) -> None:
    stage.open_case("jane", "review")
    marked = [m["what"] for m in stage.shown["viewer"][0]["overlay"]["markers"]]
    assert marked == ["right lower zone", "left mid zone"]


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
    assert "Present" in row
    assert "unlikely" not in row
    assert ">above 20%<" in row
    assert "Called present: at or above its operating point of 20%." in page
    filed = html(stage.open_case("jane", "report"))
    assert "25%, above 20%" in filed


def test_a_probability_beside_its_operating_point_has_as_many_digits_as_it(stage: Stage) -> None:
    """49.6% called absent at 50%: both with the digits that tell them apart, on every page."""
    near = replace(factory.finding("consolidation", "Consolidation", -0.016), operating_point=0.5)
    stage.engine = factory.FakeEngine(targets=(near, *factory.TARGETS[1:]))
    page = html(stage.open_case("jane", "review"))
    assert "<td>49.6%</td>" in page
    assert "<td>50.0%</td>" in page
    filed = html(stage.open_case("jane", "report"))
    assert "Consolidation</th><td>Borderline</td><td>49.6%, possible</td>" in filed


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


def test_an_image_that_moved_nothing_gets_no_map_stretched_to_full_colour(stage: Stage) -> None:
    class Faint(factory.FakeEngine):
        def _parts(self, case: Case, modality: Modality, total: float) -> Parts:
            parts = super()._parts(case, modality, total)
            items = tuple(replace(i, signed=i.signed / 200) for i in parts.items)
            return replace(parts, items=items)

    stage.engine = Faint()
    page = html(stage.open_case("jane", "review"))
    header, arrays = stage.shown["viewer"]
    assert header["overlay"]["message"] == (
        "No map: the image moved Consolidation too little to say from where."
    )
    assert "overlay" not in arrays
    assert "co-ev for" not in page.split('data-testid="note-text"')[1], "nor a shaded note"


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
    page = html(choose(stage.open_case("jane", "review"), "effusion"))
    assert '<span class="co-badge caution">conflict</span>' in page
    assert "In conflict: image with clinical note" in page
    line = page[page.index('data-testid="contradiction"') :]
    line = line[line.index(">") + 1 : line.index("</div>")]
    assert line.startswith("The sources disagree about Pleural effusion: image +")
    assert page.index('data-testid="contradiction"') < page.index("ledger-sentence"), (
        "above the chart"
    )


def test_a_case_with_nothing_to_score_says_why_and_offers_no_second_try(stage: Stage) -> None:
    class Picky(factory.FakeEngine):
        def predict(self, case: Case) -> Prediction:
            raise NothingToScoreError(needed=("image",), reasons=("The image is a CT.",))

    stage.engine = Picky()
    app = stage.open_case("jane", "review")
    assert "none of the inputs that this model reads. The image is a CT." in html(app)
    assert "Try again" not in [b.label for b in app.button]
    assert stage.shown["viewer"][0]["overlay"]["message"] == (
        "No map: the model did not score this case."
    )


def test_a_stack_too_long_for_the_viewer_says_how_much_of_it_is_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.arange(7 * 64 * 48, dtype=np.uint16).reshape(7, 64, 48)
    stage.demos["jane"] = factory.case(picture=factory.image(pixels=frames))
    monkeypatch.setattr(viewer.stacks, "MOST_STACK_BYTES", 3 * 64 * 48 * 2)
    stage.open_case("jane", "review")
    assert stage.shown["pixels"][1]["pixels"].shape == (3, 64, 48)
    assert stage.shown["viewer"][0]["left_out"] == (
        "Only the first 3 of 7 frames fit into the viewer."
    )


def test_images_left_out_of_a_stack_are_counted(stage: Stage) -> None:
    case = factory.case()
    study, first = case.studies[0], case.instances[0]
    other = factory.image(32, 32, seed=1)
    series = replace(study.series[0], instances=(first, other))
    stage.demos["jane"] = replace(case, studies=(replace(study, series=(series,)),))
    stage.open_case("jane", "review")
    assert stage.shown["viewer"][0]["left_out"].startswith("Shown of this series: 1 of 2 images.")


def test_a_whole_stack_is_not_said_to_leave_anything_out(stage: Stage) -> None:
    stage.open_case("jane", "review")
    assert stage.shown["viewer"][0]["left_out"] == ""


def withheld(reason: str, *names: str) -> tuple[TargetGate, ...]:
    return tuple(TargetGate(name, GateVerdict.WITHHELD, reason) for name in names)


def test_one_reason_for_all_findings_is_said_once_above_them(stage: Stage) -> None:
    names = [t.name for t in factory.TARGETS]
    stage.engine = factory.FakeEngine(gates=withheld("the image is a photograph", *names))
    page = html(stage.open_case("jane", "review"))
    above, _, rows = page.partition('data-testid="finding-')
    rows = rows[: rows.index("co-panel-title")]
    assert "The image is a photograph." in above
    assert 'data-testid="all-withheld"' in above
    assert "photograph" not in rows
    assert rows.count(">Withheld<") == len(names)


def test_reasons_that_differ_stand_in_their_rows(stage: Stage) -> None:
    first, *names = [t.name for t in factory.TARGETS]
    gates = withheld("the note is foreign", first) + withheld("the image is a photograph", *names)
    stage.engine = factory.FakeEngine(gates=gates)
    page = html(stage.open_case("jane", "review"))
    rows = page.partition('data-testid="finding-')[2].partition("co-panel-title")[0]
    assert "all-withheld" not in page
    assert rows.count("photograph") == len(names)


def test_a_view_of_no_side_names_none(stage: Stage) -> None:
    stage.demos["jane"] = factory.case(picture=factory.image(laterality="U"))
    stage.open_case("jane", "review")
    assert stage.shown["viewer"][0]["corners"]["study"][1] == "DX CHEST PA"


def test_the_viewer_is_told_the_sides_only_where_the_file_says_them(stage: Stage) -> None:
    for direction, letters in (("L", ["R", "L"]), ("R", ["L", "R"]), ("P", None)):
        picture = factory.image(patient_orientation=(direction, "F"))
        stage.demos["jane"] = factory.case(direction, picture=picture)
        stage.open_case("jane", "review")
        assert stage.shown["viewer"][0]["sides"] == letters
    stage.demos["jane"] = factory.case()
    stage.open_case("jane", "review")
    assert stage.shown["viewer"][0]["sides"] is None


def test_an_input_that_is_missing_is_not_drawn_as_a_contribution_of_zero(stage: Stage) -> None:
    stage.demos["jane"] = factory.case(observations=())
    app = stage.open_case("jane", "review")
    page = html(app)
    sentence = page[page.index('data-testid="ledger-sentence"') :]
    assert "labs and vitals" not in sentence[: sentence.index("<small>")]
    assert "Labs and vitals</th><td>not given</td>" in page
    filed = html(stage.open_case("jane", "report"))
    assert "Labs and vitals</th><td>not given</td>" in filed


def test_a_finding_whose_ledger_does_not_add_up_is_withheld_on_every_page(stage: Stage) -> None:
    class Leaky(factory.FakeEngine):
        def explain(self, case, target, *, progress=None):  # type: ignore[no-untyped-def] # as above
            if target == "consolidation":
                raise LedgerNotAdditiveError(target=target, error=0.2, tolerance=1e-3)
            return super().explain(case, target, progress=progress)

    stage.engine = Leaky()
    page = html(stage.open_case("jane", "review"))
    row = page[page.index('data-testid="finding-consolidation"') :]
    assert "89%" not in row[: row.index("</div>")]
    assert "Contributions to consolidation miss its logit by +2.00e-01" in page
    assert "Why: Pleural effusion" not in page, "the choice stays"
    filed = html(stage.open_case("jane", "report"))
    row = filed[filed.index(">Consolidation<") :]
    assert "Withheld" in row[: row.index("</tr>")]
