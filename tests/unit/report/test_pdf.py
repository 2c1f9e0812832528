"""What the PDF shows, and what it never shows."""

import io
import threading
from dataclasses import replace
from pathlib import Path

import pypdf

from mmcore.records import GateVerdict, Interaction, PackIdentity, PartTest, Place, TargetGate
from mmcore.report import document_digest, render_pdf, result_document
from mmcore.sentences import observation_names, of_part
from mmcore.wording import interval_text, probability_text, signed_text
from tests.unit.report.factories import (
    IMAGE,
    NOTE,
    OBSERVATIONS,
    make_case,
    make_explanation,
    make_instance,
    make_observation,
    make_result,
    make_severity,
    make_target,
)
from tests.unit.report.reports import named, pages_of, text_of


def test_the_numbers_of_the_report_are_those_of_the_document():
    document = result_document(make_result())
    text = text_of(make_result())
    for target in document["targets"]:
        if target["kind"] == "finding":
            row = f"{target['display']} {probability_text(target['probability'])}"
            assert row in text
            assert interval_text(*target["interval"]) in text
    key = document["targets"][0]
    assert f"{signed_text(key['logit'])} \u2192 {probability_text(key['probability'])}" in text
    assert f"Base {signed_text(key['base'])}" in text
    for contribution in key["contributions"]:
        assert signed_text(contribution["signed"]) in text
    for part in key["parts"].values():
        for item in part["top"]:
            assert item["what"] in text
            assert signed_text(item["signed"]) in text
    assert "4.2 points (90% interval 3.1\u20135.5)" in text


def test_probability_is_also_given_in_words_with_its_operating_point():
    text = text_of(make_result())
    assert "Pneumonia 87% likely" in text
    assert "78\u201393% 50% Present" in text


def test_the_same_document_gives_the_same_bytes():
    document = result_document(make_result())
    assert render_pdf(document) == render_pdf(document)


def test_reports_drawn_at_the_same_time_do_not_mix():
    documents = [result_document(named(name)) for name in ("Rivera", "Okafor", "Lindqvist")] * 2
    alone = [render_pdf(document) for document in documents]
    together: dict[int, bytes] = {}

    def draw(index: int) -> None:
        together[index] = render_pdf(documents[index])

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(len(documents))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[i] for i in range(len(documents))] == alone


def test_every_page_says_what_it_is_whose_it_is_and_where_it_comes_from():
    result = make_result(targets=tuple(make_target(f"t{i}", 1.0 + i / 10) for i in range(4)))
    pages = pages_of(result)
    assert len(pages) == 2
    for number, page in enumerate(pages, start=1):
        assert "Research use only \u2013 not a medical device" in page
        assert "DRAFT \u2013 unsigned" in page
        assert "ID P-0042 \u00b7 Rivera, Ana" in page
        assert f"Page {number} of 2" in page
        assert document_digest(result_document(result)) in page


def test_report_names_study_inputs_files_model_and_device():
    text = text_of(make_result())
    for fact in (
        "Chest radiograph", "A-1047", "DX, CHEST, PA", "2024-03-05 14:30", "thorax 0.1.0", "cpu",
        "d" * 64, "a1" * 32, "b2" * 32, "c3" * 32, "chest_pa.dcm", "scan.pdf",
        "refused (UNKNOWN_KIND)", "The file is of no kind that can be read.", "184 mg/L H",
    ):  # fmt: skip
        assert fact in text


def test_a_simulated_patient_model_says_so_on_every_page():
    pages = pages_of(make_result(pack=PackIdentity("any", "0.1.0", "d" * 64, is_simulated=True)))
    assert all("Model trained on simulated patients only" in page for page in pages)
    assert "simulated" not in text_of(make_result())


