"""What the PDF tells of a recording, a gene panel and an extension's modality."""

import io
import json
from dataclasses import replace

import pypdf

from mmcore.records import GateVerdict, Result, TargetGate
from mmcore.report import render_pdf, result_document
from tests.unit.report.factories import (
    NOTE,
    RECORDING,
    VARIANTS,
    make_explanation,
    make_full_result,
    make_observation,
    make_result,
    make_target,
    make_variants,
)
from tests.unit.report.reports import pages_of, text_of


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
