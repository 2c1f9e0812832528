"""The report page files what the review page shows; the models page says what the model is."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboard import formatting, reporting, services, state
from mmcore.packs import find_pack
from mmcore.records import Case, GateVerdict, Modality
from mmcore.report import add, sign
from mmcore.wording import signed_text
from tests.app import factory
from tests.app.conftest import Stage, html


def written(case: Case) -> dict[str, Any]:
    """Return the document of a case as the page writes it."""
    work = state.CaseWork(case, "")
    job = reporting.write(work)
    assert job is not None
    assert job.error is None
    services.collect(work)
    document: dict[str, Any] = json.loads(json.dumps(work.document))
    return document


def test_the_report_shows_withheld_findings_as_withheld(stage: Stage) -> None:
    page = html(stage.open_case("jane", "report"))
    row = page[page.index(">Cardiomegaly<") :]
    row = row[: row.index("</tr>")]
    assert "Withheld" in row
    assert "%" not in row


def ledger_of(page: str, display: str) -> str:
    table = page[page.index(f">Contributions to {display}<") :]
    return table[: table.index("</table>")]


def test_every_ledger_of_the_preview_adds_up_in_its_own_unit(stage: Stage) -> None:
    page = html(stage.open_case("jane", "report"))
    finding, value = ledger_of(page, "Consolidation"), ledger_of(page, "Severity")
    assert "Moves the result by (log-odds)" in finding
    assert "Moves the result by (points)" in value
    assert "log-odds" not in value
    document = written(stage.demos["jane"])
    for table, name in ((finding, "consolidation"), (value, "severity")):
        target = next(t for t in document["targets"] if t["name"] == name)
        first, last = (table.index(words) for words in ("Starting point", "This patient"))
        assert first < table.index("</tr>", first) < last
        said = signed_text if name == "consolidation" else formatting.number
        assert said(target["base"]) in table[first : table.index("</tr>", first)]
        assert said(target["logit"]) in table[last:]


def test_strongest_evidence_says_what_is_left_of_the_sum(stage: Stage) -> None:
    table = ledger_of(html(stage.open_case("jane", "report")), "Consolidation")
    target = next(
        t for t in written(stage.demos["jane"])["targets"] if t["name"] == "consolidation"
    )
    left = 0
    for part in target["parts"].values():
        rest = part["sum"] - sum(item["signed"] for item in part["top"][:3])
        if abs(rest) >= 0.005:
            assert f"all else together {signed_text(rest)}" in table
            left += 1
    assert left, "some input has more than three parts"


def test_what_is_signed_says_who_was_examined_how_and_when(stage: Stage) -> None:
    page = html(stage.open_case("jane", "report"))
    head = page[page.index('data-testid="report-preview"') :]
    head = head[: head.index("</header>")]
    document = written(stage.demos["jane"])
    case = document["case"]
    assert "Age, sex" in head
    assert f"{case['patient']['age_years']:.0f} years, female" in head
    assert case["key_image"]["view_position"] in head
    assert case["key_image"]["acquired_at"][:10] in head
    assert "Study began" in head


def test_a_withheld_part_is_withheld_in_the_report_too(stage: Stage) -> None:
    stage.engine.withheld_parts = (Modality.IMAGE,)
    page = html(stage.open_case("jane", "report"))
    assert "The evidence inside the image is withheld" in page
    assert "right lower zone" not in page


def test_download_names_are_unique_to_the_report_and_hold_no_patient_text(stage: Stage) -> None:
    one, other = (written(case) for case in (factory.case(), factory.case("Roe^John")))
    signed = sign(one, name="Dr. Ada Ray", account=None, at=factory.TAKEN)
    added = add(signed, text="More.", name="Dr. Ada Ray", account=None, at=factory.TAKEN)
    names = [reporting.file_name(document, "pdf") for document in (one, other, signed, added)]
    assert len(set(names)) == 4
    assert names[0].startswith(f"consilium-{factory.case().digest[:16]}-phantom-1.0.0-")
    assert names[2].endswith("-signed.pdf")
    for hidden in ("Doe", "Jane", "PAT-0042", "Ray"):
        assert not any(hidden in name for name in names)


def test_the_report_offers_pdf_and_json(stage: Stage) -> None:
    app = stage.open_case("jane", "report")
    assert [b.label for b in app.download_button] == ["Download PDF", "Download JSON"]


def test_the_document_explains_every_finding_that_may_be_shown(stage: Stage) -> None:
    document = written(stage.demos["jane"])
    explained = {t["name"] for t in document["targets"] if t["contributions"]}
    shown = {g.target for g in factory.GATES if g.verdict is not GateVerdict.WITHHELD}
    assert explained == shown


def test_the_models_page_says_what_the_model_is_not_for(stage: Stage) -> None:
    page = html(stage.open_page("models"))
    assert "Any decision about a patient." in page
    assert "AUROC" in page
    assert "0.981 <small>0.976 to 0.985</small>" in page, "all inputs"
    assert "0.942 <small>0.933 to 0.951</small>" in page, "the image alone"


def test_figures_of_a_value_stand_in_a_table_of_their_own_under_names_as_on_review(
    stage: Stage,
) -> None:
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    one = {"effusion": {"auroc": figure}, "severity": {"mae": figure, "correlation": figure}}
    stage.engine.card_facts = {"figures": {"all": one}}
    page = html(stage.open_page("models"))
    findings, values = page.split("<table")[1:]
    assert "AUROC" in findings
    assert "MAE" not in findings
    assert ">Pleural effusion</th>" in findings
    assert "AUROC" not in values
    assert "MAE" in values
    assert ">Severity</th>" in values
    assert "\u2014" not in page[page.index("<table") :], "no cell is empty"


def test_a_figure_that_too_few_patients_tell_is_shown_as_far_as_it_is_known(stage: Stage) -> None:
    one = {
        "auroc": {"value": None, "low": None, "high": None},
        "calibration_slope": {"value": -0.2, "low": None, "high": None},
    }
    stage.engine.card_facts = {"figures": {"all": {"consolidation": one}}}
    page = html(stage.open_page("models"))
    assert ">not known</td>" in page
    assert ">\u22120.200</td>" in page


def test_a_table_of_many_figures_is_turned_round_so_that_it_fits_the_page(stage: Stage) -> None:
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    one = {name: {f"figure_{n}": figure for n in range(12)} for name in ("effusion", "oedema")}
    stage.engine.card_facts = {"figures": {"all": one}}
    page = html(stage.open_page("models"))
    head = page[page.index("<thead>") : page.index("</thead>")]
    assert head.count("<th ") == 3
    assert ">Pleural effusion</th>" in head
    assert page.count("<tr>") == 1 + 12
    assert ">Figure 11</th><td>0.500 <small>0.400 to 0.600</small></td>" in page


@pytest.mark.parametrize("pack", ["phantom", "thorax"])
def test_the_cards_of_the_packs_that_ship_are_shown(stage: Stage, pack: str) -> None:
    card = find_pack(Path(pack)) / "card.yaml"
    stage.engine.card_facts = yaml.safe_load(card.read_text("utf-8"))
    page = html(stage.open_page("models"))
    assert page.count("<table") > 3
    assert ">None<" not in page


def test_figures_are_headed_by_the_inputs_they_rest_on_in_words(stage: Stage) -> None:
    one = {"consolidation": {"auroc": {"value": -0.1, "low": -0.2, "high": 0.0}}}
    stage.engine.card_facts = {"figures": {"all": one, "note+observations": one}}
    page = html(stage.open_page("models"))
    assert "<summary>All inputs</summary>" in page
    assert "<summary>Clinical note and labs and vitals</summary>" in page
    assert "\u22120.100 <small>\u22120.200 to 0.000</small>" in page
