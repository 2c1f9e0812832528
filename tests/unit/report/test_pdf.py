"""What the PDF shows, what it never shows, and what no text in a file can make it do."""

import io
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pypdf
import pytest

from mmcore.records import (
    GateVerdict,
    Interaction,
    PackIdentity,
    PartItem,
    PartTest,
    Patient,
    Place,
    Result,
    TargetGate,
)
from mmcore.report import document_digest, render_pdf, result_document
from mmcore.sentences import observation_names, of_part
from mmcore.wording import interval_text, probability_text, signed_text
from tests.unit.report.factories import (
    IMAGE,
    NOTE,
    OBSERVATIONS,
    RECORDING,
    VARIANTS,
    make_case,
    make_explanation,
    make_full_result,
    make_instance,
    make_observation,
    make_result,
    make_severity,
    make_target,
    make_variants,
)


def pages_of(result: Result) -> list[str]:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(result_document(result))))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def text_of(result: Result) -> str:
    return " ".join(pages_of(result))


def named(name: str) -> Result:
    case = make_case()
    return make_result(case=replace(case, patient=replace(case.patient, name=name)))


def with_note_item(what: str) -> Result:
    explanation = make_explanation(make_target())
    part = replace(explanation.parts[NOTE], items=(PartItem(what, (0, 16), 0.47),))
    parts = dict(explanation.parts) | {NOTE: part}
    return make_result(explanations={"pneumonia": replace(explanation, parts=parts)})


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
    assert "Also called present: Pleural effusion." in text
    assert "Further finding: Pleural effusion \u2013 75%" in text


def test_a_case_without_any_target_is_still_a_report():
    pages = pages_of(make_result(targets=(), explanations={}))
    assert "No finding of this case was explained." in pages[0]


def test_the_fullest_case_takes_two_pages():
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
    assert len(pages) == 2
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


HOSTILE = [
    "K+ <b 3.1, Na>140 ; pt <Doe> seen",
    "R&D",
    '<img src="/etc/hostname.png">',
    '<a href="javascript:alert(1)">x</a>',
    '<img src="http://127.0.0.1:8777/?p=x"/>',
    "file:///etc/passwd",
    "<para><font color=\"[[getattr(pow,'__self__')]]\">x</font>",
    "=HYPERLINK(1)",
    "@SUM(1)",
    "&lt;b&gt; %(x)s {x} \\(",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_from_files_is_shown_letter_by_letter(hostile):
    case = make_case()
    # Where the text stands alone and is not cut: a name, and a quoted phrase.
    patient = Patient(patient_id=hostile[:20], name=hostile)
    files = (replace(case.files[0], name=hostile[:20]),)
    result = replace(with_note_item(hostile), case=replace(case, patient=patient, files=files))
    text = text_of(result)
    assert hostile in text or hostile[:30] in text
    assert "Page 1 of" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("김민준", "[U+AE40][U+BBFC][U+C900]"),
        ("محمد", "[U+0645][U+062D][U+0645][U+062F]"),
        ("\u05d3\u05d5\u05d3", "[U+05D3][U+05D5][U+05D3]"),  # Hebrew, which the font holds
        ("Ann\x00a", "Ann[U+0000]a"),
        ("abc\u202edef", "abc[U+202E]def"),
        ("\U0001fac1", "[U+1FAC1]"),
        ("\ud800", "[U+D800]"),
    ],
)
def test_characters_that_can_not_be_set_are_named_with_a_footnote(name, shown):
    text = text_of(named(name))
    assert shown in text
    assert "Characters that this report's font can not set are given as [U+code point]." in text


@pytest.mark.parametrize("name", ["Müller-Łukasz", "Ελένη", "Дмитрий", "Nguyễn Ánh"])
def test_characters_of_the_font_round_trip_without_a_footnote(name):
    text = text_of(named(name))
    assert name in text
    assert "[U+" not in text


@pytest.mark.parametrize("name", ["x" * 200_000, "word " * 1_000_000, "山" * 200_000])
def test_text_of_any_length_is_cut_in_time(name):
    pages = len(pages_of(make_result()))
    started = time.monotonic()
    assert len(pages_of(named(name))) == pages
    assert time.monotonic() - started < 5.0


@contextmanager
def watched() -> Iterator[list[str]]:
    """Record every file opened and every socket used while it is on; hooks can not be removed."""
    events: list[str] = []
    is_on = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if is_on[0] and (event == "open" or event.startswith(("socket.", "subprocess.", "os."))):
            events.append(f"{event} {arguments[0] if arguments else ''}")

    sys.addaudithook(hook)
    try:
        yield events
    finally:
        is_on[0] = False


def test_no_file_is_opened_and_no_address_contacted_for_what_a_text_says(tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"not looked at")
    document = result_document(with_note_item(f'<img src="{picture}"/> http://127.0.0.1:9/x.png'))
    render_pdf(document)  # loads modules and our own fonts
    with watched() as events:
        render_pdf(document)
    assert events == []
    with watched() as events, picture.open("rb"), socket.socket():
        pass
    assert len(events) >= 2  # the watch itself works


