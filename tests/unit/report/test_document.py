"""What the result document promises to everything that is drawn from it."""

import base64
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from mmcore.errors import LedgerNotAdditiveError, NonFiniteResultError, ResultFormatError
from mmcore.explain.relations import Relation
from mmcore.records import (
    Contribution,
    GateVerdict,
    Interaction,
    PartItem,
    PartTest,
    Place,
    Result,
    Section,
    TargetGate,
    Window,
)
from mmcore.report import result_document
from mmcore.report.images import display_png, quantise
from mmcore.report.reading import read_document
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
    make_pixels,
    make_recording,
    make_result,
    make_target,
    make_variants,
)

SCHEMA = json.loads(Path("docs/result.schema.json").read_text(encoding="utf-8"))
WITHHELD = TargetGate("pneumonia", GateVerdict.WITHHELD, "The view is lateral.", IMAGE)


def target_of(result: Result, name: str = "pneumonia") -> dict:
    document = result_document(result)
    return next(t for t in document["targets"] if t["name"] == name)


def failed_image(name: str = "pneumonia") -> Result:
    explanation = make_explanation(make_target(name))
    part = replace(explanation.parts[IMAGE], passed=False, reason="No better than random.")
    parts = dict(explanation.parts) | {IMAGE: part}
    return make_result(explanations={name: replace(explanation, parts=parts)})


@pytest.mark.parametrize(
    "result",
    [
        make_result(),
        make_result(gates={"pneumonia": WITHHELD}),
        make_result(case=make_case(instances=(), observations=()), present=(NOTE,)),
        make_result(targets=(), explanations={}),
        make_result(case=make_case(instances=(make_instance(spacing_mm=None),))),
        failed_image(),
        make_full_result(),
        make_full_result(gates={"pneumonia": WITHHELD}),
    ],
    ids=[
        "plain",
        "withheld",
        "note only",
        "no targets",
        "no spacing",
        "failed part",
        "five modalities",
        "five modalities withheld",
    ],
)
def test_document_is_valid_by_the_published_schema_and_by_its_reader(result):
    document = result_document(result)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    read_document(document)


def test_base_plus_contributions_is_the_logit():
    for target in result_document(make_result())["targets"]:
        total = target["base"] + sum(c["signed"] for c in target["contributions"])
        assert total == pytest.approx(target["logit"], abs=1e-9)


def test_probability_is_the_logistic_of_the_logit_at_full_precision():
    target = target_of(make_result())
    assert target["probability"] == 1.0 / (1.0 + math.exp(-target["logit"]))


def test_coalitions_name_their_modalities_and_run_from_base_to_logit():
    target = target_of(make_result())
    values = {tuple(c["modalities"]): c["value"] for c in target["coalitions"]}
    assert len(values) == 8
    assert values[()] == pytest.approx(target["base"], abs=1e-6)
    assert values["image", "note", "observations"] == pytest.approx(target["logit"], abs=1e-6)
    assert values["image", "observations"] == pytest.approx(1.9 - 0.63, abs=1e-6)


def test_nothing_of_a_withheld_score_is_in_the_document():
    target = target_of(make_result(gates={"pneumonia": WITHHELD}))
    for name in ("logit", "probability", "interval", "called", "base"):
        assert target[name] is None
    for name in ("contributions", "interactions", "coalitions", "parts"):
        assert not target[name]


def test_a_part_that_failed_carries_only_its_reason():
    part = target_of(failed_image())["parts"]["image"]
    assert part == {
        "sum": None, "completeness_error": None, "passed": False,
        "reason": "No better than random.", "top": [], "overlay": None,
        "tests": [], "places": [], "sections": [],
    }  # fmt: skip


def test_a_failed_part_may_hold_numbers_that_are_not_finite():
    explanation = make_explanation(make_target())
    part = replace(explanation.parts[NOTE], passed=False, reason="Did not add up.", sum=math.nan)
    parts = dict(explanation.parts) | {NOTE: part}
    result = make_result(explanations={"pneumonia": replace(explanation, parts=parts)})
    assert target_of(result)["parts"]["note"]["sum"] is None


