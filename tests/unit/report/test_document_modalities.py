"""What the result document holds of each modality, and of one that is not declared here."""

import base64
import json
import math
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from mmcore.errors import ResultFormatError
from mmcore.report import result_document
from mmcore.report.reading import read_document
from tests.unit.report.factories import (
    IMAGE,
    OBSERVATIONS,
    RECORDING,
    VARIANTS,
    make_case,
    make_full_result,
    make_recording,
    make_result,
    make_variants,
)
from tests.unit.report.reports import SCHEMA, target_of


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
