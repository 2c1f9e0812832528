"""What the review and the report page show of a breath sound, a gene panel, and what comes next."""

import io
import json
import wave
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard import charts, evidence, reporting, services, state
from dashboard.components.ledger import MOST_INTERACTIONS
from dashboard.sound import WAVE_COLUMNS, sound_of, waveform
from mmcore.records import Explanation, Modality, Parts
from tests.app import factory
from tests.app.conftest import Stage, choose, html

RECORDING, VARIANTS = Modality.RECORDING, Modality.VARIANTS


def parts_of(modality: Modality, target: str = "consolidation") -> Parts:
    return factory.FakeEngine().explain(factory.case(), target).parts[modality]


def tabs(app: AppTest) -> list[str]:
    return [tab.label for tab in app.tabs]


def without_pushes(explanation: Explanation, *modalities: Modality) -> Explanation:
    parts = {m: p for m, p in explanation.parts.items() if m not in modalities}
    return replace(explanation, parts=parts)


def heard(stage: Stage) -> tuple[dict, dict]:
    """Return what the one player on the page was given."""
    ((header, arrays),) = stage.heard.values()
    return header, arrays


def test_the_sound_is_drawn_on_axes_in_seconds_and_hertz(stage: Stage) -> None:
    stage.open_case("jane", "review")
    header, arrays = heard(stage)
    assert header["seconds"] == 6.0
    ticks = dict(header["ticks_hz"])
    assert list(ticks) == [100, 250, 500, 1000, 2000]
    # mel(500) / mel(2000) = 607.4 / 1521.4
    assert ticks[500] == pytest.approx(607.4 / 1521.4, abs=1e-3)
    assert header["facts"] == "6.0 s at 4,000 Hz · posterior right lower"
    drawn = np.asarray(Image.open(io.BytesIO(arrays["picture"].tobytes())))
    assert drawn.shape == (64, 375), "a column for every 16 ms of 6 s"


def test_the_map_numbers_its_strongest_moments_for_then_against(stage: Stage) -> None:
    stage.open_case("jane", "review")
    header, arrays = heard(stage)
    assert header["has_map"]
    assert arrays["mapped"].tobytes() != arrays["picture"].tobytes()
    cells = header["cells"]
    assert [cell["number"] for cell in cells] == [1, 2, 3]
    assert [cell["signed"] > 0 for cell in cells] == [True, True, False]
    assert cells[0]["words"].endswith("+0.42")
    assert all(0 <= cell["second"] <= 6 and 0 <= cell["height"] <= 1 for cell in cells)


def test_the_waveform_holds_every_peak_at_full_height() -> None:
    samples = np.zeros(5000, np.float32)
    samples[[7, 4321]] = 0.25, -0.5
    low, high = waveform(samples)
    assert low.shape == (WAVE_COLUMNS,)
    assert (low.min(), high.max()) == (-1.0, 0.5)
    assert low.argmin() == int(4321 / 5000 * WAVE_COLUMNS)
    assert high.argmax() == int(7 / 5000 * WAVE_COLUMNS)


def test_the_strongest_moments_are_listed_for_and_against(stage: Stage) -> None:
    page = html(stage.open_case("jane", "review"))
    table = page[page.index("Strongest moments of the sound for and against Consolidation") :]
    table = table[: table.index("</table>")]
    for words in ("0.5 to 1.0 s, 280 to 563 Hz", "+0.42", "1024 to 1643 Hz", "\u22120.12"):
        assert words in table


def test_the_sound_that_is_played_is_the_recording(stage: Stage) -> None:
    stage.open_case("jane", "review")
    _, arrays = heard(stage)
    with wave.open(io.BytesIO(arrays["wav"].tobytes())) as file:
        assert (file.getframerate(), file.getnframes()) == (4000, 24_000)
        points = np.frombuffer(file.readframes(24_000), "<i2") / (2**15 - 1)
    assert np.abs(points - factory.recording().samples).max() <= 0.5 / (2**15 - 1) + 1e-7


def test_a_withheld_sound_shows_its_reason_its_picture_and_no_map(stage: Stage) -> None:
    stage.engine.withheld_parts = (RECORDING,)
    page = html(stage.open_case("jane", "review"))
    assert 'data-testid="withheld-recording"' in page
    assert "The evidence inside the recording is withheld" in page
    header, arrays = heard(stage)
    assert not header["has_map"]
    assert header["cells"] == []
    assert set(arrays) == {"waveform", "wav", "picture"}


def test_a_sound_of_a_withheld_finding_has_no_map(stage: Stage) -> None:
    app = stage.open_case("jane", "review")
    assert heard(stage)[0]["has_map"]
    app = choose(app, "cardiomegaly")
    header, _ = heard(stage)
    assert not header["has_map"]
    assert "280 to 563 Hz" not in html(app) + header["alt"]


def test_the_map_is_orange_where_the_sound_speaks_for_and_blue_where_against() -> None:
    case = factory.case()
    sound = sound_of(case.recordings[0], parts_of(RECORDING))
    assert sound.mapped is not None
    mapped = np.asarray(Image.open(io.BytesIO(sound.mapped))).astype(int)
    rows, columns, _ = mapped.shape

    def at(second: float, hertz: float) -> np.ndarray:
        row = rows - 1 - int(sound.height(hertz) * rows)
        return mapped[row, int(second / sound.seconds * columns)]

    red, _, blue = at(36 / 40, 560)  # the map's centre: frame 36 of 40 per second
    assert red > blue
    red, _, blue = at(90 / 40, 1450)
    assert blue > red