def test_a_ledger_that_misses_its_logit_is_refused():
    explanation = replace(make_explanation(make_target()), base=-0.5)
    with pytest.raises(LedgerNotAdditiveError):
        result_document(make_result(explanations={"pneumonia": explanation}))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(bad):
    targets = (make_target("pneumonia", logit=1.0),)
    with pytest.raises(NonFiniteResultError):
        result_document(make_result(targets=(replace(targets[0], logit=bad),)))
    with pytest.raises(NonFiniteResultError):
        result_document(make_result(targets=targets, timings={"encode": bad}))
    first = Contribution(IMAGE, 1.0, 1.0, (bad, 1.2))
    explanation = make_explanation(targets[0], (1.0, 0.0, 0.0))
    ledger = replace(explanation, contributions=(first, *explanation.contributions[1:]))
    with pytest.raises(NonFiniteResultError):
        result_document(make_result(targets=targets, explanations={"pneumonia": ledger}))


def test_strong_evidence_for_does_not_crowd_out_evidence_against():
    items = tuple(PartItem(f"word {i}", (i, i + 1), 1.0 - 0.01 * i) for i in range(40))
    items += (PartItem("no fever", (60, 68), -0.02),)
    explanation = make_explanation(make_target())
    part = replace(explanation.parts[NOTE], items=items)
    parts = dict(explanation.parts) | {NOTE: part}
    result = make_result(explanations={"pneumonia": replace(explanation, parts=parts)})
    top = target_of(result)["parts"]["note"]["top"]
    assert [item["what"] for item in top][-1] == "no fever"
    assert len(top) == 13


def test_the_text_of_a_note_is_not_in_the_document():
    case = make_case()
    note = replace(case.notes[0], text="Lives with Mr Quillfeather.")
    document = result_document(make_result(case=replace(case, notes=(note,))))
    assert "Quillfeather" not in json.dumps(document)
    assert document["case"]["notes"][0]["characters"] == 27


def test_unknown_facts_are_null_and_not_a_stand_in():
    instance = make_instance(spacing_mm=None, view_position=None, acquired_at=None)
    case = make_case(instances=(instance,))
    case = replace(case, patient=replace(case.patient, birth_date=None, age_years=None))
    case_document = result_document(make_result(case=case))["case"]
    assert case_document["key_image"]["spacing_mm"] is None
    assert case_document["key_image"]["acquired_at"] is None
    assert case_document["patient"]["birth_date"] is None
    assert case_document["patient"]["age_years"] is None


def grey_of(instance) -> np.ndarray:
    png, _ = display_png(instance)
    return np.asarray(Image.open(io.BytesIO(png)))


def test_window_is_applied_as_dicom_defines_it():
    # PS3.3 C.11.2.1.2.1 with center 50, width 101: y = ((x - 49.5) / 100 + 0.5) * 255,
    # so 0 and less give 0 or nearly so, 49.5 gives 127.5, and above 99.5 everything is 255.
    pixels = np.array([[[-20, -1, 25, 75, 100, 300]]], dtype=np.int16)
    grey = grey_of(make_instance(pixels=pixels, windows=(Window(50.0, 101.0),)))
    assert grey.tolist() == [[0, 0, 65, 193, 255, 255]]


def test_monochrome1_is_the_negative_of_its_twin():
    plain = grey_of(make_instance())
    inverted = grey_of(make_instance(is_inverted=True))
    np.testing.assert_allclose(inverted.astype(int) + plain.astype(int), 255, atol=1)


def test_key_image_is_bounded_and_tells_its_scale_to_stored_pixels():
    instance = make_instance(pixels=make_pixels(3072, 1536))
    image = result_document(make_result(case=make_case(instances=(instance,))))["case"]["key_image"]
    assert (image["rows"], image["columns"]) == (768, 384)
    assert image["stored"] == [3072, 1536]
    assert image["scale"] == [4.0, 4.0]
    assert image["spacing_mm"] == [0.6, 0.6]
    with Image.open(io.BytesIO(base64.b64decode(image["png"]))) as png:
        assert png.size == (384, 768)
        assert png.mode == "L"


