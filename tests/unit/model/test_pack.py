"""A pack loads whole and sound or not at all, and says why not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mmcore.errors import PackIntegrityError
from mmcore.model.pack import load_pack
from mmcore.packs import FILES, TOKENIZER, digest_of
from mmcore.train.package import package
from mmcore.train.run import build_network
from tests.tiny import tiny_pack, tiny_run, tiny_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_pack(), tmp_path / "tiny"))


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def refusal(folder: Path) -> str:
    with pytest.raises(PackIntegrityError) as caught:
        load_pack(folder)
    return caught.value.problem


def test_a_sound_pack_loads_frozen_and_in_evaluation_mode(folder: Path) -> None:
    pack = load_pack(folder)
    assert pack.identity.name == "phantom"
    assert not pack.network.training
    assert not any(p.requires_grad for p in pack.network.parameters())


@pytest.mark.parametrize("name", [*FILES, TOKENIZER])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refusal(folder) == f"{name} is missing"


def test_one_flipped_bit_changes_the_digest(folder: Path) -> None:
    before = digest_of(folder)
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    assert digest_of(folder) != before


def test_a_truncated_weights_file_is_refused(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-100])
    assert "model.safetensors" in refusal(folder)


def test_a_pickle_instead_of_safetensors_is_refused(folder: Path) -> None:
    torch.save({"head_bias": torch.zeros(7)}, folder / "model.safetensors")
    assert "model.safetensors" in refusal(folder)


def test_a_missing_weight_is_named(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.pop("head_bias"))
    assert refusal(folder) == "weights lack head_bias"


def test_a_surplus_weight_is_named(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update(stowaway=torch.zeros(1)))
    assert refusal(folder) == "weights hold an unknown stowaway"


def test_a_weight_of_another_shape_is_refused_not_dropped(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update(head_bias=torch.zeros(9)))
    assert refusal(folder) == "head_bias is (9,), not (7,)"


def test_a_weight_that_is_not_a_number_is_refused(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors["head_bias"].fill_(float("nan")))
    assert "head_bias" in refusal(folder)


@pytest.mark.parametrize(("key", "value"), [("rise", -1.0), ("operating_points", {})])
def test_an_impossible_calibration_is_refused(folder: Path, key: str, value: object) -> None:
    path = folder / "calibration.json"
    content = json.loads(path.read_text())
    content["effusion"][key] = value
    path.write_text(json.dumps(content))
    assert "effusion" in refusal(folder)


def test_a_card_with_a_blank_does_not_load(folder: Path) -> None:
    text = (folder / "card.yaml").read_text().replace("not_for:", "not_for: ''\nwas_not_for:")
    (folder / "card.yaml").write_text(text)
    assert refusal(folder) == "card.yaml leaves not_for blank"


def test_an_unknown_setting_is_refused_by_name(folder: Path) -> None:
    path = folder / "pack.yaml"
    path.write_text(path.read_text().replace("  note:", "  notes:"))
    assert "model.notes" in refusal(folder)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("version:", "versoin:", "pack.yaml lacks version"),
        ("version:", "author: me\nversion:", "pack.yaml holds an unknown author"),
    ],
)
def test_a_misspelt_word_of_the_head_is_named(
    folder: Path, before: str, after: str, problem: str
) -> None:
    path = folder / "pack.yaml"
    path.write_text(path.read_text().replace(before, after, 1))
    assert refusal(folder) == problem


@pytest.mark.parametrize(
    "name", ["pack.yaml", "calibration.json", "reference.npz", "card.yaml", TOKENIZER]
)
def test_a_file_that_is_cut_short_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:40] + b"\0[")
    assert name in refusal(folder)


def test_a_reference_with_pickled_objects_is_refused(folder: Path) -> None:
    np.savez(folder / "reference.npz", patients_image=np.array([object()]))
    refusal(folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("threshold_image", lambda _: np.array(0.0)),
        ("threshold_image", lambda _: np.array(np.nan)),
        ("embeddings_note", lambda array: array * np.nan),
        ("embeddings_note", lambda array: array[:4]),
        ("patients_image", lambda array: array[:-1]),
        ("patients_image", lambda array: array * np.inf),
    ],
)
def test_a_reference_that_can_judge_nobody_is_refused(
    folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    with np.load(folder / "reference.npz") as stored:
        arrays = dict(stored)
    with np.errstate(invalid="ignore"):
        arrays[name] = change(arrays[name])
    np.savez(folder / "reference.npz", **arrays)
    assert name.split("_")[1] in refusal(folder) or "reference" in refusal(folder)


def test_reference_embeddings_are_unit_vectors_again_after_half_precision(folder: Path) -> None:
    for vectors in load_pack(folder).reference.embeddings.values():
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)


def test_what_is_calibrated_is_what_is_shipped(tmp_path: Path) -> None:
    network = build_network(tiny_run(), tiny_source(), folder=tmp_path)
    package(network, tiny_run(), tiny_source(), out=tmp_path / "tiny", hours=0.0)
    shipped = load_pack(tmp_path / "tiny").network.state_dict()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, shipped[name]), name
