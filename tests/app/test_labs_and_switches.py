"""Labs with their course, and inputs switched off, on the review page."""

from dataclasses import replace
from datetime import timedelta

from mmcore.records import Case, Modality, PartItem, Parts
from tests.app import factory
from tests.app.conftest import Stage, choose, html


class ReadsCourses(factory.FakeEngine):
    """An engine that reads the first observation's change over a day apart from its value."""

    def _parts(self, case: Case, modality: Modality, total: float) -> Parts:
        parts = super()._parts(case, modality, total)
        if modality is not Modality.OBSERVATIONS:
            return parts
        earlier = (factory.TAKEN - timedelta(hours=24)).isoformat()
        course = PartItem("C-reactive protein, rising over 24 h", ("1988-5", earlier), 0.37)
        return replace(parts, items=(*parts.items, course))


def with_history() -> Case:
    case = factory.case()
    latest = case.observations[0]
    earlier = replace(latest, value=81.0, time=factory.TAKEN - timedelta(hours=24))
    return replace(case, observations=(*case.observations, earlier))


def test_labs_have_one_row_per_test_with_value_and_course_apart(stage: Stage) -> None:
    stage.engine, stage.demos["jane"] = ReadsCourses(), with_history()
    page = html(stage.open_case("jane", "review"))
    table = page[page.index('data-testid="observations-table"') :]
    table = table[: table.index("</table>")]
    assert table.count('data-testid="observation-1988-5"') == 1
    row = table[table.index('data-testid="observation-1988-5"') :]
    row = row[: row.index("</tr>")]
    assert "<b>164</b> mg/L" in row
    assert "▲ high" in row
    assert "+0.50" in row
    assert "+0.37" in row
    assert "<small>rising over 24 h</small>" in row
    assert "<small>was 81" in row, "the last one before, as the PDF says it"
    assert 'alt="C-reactive protein over time: 81 mg/L, 2 Mar 2024, 14:05; 164 mg/L' in row
    assert table.index("C-reactive protein") < table.index("Leukocytes")
    assert "✓ in range" in table, "in and out differ by sign and word"


def test_labs_without_evidence_say_nothing_of_contributions(stage: Stage) -> None:
    stage.engine = factory.FakeEngine(withheld_parts=(Modality.OBSERVATIONS,))
    page = html(stage.open_case("jane", "review"))
    table = page[page.index('data-testid="observations-table"') :]
    table = table[: table.index("</table>")]
    assert "moved it" not in table
    assert "not used" not in table


def switched(page: str) -> str:
    return page.split('data-testid="switched">')[1].split("</span>")[0]


def switch(app, modality: Modality):  # type: ignore[no-untyped-def] # as above
    return next(t for t in app.toggle if t.key.endswith(f"-{modality}"))


def test_an_input_switched_off_shows_the_coalition_of_the_others(stage: Stage) -> None:
    app = stage.open_case("jane", "review")
    assert switched(html(app)) == "With all 5 inputs: 89% (+2.10)."
    app = switch(app, Modality.OBSERVATIONS).set_value(False).run()
    # the labs pushed by 0.08 * (2.1 + 1.4) + 0.2 = 0.48, and the fake's coalitions add up
    assert switched(html(app)) == (
        "With image, clinical note, sound recording and gene panel alone: 83% (+1.62), "
        "\u22120.48 log-odds against 89% (+2.10) with all."
    )
    assert "not a second opinion" in html(app)


def test_what_is_switched_off_holds_for_every_finding_and_survives_another_page(
    stage: Stage,
) -> None:
    app = stage.open_case("jane", "review")
    switch(app, Modality.NOTE).set_value(False).run()
    choose(app, "nodule")
    assert switch(app, Modality.NOTE).value is False
    app.switch_page("../pages/models.py").run()
    app.switch_page("../pages/review.py").run()
    assert switch(app, Modality.NOTE).value is False


def test_only_inputs_that_the_case_has_can_be_switched(stage: Stage) -> None:
    stage.demos["jane"] = factory.case(observations=(), variants=())
    app = stage.open_case("jane", "review")
    names = [t.label for t in app.toggle if "switch-" in t.key]
    assert names == ["Image", "Note", "Sound"]
    assert switched(html(app)).startswith("With all 3 inputs")
