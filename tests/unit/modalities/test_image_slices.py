"""CT series: no slice is passed over, the stack sums to the attribution, slices are named."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmcore.errors import ConfigError
from mmcore.explain.regions import TOKEN_WEIGHT
from mmcore.modalities import image
from mmcore.modalities.image import ImageConfig
from mmcore.modalities.image_slices import SlicesEncoder, prepare_series, slab_weights
from mmcore.model.config import FusionConfig, ModelConfig, SegmentationConfig, TargetConfig
from mmcore.records import Case, Modality, Patient
from tests.unit.gate.test_suitability_of_series import series_of, slice_of, study_of

CONFIG = ImageConfig("cnn", 32, 1, {"channels": (4, 8, 8, 16)}, 0.5, 0.25, slices=4)


def encoder(config: ImageConfig = CONFIG) -> SlicesEncoder:
    torch.manual_seed(0)
    built = image.build(config, 8).eval()
    assert isinstance(built, SlicesEncoder)
    return built


@pytest.mark.parametrize(("count", "slabs"), [(8, 4), (9, 4), (3, 5), (24, 24), (301, 16)])
def test_every_slice_counts_and_every_slab_is_a_mean(count: int, slabs: int) -> None:
    weights = slab_weights(count, slabs)
    assert weights.sum(1) == pytest.approx(np.ones(slabs), abs=1e-6)
    assert weights.sum(0) == pytest.approx(np.full(count, slabs / count), abs=1e-5)


def test_what_a_slab_shows_is_the_window_of_its_slices() -> None:
    values = [-2000, -1350, -600, 150, 3000, -600, -600, -600]
    slices = tuple(
        slice_of(n, pixels=np.full((1, 6, 8), v, np.int16)) for n, v in enumerate(values)
    )
    read = prepare_series(slices, replace(CONFIG, mean=0.0, std=1.0))
    middle = read.values[:, 16, 16]
    assert middle == pytest.approx([0.0, 0.75, 0.75, 0.5], abs=1e-5)
    assert read.values[:, 0, 0].max() == 0.0  # the padding is as dark as air
    assert read.box == (-1.0, 0.0, 8.0, 8.0)
    assert read.numbers == (2, 4, 6, 8)
    assert read.digests == ("d1", "d3", "d5", "d7")
    assert read.sides == ("R", "L")


def test_a_model_of_slices_reads_a_ct_and_no_radiograph() -> None:
    ct, film = (study_of(series_of(10, modality=m)) for m in ("CT", "DX"))
    read = image.prepare(Case("a", Patient(), studies=(film, ct)), CONFIG, None)
    assert read.prepared is not None
    assert read.prepared.values.shape == (4, 32, 32)
    assert read.notices == (
        "The model read one of 2 image series.",
        "The model read the 10 slices as 4 averages of neighbours.",
    )
    refused = image.prepare(Case("b", Patient(), studies=(film,)), CONFIG, None)
    assert refused.prepared is None
    assert "not a series of CT slices" in refused.notices[0]
    assert image.prepare(Case("c", Patient()), CONFIG, None).notices == ()


def test_a_model_of_radiographs_reads_no_ct() -> None:
    ct = study_of(series_of(10))
    read = image.prepare(Case("a", Patient(), studies=(ct,)), replace(CONFIG, slices=1), None)
    assert read.prepared is None
    assert "modality CT" in read.notices[0]


def test_attention_is_a_share_of_every_slice() -> None:
    weights = encoder().slice_weights(torch.randn(3, 4, 32, 32))
    assert weights.shape == (3, 4)
    assert torch.allclose(weights.sum(1), torch.ones(3))


def test_the_order_of_slices_matters() -> None:
    stack = torch.randn(1, 4, 32, 32)
    model = encoder()
    assert not torch.allclose(model(stack), model(stack.flip(1)), atol=1e-4)


def test_the_stack_of_overlays_sums_to_what_both_walks_found() -> None:
    model, rng = encoder(), np.random.default_rng(0)
    by_input, by_token = rng.normal(size=(4, 32, 32)), rng.normal(size=(4, 8))
    by_token *= by_input.sum() / by_token.sum()
    by_input[2, :16, :16] = 0.0
    stack = model.blend(by_input, by_token)
    assert stack.shape == (4, 8, 8)
    expected = (1 - TOKEN_WEIGHT) * by_input.sum() + TOKEN_WEIGHT * by_token.sum()
    assert stack.sum() == pytest.approx(expected, abs=1e-9)


def test_a_level_that_the_pixels_leave_alone_gets_nothing_of_the_tokens() -> None:
    by_input = np.zeros((4, 32, 32))
    by_input[1] = 0.01
    stack = encoder().blend(by_input, np.ones((4, 8)))
    assert np.abs(stack[[0, 2, 3]]).max() == 0.0


def test_evidence_names_slice_and_place_and_sums() -> None:
    slices = tuple(slice_of(n, pixels=np.arange(1024).reshape(1, 32, 32)) for n in range(8))
    attribution = np.zeros((4, 8, 8))
    attribution[2, 1, 1], attribution[0, 6, 6] = 2.0, -0.5
    evidence = prepare_series(slices, CONFIG).name_parts(attribution)
    first, second, rest = evidence.items
    assert first.what == "slice 6 of 8, upper third, patient's right"
    assert first.where == (6.0, 6.0, 6.0)
    assert (first.signed, second.signed, rest.signed) == pytest.approx((2.0, -0.5, 0.0))
    assert second.what == "slice 2 of 8, lower third, patient's left"
    assert evidence.overlay is None  # no single slice is the whole
    assert evidence.overlay_stack is not None
    assert evidence.overlay_stack.shape == (4, 8, 8)
    assert evidence.overlay_of == ("d1", "d3", "d5", "d7")


def test_a_series_is_not_outlined() -> None:
    targets = (TargetConfig("nodule", "Nodule"),)
    with pytest.raises(ConfigError, match="not slices"):
        ModelConfig(
            targets, FusionConfig(8), {Modality.IMAGE: CONFIG}, SegmentationConfig(("nodule",))
        )


@pytest.mark.parametrize("wrong", [{"slices": 0}, {"window": (1.0, 0.0)}, {"window": (1.0,)}])
def test_slices_and_window_must_make_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        replace(CONFIG, **wrong)  # type: ignore[arg-type]