def test_no_number_of_a_withheld_target_is_in_the_pdf():
    logit = 1.2345  # 77.46 %, unlike any other number of the case
    gate = TargetGate("pneumonia", GateVerdict.WITHHELD, "The image is a lateral view.", IMAGE)
    target = make_target("pneumonia", logit, interval=(0.6123, 0.8897), operating_point=0.5)
    others = (make_target("cardiomegaly", -1.3), make_severity())
    shown = text_of(make_result(targets=(target, *others)))
    hidden = text_of(make_result(targets=(target, *others), gates={"pneumonia": gate}))
    for number in ("77%", "61\u201389%", "+1.23"):
        assert number in shown
        assert number not in hidden
    assert "Pneumonia no score: withheld" in hidden
    assert "The image is a lateral view." in hidden
    assert "Key finding: Cardiomegaly" in hidden


def test_a_part_that_failed_shows_only_its_reason():
    explanation = make_explanation(make_target())
    reason = "Deletion was no better than a blob."
    part = replace(explanation.parts[IMAGE], passed=False, reason=reason)
    parts = dict(explanation.parts) | {IMAGE: part}
    targets = (make_target(),)
    result = make_result(
        targets=targets, explanations={"pneumonia": replace(explanation, parts=parts)}
    )
    text = text_of(result)
    assert f"No overlay: {reason}" in text
    assert f"Image: evidence withheld. {reason}" in text
    assert "left lower zone" not in text
    assert "+1.31" not in text
    assert "Image +1.02" in text  # what the image as a whole did is still told


def test_evidence_for_and_against_both_have_their_place():
    text = text_of(make_result())
    before, after = text.split("Evidence against (logits)")
    assert "Evidence for (logits)" in before
    for against in ("right upper zone", "Oxygen saturation (pulse oximetry) 96 %", "for 4 days"):
        assert against in after


def test_an_observation_counts_with_its_value_and_only_places_get_a_ring():
    before, after = text_of(make_result()).split("Evidence against (logits)")
    assert "1 image left lower zone +1.31" in before
    assert "lab/vital C-reactive protein 184 mg/L +0.71" in before
    assert "2 image right upper zone \u22120.24" in after
    assert "image rest of the image \u22120.05" in after


def test_targets_that_were_never_scored_are_named_with_the_reason():
    gate = TargetGate("pleural_effusion", GateVerdict.WITHHELD, "There is nothing to read.")
    text = text_of(make_result(targets=(), gates={"x": gate}, explanations={}))
    assert "No score for: pleural effusion. There is nothing to read." in text


def test_a_scale_in_mm_only_where_the_file_states_the_size_of_a_pixel():
    assert "100 mm" in text_of(make_result())
    unknown = make_case(instances=(make_instance(spacing_mm=None),))
    text = text_of(make_result(case=unknown))
    assert " mm " not in text.replace("mm[Hg]", "")
    assert "pixel size unknown: no scale" in text


def test_missing_inputs_are_told_and_what_would_help():
    gate = TargetGate("pneumonia", GateVerdict.CAUTION, "No labs.", OBSERVATIONS)
    case = make_case(instances=(), observations=())
    result = make_result(
        case=case, gates={"pneumonia": gate}, present=(NOTE,), missing=(IMAGE, OBSERVATIONS)
    )
    text = text_of(result)
    assert "Missing: Image, Labs and vitals." in text
    assert "Labs and vitals would help most for: Pneumonia." in text
    assert "no image study" in text


def test_a_finding_is_present_or_absent_as_on_the_page():
    targets = (make_target("pneumonia", 2.2), make_target("pleural_effusion", -2.0))
    text = text_of(make_result(targets=targets))
    assert "Present" in text
    assert "Absent" in text
    assert "not called" not in text


def test_other_findings_called_present_are_named_and_explained():
    targets = (make_target("pneumonia", 2.2), make_target("pleural_effusion", 1.1))
    text = text_of(make_result(targets=targets))
    assert "Also at or above their operating points: Pleural effusion." in text
    assert "Further finding: Pleural effusion \u2013 75%" in text


def test_a_case_without_any_target_is_still_a_report():
    pages = pages_of(make_result(targets=(), explanations={}))
    assert "No finding of this case was explained." in pages[0]


