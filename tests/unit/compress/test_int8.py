"""Weights as 8-bit integers: at most half a step away, written only where calls stay the same."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load as load_tensors

from mmcore.compress import weights
from mmcore.compress.weights import write_int8
from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.phantoms import simulated
from mmcore.engine import Engine
from mmcore.errors import PackIntegrityError
from mmcore.model.int8 import SCALE, pack_int8, unpack_int8
from tests.tiny import SEED, tiny_pack


def cases() -> list[LabelledCase]:
    return list(simulated(SEED, 3))


def test_a_weight_comes_back_within_half_a_step_of_its_row() -> None:
    weight = torch.randn(16, 80) * torch.logspace(-3, 1, 16)[:, None]
    packed = pack_int8({"a.weight": weight})
    assert packed["a.weight"].dtype is torch.int8
    back = unpack_int8(packed)["a.weight"]
    step = weight.abs().amax(1, keepdim=True) / 127
    assert ((back - weight).abs() <= 0.5001 * step).all()


def test_small_tensors_integers_and_baselines_stay_as_they_are() -> None:
    tensors = {
        "bias": torch.randn(2000), "small.weight": torch.randn(4, 4),
        "ids": torch.arange(4000).reshape(2, 2000), "baseline_image": torch.randn(1, 64, 64),
    }  # fmt: skip
    packed = pack_int8(tensors)
    assert packed.keys() == tensors.keys()
    assert all(packed[name] is tensors[name] for name in tensors)


def test_a_row_of_zeros_stays_zero() -> None:
    assert not unpack_int8(pack_int8({"w": torch.zeros(2, 1000)}))["w"].any()


def test_scales_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="scales nothing"):
        unpack_int8({"w" + SCALE: torch.ones(2)})
    with pytest.raises(ValueError, match="scales nothing"):
        unpack_int8({"w": torch.zeros(3, 4, dtype=torch.int8), "w" + SCALE: torch.ones(2)})


def test_the_variant_loads_strictly_says_what_it_is_and_knows_itself(tmp_path: Path) -> None:
    agreement = write_int8(tiny_pack(), tmp_path / "small", cases())
    assert agreement.same >= 0.99
    assert agreement.calls == 18
    before, after = (
        (pack / weights.WEIGHTS).stat().st_size for pack in (tiny_pack(), tmp_path / "small")
    )
    assert after < before
    engine = Engine.load(tmp_path / "small")
    assert engine.identity.version.endswith("+int8")
    assert engine.identity.digest != Engine.load(tiny_pack()).identity.digest
    assert "8-bit integers" in engine.card_markdown
    (release,) = (
        test
        for test in engine.explain(cases()[0].case, "effusion").parts["image"].tests
        if test.name == "release"
    )
    assert release.passed
    stored = load_tensors((tmp_path / "small" / "model.safetensors").read_bytes())
    assert any(tensor.dtype is torch.int8 for tensor in stored.values())


def test_a_variant_that_calls_otherwise_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "SAME_CALLS", 1.01)
    with pytest.raises(PackIntegrityError, match="alike"):
        write_int8(tiny_pack(), tmp_path / "small", cases())
    assert not (tmp_path / "small").exists()
