"""What the PDF shows, what it never shows, and what no text in a file can make it do."""

import io
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

from mmcore.records import GateVerdict, PackIdentity, PartItem, Patient, Result, TargetGate
from mmcore.report import document_digest, render_pdf, result_document
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
        ("山田太郎", "[U+5C71][U+7530][U+592A][U+90CE]"),
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
    started = time.monotonic()
    assert len(pages_of(named(name))) == 1
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


def test_licence_lies_beside_the_fonts():
    assert "Bitstream Vera" in Path("assets/fonts/LICENSE").read_text(encoding="utf-8")
