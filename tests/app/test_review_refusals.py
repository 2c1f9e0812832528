"""What the review page withholds and refuses, and the reasons that it gives."""

from mmcore.errors import LedgerNotAdditiveError, NonFiniteResultError, NothingToScoreError
from mmcore.records import Case, GateVerdict, Modality, Prediction, TargetGate
from tests.app import factory
from tests.app.conftest import Stage, choose, html


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