def test_the_image_that_the_model_reads_stands_for_the_case():
    lateral = make_instance(view_position="LL", digest="d4" * 32)
    case = make_case(instances=(lateral, make_instance()))
    document = result_document(make_result(case=case))
    assert document["case"]["key_image"]["view_position"] == "PA"
    alone = result_document(make_result(case=make_case(instances=(lateral,))))
    assert alone["case"]["key_image"]["view_position"] == "LL"


def test_a_colour_image_without_window_becomes_grey():
    pixels = np.zeros((1, 70, 80, 3), dtype=np.uint8)
    pixels[:, 35:] = (255, 255, 255)
    grey = grey_of(make_instance(pixels=pixels, windows=()))
    assert grey[0, 0] == 0
    assert grey[-1, -1] == 255


def test_overlay_keeps_its_values_to_half_a_quantum():
    values = np.linspace(-0.3, 0.7, 91, dtype=np.float32).reshape(7, 13)
    data, scale = quantise(values)
    restored = np.frombuffer(data, np.int8).reshape(7, 13) * scale
    assert scale == pytest.approx(0.7 / 127.0)
    assert np.abs(restored - values).max() <= scale / 2 + 1e-9


def test_an_overlay_of_zeros_stays_zero_and_nan_is_refused():
    assert quantise(np.zeros((2, 3), dtype=np.float32)) == (bytes(6), 0.0)
    with pytest.raises(NonFiniteResultError):
        quantise(np.full((2, 2), np.nan, dtype=np.float32))


def test_where_of_each_modality_survives_as_given():
    parts = target_of(make_result())["parts"]
    assert parts["image"]["top"][0]["where"] == [397.0, 358.0]
    assert parts["note"]["top"][0]["where"] == [0.0, 16.0]
    assert parts[str(OBSERVATIONS)]["top"][0]["where"] == ["1988-5", "2024-03-05T13:00:00"]


def test_a_recording_is_carried_as_a_picture_and_never_as_sound():
    document = result_document(make_full_result())
    case = document["case"]
    assert case["recordings"] == [
        {
            "digest": "d4" * 32, "title": "lung.wav", "site": "posterior left lower",
            "recorded_at": "2024-03-05T14:50:00", "seconds": 6.0, "sample_rate_hz": 4000,
            "notices": [],
        }
    ]  # fmt: skip
    picture = case["key_recording"]["spectrogram"]
    assert len(base64.b64decode(picture["data"])) == picture["rows"] * picture["columns"]
    assert picture["rows"] * picture["columns"] < make_recording().samples.size * 2
    read = read_document(document).case
    assert read.key_recording is not None
    assert read.key_recording.picture is not None
    assert read.key_recording.picture.edges_hz[-1] == pytest.approx(2000.0)


def test_the_map_of_a_recording_keeps_its_bands_and_its_seconds():
    result = make_full_result()
    part = result.explanations["pneumonia"].parts[RECORDING]
    read = read_document(result_document(result))
    sound = read.targets[0].parts[RECORDING].overlay.sound
    assert (sound.first_s, sound.last_s) == (0.0, 6.0)
    assert len(sound.edges_hz) == 33
    np.testing.assert_allclose(sound.values, part.overlay, atol=np.abs(part.overlay).max() / 250)
    assert read.targets[0].parts[IMAGE].overlay.sound is None


def test_only_called_variants_are_carried_with_how_many_loci_were_looked_at():
    case = result_document(make_full_result())["case"]
    assert case["panel"] == {"loci": 4, "called": 2}
    assert [v["variant_id"] for v in case["variants"]] == ["rs0001", "rs0002"]
    assert result_document(make_result())["case"]["panel"] is None


