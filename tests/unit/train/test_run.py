"""A run file that would train something else than it names is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from mmcore.engine import Engine
from mmcore.errors import ConfigError
from mmcore.model.pack import write_weights
from mmcore.train import pretrain
from mmcore.train.config import DataConfig, RunConfig, StartConfig, read_run
from mmcore.train.package import package
from mmcore.train.run import build_network, fit, with_history
from mmcore.train.sources import Source, open_source, prepare_cohorts
from mmcore.train.tracking import read_log
from tests.tiny import PRESET, tiny_cohort, tiny_run, tiny_source
from tests.unit.train.small import Small, examinations, network, training


def test_labels_go_by_name_so_the_order_of_targets_does_not_matter() -> None:
    model = tiny_run().model
    turned = replace(model, targets=tuple(reversed(model.targets)))
    labels = prepare_cohorts(turned, tiny_cohort(), tiny_cohort()).train.labels
    assert labels.flip(1).equal(tiny_source().train.labels)


def test_a_target_that_no_simulated_patient_has_is_refused_with_the_known_ones() -> None:
    model = tiny_run().model
    other = replace(model, targets=(replace(model.targets[0], name="fracture"),))
    with pytest.raises(ConfigError, match=r"fracture.*consolidation"):
        prepare_cohorts(other, tiny_cohort(), tiny_cohort())


def test_a_regression_is_learned_in_units_of_its_scale() -> None:
    column = [t.name for t in tiny_run().model.targets].index("severity")
    scaled = tiny_source().train.labels[:, column].numpy()
    assert scaled * 10.0 == pytest.approx(tiny_cohort().severity, abs=1e-5)


def test_a_run_on_real_patients_without_their_folder_is_refused(tmp_path: Path) -> None:
    run = replace(tiny_run(), data=replace(tiny_run().data, kind="thorax", teacher=""))
    with pytest.raises(ConfigError, match="--data"):
        open_source(run, work=tmp_path, data=None)


@pytest.mark.parametrize(
    ("section", "key"), [("training", "epoch"), ("loss", "focal"), ("start", "packs")]
)
def test_a_setting_that_does_not_exist_is_named(tmp_path: Path, section: str, key: str) -> None:
    values = yaml.safe_load(PRESET.read_text("utf-8"))
    values.setdefault(section, {})[key] = 1
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(values), "utf-8")
    with pytest.raises(ConfigError, match=f"{section}.{key}"):
        read_run(tmp_path / "run.yaml")


# --- one run, from start to plain weights ---


def small_run(**changes: object) -> tuple[RunConfig, Source]:
    rows = examinations(Small())
    run = RunConfig(
        name="small", version="1", display="Small", model=rows.config,
        data=DataConfig("phantom", seed=1, train=1, validation=1), training=training(epochs=2),
        card={"training_data": "Drawn at random.\n"},
    )  # fmt: skip
    return replace(run, **changes), Source(rows.config, None, rows, rows, (), is_simulated=True)  # type: ignore[arg-type]


def test_an_adapted_run_ends_with_plain_weights_and_says_what_it_started_from(
    tmp_path: Path,
) -> None:
    write_weights(network(Small()), tmp_path / "model.safetensors")
    start = StartConfig(pack=str(tmp_path), modules=("encoders",))  # type: ignore[arg-type]
    config = training(epochs=1, freeze=("encoders",), lora=("encoders.image",), lora_rank=2)
    run, source = small_run(training=config, start=start)
    fitted, seconds = fit(run, source, folder=tmp_path)
    plain = network(Small()).state_dict()
    assert fitted.state_dict().keys() == plain.keys()
    assert seconds > 0
    moved = {
        k for k, v in fitted.state_dict().items() if not torch.allclose(v, plain[k], atol=2e-3)
    }
    assert any(name.startswith("encoders.image") for name in moved)
    assert not any(
        name.startswith(("encoders.observations", "encoders.variants")) for name in moved
    )
    first, *steps = read_log(tmp_path)
    assert set(first["taken"]) == {k for k in plain if k.startswith("encoders")}  # type: ignore[call-overload]
    assert [record["step"] for record in steps] == [0, 1, 2]


def test_what_is_adapted_without_a_rank_is_refused() -> None:
    with pytest.raises(ConfigError, match="lora_rank"):
        training(lora=("encoders.image",))


def test_the_card_says_how_the_note_encoder_learned_from_texts(tmp_path: Path) -> None:
    run, _ = small_run(start=StartConfig(text_epochs=2))
    torch.save({"losses": [8.3, 5.0, 4.1], "texts": 3123}, tmp_path / "text.pt")
    told = with_history(run, tmp_path).card["training_data"]
    assert told.startswith("Drawn at random. Before any label, the note encoder read 3123 texts")
    assert "for 2 epochs" in told
    assert "fell from 8.30 to 4.10 nats" in told
    other = replace(run, start=StartConfig())
    assert with_history(other, tmp_path) is other


@pytest.mark.slow
def test_texts_are_read_before_labels_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = replace(tiny_run(), start=StartConfig(text_epochs=1))
    one = build_network(run, tiny_source(), folder=tmp_path).state_dict()
    monkeypatch.setattr(pretrain, "_pretrain", lambda *_, **__: pytest.fail("read again"))
    again = build_network(run, tiny_source(), folder=tmp_path).state_dict()
    plain = build_network(tiny_run(), tiny_source(), folder=tmp_path).state_dict()
    different = {name for name, value in one.items() if not torch.equal(value, plain[name])}
    assert different
    assert all(name.startswith("encoders.note.bert.") for name in different)
    assert all(torch.equal(again[name], value) for name, value in one.items())


@pytest.mark.gpu
def test_a_run_learns_on_the_gpu_in_bfloat16_and_ends_where_the_cpu_can_read_it(
    tmp_path: Path,
) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    config = replace(
        tiny_run().training, epochs=8, batch_size=10, warmup_steps=2, learning_rate=0.003, amp=True
    )
    run = replace(tiny_run(), training=config, start=StartConfig(text_epochs=1))
    fitted, _ = fit(run, tiny_source(), folder=tmp_path)
    assert next(fitted.parameters()).is_cuda
    totals = [r["validation/total"] for r in read_log(tmp_path) if "validation/total" in r]
    assert totals[-1] < 0.9 * totals[0]
    package(fitted, run, tiny_source(), out=tmp_path / "pack", hours=0.0)
    assert Engine.load(tmp_path / "pack").identity.name == run.name