def test_other_recordings_can_be_heard_and_are_not_said_to_be_read(stage: Stage) -> None:
    later = factory.recording(4.0, seed=1, site="left apex", recorded_at=None)
    stage.demos["jane"] = factory.case(recordings=(factory.recording(), later))
    app = stage.open_case("jane", "review")
    assert [header["seconds"] for header, _ in stage.heard.values()] == [6.0, 4.0]
    assert "4.0 s at 4,000 Hz · left apex · not read by the model." in html(app)


def test_variants_show_genotype_effect_and_contribution_and_claim_nothing(stage: Stage) -> None:
    page = html(stage.open_case("jane", "review"))
    table = page[page.index("Variants with their contributions") :]
    row = table[table.index("SIMG06") :]
    row = row[: row.index("</tr>")]
    for words in ("simv0006", "2 copies", "missense variant", "+0.21"):
        assert words in row
    unused = table[table.index("SIMG17") :]
    assert "not used" in unused[: unused.index("</tr>")]
    assert "no variant at the other 21 loci" in table
    assert "SIMG02" not in table, "the panel says reference there"
    assert "No clinical claim is made about any variant" in page


def test_withheld_variants_keep_their_names_and_lose_their_numbers(stage: Stage) -> None:
    stage.engine.withheld_parts = (VARIANTS,)
    page = html(stage.open_case("jane", "review"))
    assert "The evidence inside the gene panel is withheld" in page
    table = page[page.index("Variants with their contributions") :]
    table = table[: table.index("</table>")]
    assert "SIMG06" in table
    assert "+0.21" not in table
    assert "not used" not in table


def test_text_of_a_panel_is_never_html(stage: Stage) -> None:
    evil = replace(factory.variants()[0], gene="<script>", effect="<b>x</b>")
    stage.demos["jane"] = factory.case(
        variants=(evil,), recordings=(factory.recording(site="<img src=x>"),)
    )
    page = html(stage.open_case("jane", "review"))
    for tag in ("<script", "<b>x", "<img"):
        assert tag not in page


def test_variants_that_moved_nothing_come_last() -> None:
    rows = evidence.of_variants(factory.variants(), parts_of(VARIANTS).items)
    assert [v.variant_id for v, _ in rows] == ["simv0006", "simv0001", "simv0017"]
    assert [signed for _, signed in rows] == [0.21, -0.09, None]


def test_a_modality_of_an_extension_is_listed_as_it_is(
    stage: Stage, lung_function: Modality
) -> None:
    stage.engine = factory.FakeEngine(inputs=(*factory.INPUTS, lung_function))
    stage.demos["jane"] = factory.case(attachments={lung_function: ("spirometry",)})
    app = stage.open_case("jane", "review")
    page = html(app)
    assert tabs(app) == ["Note", "Labs & vitals", "Sound", "Gene panel", "Lung function", "Numbers"]
    listed = page[page.index("Lung function with its contributions") :]
    assert "forced expiration" in listed[: listed.index("</table>")]
    filed = html(stage.open_case("jane", "report"))
    assert "forced expiration +0.20" in filed


def test_what_the_case_lacks_and_the_model_does_not_read_has_no_tab(stage: Stage) -> None:
    inputs = factory.INPUTS[:3]
    stage.engine = factory.FakeEngine(inputs=inputs)
    stage.demos["jane"] = factory.case(recordings=(), variants=())
    assert tabs(stage.open_case("jane", "review")) == ["Note", "Labs & vitals", "Numbers"]


def test_a_missing_recording_is_said_to_be_missing(stage: Stage) -> None:
    stage.demos["jane"] = factory.case(recordings=())
    app = stage.open_case("jane", "review")
    assert "The case holds no sound recording." in html(app)
    assert "Sound recording</th><td>not given</td>" in html(app)


def test_of_ten_interacting_pairs_the_strongest_are_listed(stage: Stage) -> None:
    page = html(stage.open_case("jane", "review"))
    table = page[page.index("Interactions of modalities") :]
    assert table[: table.index("</table>")].count("<tr>") == MOST_INTERACTIONS + 1
    assert f"{10 - MOST_INTERACTIONS} further pairs interact by 0.05 or less." in table


@pytest.mark.parametrize(("count", "height"), [(3, 240), (5, 246), (6, 272)])
def test_every_step_of_a_ledger_keeps_its_room(count: int, height: int) -> None:
    engine = factory.FakeEngine()
    explanation = engine.explain(factory.case(), "consolidation")
    steps = (*explanation.contributions, explanation.contributions[0])[:count]
    explanation = replace(explanation, contributions=steps)
    figure = charts.waterfall(explanation, engine.targets[0], extent=None)
    assert figure.layout.height == height


def test_a_file_is_used_in_part_on_the_report_as_on_the_cases_page(stage: Stage) -> None:
    partly = factory.source("partly.csv", "observations", reason="line 3: CRP has no unit")
    stage.demos["jane"] = factory.case(files=(partly,))
    filed = html(stage.open_case("jane", "report"))
    row = filed[filed.index("partly.csv") :]
    assert "Used in part" in row[: row.index("</tr>")]


def test_the_document_of_the_page_carries_sound_and_genes(stage: Stage) -> None:
    work = state.CaseWork(stage.demos["jane"], "")
    reporting.write(work)
    services.collect(work)
    case = json.loads(json.dumps(work.document))["case"]
    assert case["key_recording"]["site"] == "posterior right lower"
    assert case["panel"] == {"loci": 24, "called": 3}