def test_of_many_variants_those_that_an_explanation_names_are_kept():
    first, second, *_ = make_variants()
    many = (*(replace(first, variant_id=f"x{i}") for i in range(5000)), second)
    result = make_full_result(case=make_case(variants=many))
    variants = result_document(result)["case"]["variants"]
    assert len(variants) == 200
    assert variants[0]["variant_id"] == "rs0002"


def test_a_document_from_before_sound_and_genes_is_still_read():
    document = result_document(make_result())
    for name in ("recordings", "panel", "variants", "attachments", "key_recording"):
        del document["case"][name]
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    case = read_document(document).case
    assert (case.recordings, case.panel, case.variants, case.key_recording) == ((), None, (), None)


def test_a_modality_that_is_not_declared_here_is_read_by_its_name():
    text = json.dumps(result_document(make_full_result())).replace('"variants":', '"VARIANTS":')
    text = text.replace('"variants"', '"lung_function"')
    text = text.replace('"VARIANTS": {', '"lung_function": {').replace('"VARIANTS"', '"variants"')
    document = json.loads(text)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    read = read_document(document)
    contribution = read.targets[0].contributions[-1]
    assert contribution.modality.display == "Lung function"
    assert contribution.modality in read.targets[0].parts
    assert "lung_function" not in tuple(type(IMAGE)), "a file must not declare anything"


@pytest.mark.parametrize("name", ["Image", "a b", "", "x" * 100, "<b>"])
def test_what_can_not_be_the_name_of_a_modality_is_refused(name):
    document = result_document(make_full_result())
    document["present"] = [name]
    with pytest.raises(ResultFormatError, match="present"):
        read_document(document)


def test_a_broken_spectrogram_is_refused():
    for change in ({"rows": 3}, {"edges_hz": [0.0, 1.0]}, {"seconds": 0.0}, {"range_db": math.nan}):
        document = json.loads(json.dumps(result_document(make_full_result())))
        document["case"]["key_recording"]["spectrogram"] |= change
        with pytest.raises(ResultFormatError, match="spectrogram"):
            read_document(document)


def test_variants_are_told_where_they_point_to():
    parts = target_of(make_full_result())["parts"]
    assert parts[str(VARIANTS)]["top"][0]["where"] == ["rs0002"]
    assert parts[str(RECORDING)]["top"][0]["where"] == [2.25, 409.7]


TESTS = (
    PartTest("deletion", True, 0.8, 0.2, "Deleting the marked places moved it four times more."),
    PartTest("stability", False, 0.3, 0.7, "Small noise moved the map."),
    PartTest("anatomy", None, math.nan, 0.5, "No lungs were outlined."),
)
PLACES = (Place("left lower zone", 1.2, -0.1), Place("text marker", 0.05, 0.0, is_outside=True))


def checked(*, passed: bool = True) -> Result:
    """Return a result whose image has tests and places, and whose note has marks and sections."""
    target = make_target(prediction_set="both")
    made = make_explanation(target, interactions=(Interaction(IMAGE, NOTE, -0.5),))
    image = replace(
        made.parts[IMAGE], tests=TESTS, places=PLACES, passed=passed, reason="Unstable."
    )
    items = tuple(replace(item, mark="negated") for item in made.parts[NOTE].items)
    parts = {**made.parts, IMAGE: image, NOTE: replace(made.parts[NOTE], items=items)}
    case = make_case()
    note = replace(case.notes[0], sections=(Section("Exam", "examination", 17, 38),))
    return make_result(
        case=replace(case, notes=(note,)), targets=(target,),
        explanations={"pneumonia": replace(made, parts=parts)},
    )  # fmt: skip


def test_tests_places_marks_sections_set_and_relations_come_back_as_they_were():
    document = json.loads(json.dumps(result_document(checked())))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    (target,) = read_document(document).targets
    part, note = target.parts[IMAGE], target.parts[NOTE]
    assert part.tests[:2] == TESTS[:2]
    assert (part.tests[2].passed, part.tests[2].words) == (None, TESTS[2].words)
    assert math.isnan(part.tests[2].value)
    assert part.places == PLACES
    assert {item.mark for item in note.top} == {"negated"}
    assert [(s.title, s.start, s.end) for s in note.sections] == [("", 0, 16), ("Exam", 17, 38)]
    assert sum(s.signed for s in note.sections) == pytest.approx(0.47 + 0.22 - 0.06)
    assert target.prediction_set == "both"
    assert target.relations == (Relation.REDUNDANT,), "0.5 is over two thirds of 0.63"