def test_metadata_names_the_document_and_no_patient():
    data = render_pdf(result_document(make_result()))
    metadata = pypdf.PdfReader(io.BytesIO(data)).metadata
    assert document_digest(result_document(make_result())) in metadata["/Subject"]
    assert "Rivera" not in str(metadata)
    assert "2000" in metadata["/CreationDate"]  # reportlab's invariant date: no clock is read
    assert not re.search(rb"/(JavaScript|URI|Launch|EmbeddedFile)\b", data)


def test_the_sound_is_drawn_with_its_axes_its_scale_and_its_strongest_cells():
    text = text_of(make_full_result())
    section = text[text.index("Sound recording \u2013 6.0 s at 4,000 Hz, posterior left lower") :]
    section = section[: section.index("Gene panel")]
    for words in (
        "100 Hz", "2000", "0 s", "white is loudest, black 45 dB below", "What moved Pneumonia",
        "for (logits per cell)", "1 for 2.0 to 2.5 s, 280 to 563 Hz +0.34",
        "2 against 4.5 to 5.0 s, 0 to 237 Hz \u22120.11",
    ):  # fmt: skip
        assert words in section


def without_part(modality, reason: str) -> Result:
    result = make_full_result()
    explanation = result.explanations["pneumonia"]
    part = replace(explanation.parts[modality], passed=False, reason=reason)
    parts = dict(explanation.parts) | {modality: part}
    return replace(result, explanations={"pneumonia": replace(explanation, parts=parts)})


def test_a_sound_whose_evidence_failed_is_drawn_without_a_map():
    reason = "Deletion was no better than chance."
    text = text_of(without_part(RECORDING, reason))
    assert f"No map: {reason}" in text
    assert "280 to 563 Hz" not in text
    assert "white is loudest" in text, "the sound itself is still shown"


def test_variants_are_listed_with_genotype_effect_and_contribution_and_no_claim():
    text = text_of(make_full_result())
    section = text[text.index("Gene panel \u2013 2 variants at 4 loci reported") :]
    assert "GENB rs0002 2 copies stop gained +0.28" in section
    assert "GENA rs0001 1 copy missense variant \u22120.07" in section
    assert "no variant at the other 2 loci \u22120.01" in section
    assert "No clinical claim is made about any variant" in section


def test_variants_whose_evidence_failed_keep_their_names_and_lose_their_numbers():
    text = text_of(without_part(VARIANTS, "The parts do not add up."))
    section = text[text.index("Gene panel \u2013") :]
    assert "Evidence withheld. The parts do not add up." in section
    assert "GENA rs0001 1 copy missense variant \u2013" in section
    assert "+0.28" not in text


def test_of_many_variants_the_strongest_are_listed_and_the_others_counted():
    many = tuple(replace(make_variants()[0], variant_id=f"x{i}") for i in range(40))
    case = replace(make_full_result().case, variants=(*many, *make_variants()))
    section = text_of(make_full_result(case=case)).partition("Gene panel \u2013 42 variants")[2]
    assert section.index("rs0002") < section.index("rs0001") < section.index("x0 ")
    assert "and 32 more variants that moved it less or not at all" in section


def test_sound_and_genes_of_a_case_without_an_explained_finding_are_still_told():
    text = text_of(make_full_result(targets=(), explanations={}))
    assert "posterior left lower" in text
    assert "GENB rs0002 2 copies stop gained" in text


def test_a_case_without_sound_and_genes_has_no_section_on_them():
    text = text_of(make_result())
    assert "Sound recording" not in text
    assert "Gene panel" not in text


def test_a_modality_of_an_extension_is_told_by_its_name():
    document = json.loads(json.dumps(result_document(make_full_result())))
    for target in document["targets"]:
        for row in target["contributions"]:
            if row["modality"] == "variants":
                row["modality"] = "lung_function"
        if "variants" in target["parts"]:
            target["parts"]["lung_function"] = target["parts"].pop("variants")
    data = render_pdf(document)
    text = " ".join(
        " ".join(p.extract_text() for p in pypdf.PdfReader(io.BytesIO(data)).pages).split()
    )
    assert "Lung function +0.20" in text
    assert "lung fun\u2026 GENB rs0002, stop gained, 2 copies +0.28" in text


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


def test_the_fullest_case_of_five_modalities_takes_three_pages():
    targets = tuple(make_target(f"finding_{i}", 2.5 - 0.3 * i) for i in range(25))
    reason = "Beyond the range of the reference patients. " * 5
    gates = {t.name: TargetGate(t.name, GateVerdict.CAUTION, reason, NOTE) for t in targets}
    full = make_full_result()
    case = replace(
        full.case,
        observations=tuple(make_observation() for _ in range(90)),
        files=tuple(replace(file, reason=reason) for file in full.case.files * 20),
        variants=make_variants() * 50,
        notices=(reason,) * 12,
    )
    ledger = {t.name: make_explanation(t, (1.0, 0.6, 0.8, 0.2, 0.2)) for t in targets}
    result = make_full_result(case=case, targets=targets, gates=gates, explanations=ledger)
    assert len(pages_of(result)) <= 3


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