def test_the_fullest_case_takes_three_pages():
    targets = tuple(make_target(f"finding_{i}", 2.5 - 0.3 * i) for i in range(25))
    targets += (make_severity(),)
    reason = "Beyond the range of the reference patients. " * 5
    gates = {t.name: TargetGate(t.name, GateVerdict.CAUTION, reason, NOTE) for t in targets}
    case = make_case()
    case = replace(
        case,
        observations=tuple(make_observation() for _ in range(90)),
        files=tuple(replace(file, reason=reason) for file in case.files * 20),
        notices=(reason,) * 12,
    )
    pages = pages_of(make_result(case=case, targets=targets, gates=gates))
    assert len(pages) == 3
    assert "and 6 more targets, in the result document" in pages[0]
    assert "Severity (0\u201310) 4.2 points" in pages[0]
    assert "more files, in the result document" in pages[1]


def test_pages_are_a4_and_fonts_are_embedded():
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(result_document(make_result()))))
    for page in reader.pages:
        width, height = (float(side) * 25.4 / 72 for side in page.mediabox.upper_right)
        assert (round(width), round(height)) == (210, 297)
        fonts = {f.get_object()["/FontDescriptor"]["/FontName"]: f.get_object()
                 for f in page["/Resources"]["/Font"].values()
                 if "/FontDescriptor" in f.get_object()}  # fmt: skip
        assert len(fonts) >= 3
        assert all("/FontFile2" in f["/FontDescriptor"] for f in fonts.values())


def test_a_finding_is_borderline_as_on_the_page():
    near = make_target("pneumonia", -0.2, interval=(0.38, 0.53))
    text = text_of(make_result(targets=(near, make_target("nodule", -3.0))))
    assert "Pneumonia \u2013 45%, possible; called borderline" in text
    assert "50% Borderline" in text
    assert "50% Absent" in text


def test_a_table_of_which_rows_were_left_out_is_used_in_part():
    case = make_case()
    labs = replace(case.files[2], reason="line 3: no unit")
    text = text_of(make_result(case=replace(case, files=(labs,))))
    assert "labs.csv used in part" in text


def test_licence_lies_beside_the_fonts():
    assert "Bitstream Vera" in Path("assets/fonts/LICENSE").read_text(encoding="utf-8")


def test_marks_sets_relations_places_and_tests_are_told_in_words():
    target = make_target(prediction_set="both")
    made = make_explanation(target, interactions=(Interaction(IMAGE, NOTE, -0.5),))
    tests = (PartTest("deletion", True, 1.0, 0.0, ""), PartTest("noise", False, 0.0, 1.0, "Moved."))
    places = (Place("left lower zone", 0.7, 0.0), Place("text marker", 0.3, 0.0, is_outside=True))
    image = replace(made.parts[IMAGE], tests=tests, places=places)
    items = tuple(replace(item, mark="negated") for item in made.parts[NOTE].items)
    parts = {**made.parts, IMAGE: image, NOTE: replace(made.parts[NOTE], items=items)}
    explanations = {"pneumonia": replace(made, parts=parts)}
    text = text_of(make_result(targets=(target,), explanations=explanations))
    for words in (
        "The model can not tell at 90% coverage.",
        "[negated] \u201cProductive cough\u201d +0.47",
        "The strongest support is a clause that denies",
        "Image with clinical note: redundant (interaction \u22120.50)",
        "70% of the evidence for lies in the left lower zone; 30% lies outside the lungs",
        "do not rely on this map",
        "Image: passed 1 of 2 tests; failed: Moved.",
        "not thereby normal",
    ):
        assert words in text


def test_page_and_pdf_read_a_chart_aloud_in_the_same_words():
    result = make_result()
    prediction, made = result.prediction.targets[0], result.explanations["pneumonia"]
    signed = {c.modality: c.signed for c in made.contributions}
    names = observation_names(result.case.observations)
    text = text_of(result)
    for modality in (IMAGE, NOTE, OBSERVATIONS):
        items = made.parts[modality].items
        told = of_part(modality, prediction, signed[modality], items, names)
        assert f"{told.says} {told.says_not}" in text