def test_a_failed_part_tells_which_test_it_failed_and_no_place():
    document = result_document(checked(passed=False))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    part = read_document(document).targets[0].parts[IMAGE]
    assert [test.passed for test in part.tests] == [True, False, None]
    assert not part.places
    assert part.sum is None


def test_nothing_of_the_set_is_told_of_a_withheld_target():
    result = checked()
    withheld = replace(result.prediction, gate=(WITHHELD,))
    assert target_of(replace(result, prediction=withheld))["prediction_set"] is None


def test_an_older_document_without_the_newer_members_is_still_read():
    document = json.loads(json.dumps(result_document(checked())))
    (target,) = document["targets"]
    del target["prediction_set"]
    for interaction in target["interactions"]:
        del interaction["relation"]
    for part in target["parts"].values():
        for name in ("tests", "places", "sections"):
            del part[name]
        for item in part["top"]:
            del item["mark"]
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    (read,) = read_document(document).targets
    assert read.prediction_set is None
    assert read.relations == (None,)
    assert all(not (p.tests or p.places or p.sections) for p in read.parts.values())
    assert {item.mark for item in read.parts[NOTE].top} == {""}


@pytest.mark.parametrize(
    ("member", "value"),
    [("places", [{"name": "x", "positive": -1.0, "negative": 0.0, "is_outside": False}]),
     ("tests", [{"name": "x", "passed": "yes", "value": 0, "limit": 0, "words": ""}]),
     ("sections", [{"title": "", "kind": "other", "where": [1], "signed": 0}])],
)  # fmt: skip
def test_what_can_not_be_a_place_a_test_or_a_section_is_refused(member, value):
    document = json.loads(json.dumps(result_document(checked())))
    document["targets"][0]["parts"]["image"][member] = value
    with pytest.raises(ResultFormatError):
        read_document(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_a_disagreement_of_the_sources_is_filed_and_read_back() -> None:
    target = make_target("pneumonia")
    explanation = make_explanation(target)
    assert target.is_positive
    denied = PartItem("No pneumonia.", (10, 23), -0.3, "negated")
    note = explanation.parts[NOTE]
    steps = tuple(
        replace(c, signed=-0.5 if c.modality == NOTE else c.signed)
        for c in explanation.contributions
    )
    shift = sum(c.signed for c in steps) - sum(c.signed for c in explanation.contributions)
    coalitions = explanation.coalitions.copy()
    coalitions[-1] += shift
    changed = replace(
        explanation, contributions=steps, logit=explanation.logit + shift, coalitions=coalitions,
        interactions=(Interaction(IMAGE, NOTE, 0.0),),
        parts={**explanation.parts, NOTE: replace(note, items=(*note.items, denied))},
    )  # fmt: skip
    probability = 1 / (1 + math.exp(-changed.logit))
    moved = replace(target, logit=changed.logit, probability=probability, operating_point=0.01)
    result = make_result(targets=(moved,), explanations={"pneumonia": changed})
    document = result_document(result)
    (filed,) = document["targets"]
    assert filed["disagreement"]["raising"] == ["image"]
    assert filed["disagreement"]["lowering"] == ["note"]
    assert [c["what"] for c in filed["disagreement"]["clauses"]] == ["No pneumonia."]
    jsonschema.validate(document, SCHEMA)
    (read,) = read_document(document).targets
    assert read.disagreement.raising == (IMAGE,)
    assert read.disagreement.clauses == (denied,)


def test_an_older_document_holds_no_disagreement() -> None:
    document = result_document(make_full_result())
    for target in document["targets"]:
        del target["disagreement"]
    assert not any(t.disagreement for t in read_document(document).targets)
