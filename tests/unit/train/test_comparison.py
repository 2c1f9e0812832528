"""Presets are compared on the same patients, and only what changed is trained again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from mmcore.errors import ConfigError
from mmcore.modalities.image import square_image
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from mmcore.simulate import FINDINGS, sample_patient
from mmcore.simulate.leading import LEADING, leading_labels
from mmcore.train import comparison
from mmcore.train.cohort import area_means
from mmcore.train.comparison import PRESETS, compare_presets, find_presets, read_preset
from mmcore.train.config import RunConfig
from mmcore.train.run import fit
from mmcore.train.sources import Source, prepare_cohorts
from tests.tiny import SEED, tiny_cohort, tiny_source

ROOT = Path(__file__).resolve().parents[3]


def small(folder: Path, name: str, **changes: object) -> Path:
    """Write a preset of the comparison, shrunk until it trains in a moment."""
    values = yaml.safe_load((PRESETS / f"{name}.yaml").read_text("utf-8"))
    values["data"] |= {"seed": SEED, "train": 30, "validation": 30}
    values["model"]["image"] |= {"size": 64, "arguments": {"channels": [4, 4, 8, 8]}}
    values["model"].pop("segmentation")
    values["model"]["fusion"] |= {"embed_dim": 16, "num_heads": 2}
    values["model"]["note"] |= {"max_tokens": 32, "name": "lstm",
        "arguments": {"vocab_size": 300, "embedding": 8, "hidden": 8}}  # fmt: skip
    values["training"] |= {"epochs": 1, **changes}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


@pytest.fixture
def presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "presets"
    folder.mkdir()
    for name in ("e-concat", "f-attention", "c-joint-embedding"):
        small(folder, name)
    monkeypatch.setattr(comparison, "PRESETS", folder)
    monkeypatch.setattr(comparison, "TIMED_CASES", 2)
    monkeypatch.setattr(comparison, "open_source", _tiny_source)
    return folder


def _tiny_source(run: RunConfig, *, work: Path, data: Path | None) -> Source:
    return prepare_cohorts(run.model, tiny_cohort(), tiny_cohort())


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_preset_builds_and_is_named_as_its_file(path: Path) -> None:
    preset = read_preset(path)
    assert preset.name == path.stem
    FusionNetwork(preset.run.model)
    assert set(FINDINGS) <= set(preset.run.model.findings)


def test_the_presets_share_patients_image_size_and_steps() -> None:
    runs = [preset.run for preset in find_presets([])]
    assert len({(run.data.seed, run.data.train, run.data.validation) for run in runs}) == 1
    assert {run.model.image.size for run in runs if run.model.image} == {112}


def test_a_letter_stands_for_all_presets_that_start_with_it() -> None:
    assert [p.name for p in find_presets(["e"])] == ["e-concat", "e-weighted-average"]
    with pytest.raises(ConfigError, match="b-lstm"):
        find_presets(["z"])


def test_presets_of_other_patients_are_not_compared(tmp_path: Path) -> None:
    other = small(tmp_path, "e-concat")
    with pytest.raises(ConfigError, match="share"):
        find_presets([str(other), "b"])


def test_words_do_not_change_what_is_trained_but_settings_do(tmp_path: Path) -> None:
    path = small(tmp_path, "e-concat")
    first = read_preset(path).digest
    values = yaml.safe_load(path.read_text("utf-8"))
    path.write_text(yaml.safe_dump({**values, "display": "Another"}), "utf-8")
    assert read_preset(path).digest == first
    assert read_preset(small(tmp_path, "e-concat", epochs=2)).digest != first


def test_two_presets_are_renewed_and_the_third_line_stays(
    presets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, work = tmp_path / "fusions.md", tmp_path / "runs"
    first = {row.about.name: row for row in compare_presets([], out=page, work=work)}
    assert set(first) == {"c-joint-embedding", "e-concat", "f-attention"}
    assert all(row.difference is not None for row in first.values())
    small(presets, "e-concat", seed=8)
    trained: list[str] = []

    def counted(run: RunConfig, source: Source, *, folder: Path) -> tuple[FusionNetwork, float]:
        trained.append(run.name)
        return fit(run, source, folder=folder)

    monkeypatch.setattr(comparison, "fit", counted)
    again = {row.about.name: row for row in compare_presets(["e", "c"], out=page, work=work)}
    assert trained == ["e-concat"]
    assert again["f-attention"] == first["f-attention"]
    assert again["e-concat"].auroc != first["e-concat"].auroc
    assert again["c-joint-embedding"].auroc == first["c-joint-embedding"].auroc


def test_noise_reaches_only_the_input_that_it_names() -> None:
    source = tiny_source()
    network = FusionNetwork(source.model).eval()
    batch = source.validation.batch(torch.arange(4))
    generator = torch.Generator().manual_seed(0)
    labs = batch.inputs[Modality.OBSERVATIONS]
    lost = comparison.disturbed(labs, Modality.OBSERVATIONS, network, generator)
    gone = (lost != labs).any(dim=(2, 3))
    assert 0 < int(gone.sum()) < gone.numel()
    assert bool((lost[gone] == 0).all())
    note = batch.inputs[Modality.NOTE]
    blanked = comparison.disturbed(note, Modality.NOTE, network, generator)
    assert bool((blanked[blanked != note] == 0).all())


def test_one_truth_can_be_asked_of_one_input_alone() -> None:
    model = tiny_source().model
    alone = replace(model.targets[0], name="film", label=model.targets[0].name, inputs=("image",))
    asked = replace(model, targets=(model.targets[0], alone))
    labels = prepare_cohorts(asked, tiny_cohort(), tiny_cohort()).train.labels
    assert labels[:, 0].equal(labels[:, 1])


def test_the_page_holds_figures_of_the_presets_as_they_are() -> None:
    content = json.loads((ROOT / "docs" / "fusions" / "figures.json").read_text("utf-8"))
    measured = {row["about"]["name"]: row["about"]["digest"] for row in content["rows"]}
    presets = {preset.name: preset.digest for preset in find_presets([])}
    assert measured.items() <= presets.items()  # none of a preset as it once was
    assert {name[0] for name in measured} == set("abcdefg")


def test_every_patient_has_exactly_one_leading_diagnosis() -> None:
    labels = np.stack([tiny_cohort().label(name) for name in LEADING])
    assert labels.sum(0).tolist() == [1.0] * 30


def test_what_kills_first_leads() -> None:
    there = dict.fromkeys(FINDINGS, False)
    assert leading_labels(there)["leading_none"] == 1.0
    assert (
        leading_labels({**there, "nodule": True, "pneumothorax": True})["leading_pneumothorax"]
        == 1.0
    )


def test_pooled_shards_are_the_images_that_intake_would_make() -> None:
    pixels = sample_patient(SEED, 0).pixels
    stored = square_image(pixels, size=224, is_inverted=False).values[0]
    pooled = area_means(np.rint(stored * 255).astype(np.uint8)[None], 112)[0] / 255.0
    direct = square_image(pixels, size=112, is_inverted=False).values[0]
    assert np.abs(pooled - direct).mean() < 0.01
    assert np.quantile(np.abs(pooled - direct), 0.999) < 0.1


def test_area_means_of_four_pixels() -> None:
    image = np.array([[[0, 4], [8, 12]]], dtype=np.uint8)
    assert area_means(image, 1).tolist() == [[[6]]]
    assert area_means(image, 2) is image
