"""Distillation: a student learns what the teacher answers, for every coalition of inputs."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
import yaml

from mmcore.compress import distil
from mmcore.compress.distil import Student, check_alike, read_student
from mmcore.engine import Engine
from mmcore.errors import ConfigError
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import load_pack
from mmcore.records import Modality
from mmcore.train.config import RunConfig
from mmcore.train.loop import train
from mmcore.train.sources import Source
from tests.tiny import tiny_pack, tiny_source

STUDENT = Path(distil.__file__).parents[1] / "model" / "presets" / "compress"


def student_file(folder: Path, **changes: object) -> Path:
    values = yaml.safe_load((STUDENT / "phantom-small.yaml").read_text("utf-8"))
    values["model"] = {"note": {"arguments": {"intermediate_size": 8}}}
    values["training"] |= {"epochs": 3, "warmup_steps": 1, "batch_size": 10}
    path = folder / "student.yaml"
    path.write_text(yaml.safe_dump({**values, **changes}), "utf-8")
    return path


def student_run(folder: Path) -> RunConfig:
    return read_student(student_file(folder), load_pack(tiny_pack()))


def test_a_student_file_says_only_what_differs(tmp_path: Path) -> None:
    teacher = load_pack(tiny_pack()).config
    model = student_run(tmp_path).model
    assert model.note is not None
    assert teacher.note is not None
    assert model.note.arguments == {**teacher.note.arguments, "intermediate_size": 8}
    assert model.with_input(Modality.NOTE, teacher.note) == teacher


def test_another_kind_of_encoder_does_not_inherit_arguments(tmp_path: Path) -> None:
    path = student_file(tmp_path, model={"image": {"name": "cnn", "arguments": {"channels": [4]}}})
    image = read_student(path, load_pack(tiny_pack())).model.image
    assert image is not None
    assert image.arguments == {"channels": [4]}


def test_a_student_that_is_its_teacher_has_nothing_to_learn(tmp_path: Path) -> None:
    teacher = load_pack(tiny_pack()).network
    run = student_run(tmp_path)
    same = FusionNetwork(teacher.config)
    same.load_state_dict(teacher.state_dict())
    batch = tiny_source().train.batch(torch.arange(6))
    some = torch.rand(6, 3, len(same.modalities)) < 0.5
    learner = Student(same.eval(), teacher, run).eval()
    _, losses = learner(replace(batch, coalitions=some), torch.device("cpu"))
    assert losses["findings"] < 1e-10
    other = Student(FusionNetwork(teacher.config).eval(), teacher, run).eval()
    assert other(replace(batch, coalitions=some), torch.device("cpu"))[1]["findings"] > 1e-4


def test_the_teacher_is_never_trained_nor_kept_in_the_checkpoint(tmp_path: Path) -> None:
    pack, run = load_pack(tiny_pack()), student_run(tmp_path)
    before = {name: tensor.clone() for name, tensor in pack.network.state_dict().items()}
    torch.manual_seed(0)
    student = Student(FusionNetwork(run.model), pack.network, run)
    train(student, tiny_source().train, run.training, folder=tmp_path, device=torch.device("cpu"))
    after = pack.network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert not pack.network.training
    assert not any("teacher" in name for name in student.state_dict())


def test_what_is_written_is_an_ordinary_pack(tmp_path: Path) -> None:
    def source(run: RunConfig, **_: object) -> Source:
        return replace(tiny_source(), model=run.model)

    with patch.object(distil, "open_source", source):
        distil.distil(
            tiny_pack(),
            student_file(tmp_path),
            out=tmp_path / "small",
            work=tmp_path / "work",
            patients=12,
        )
    engine = Engine.load(tmp_path / "small")
    assert engine.identity.version == "1.4.0-small"
    assert engine.pack.config.note is not None
    assert engine.pack.config.note.arguments["intermediate_size"] == 8
    assert "answers of the phantom pack" in engine.card_markdown
    assert engine.card_facts["training"]["training_examinations"] == 12


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (lambda m: replace(m, targets=m.targets[:2]), "targets"),
        (lambda m: replace(m, inputs={k: v for k, v in m.inputs.items() if k != "note"}),
         "same inputs"),
        (lambda m: m.with_input(Modality.OBSERVATIONS, replace(m.observations, scales={})),
         "scales"),
        (lambda m: m.with_input(Modality.IMAGE, replace(m.image, size=128)), "inputs of"),
    ],
)  # fmt: skip
def test_a_student_that_reads_something_else_is_refused(changed: object, problem: str) -> None:
    source, pack = tiny_source(), load_pack(tiny_pack())
    model: ModelConfig = changed(source.model)  # type: ignore[operator] # a lambda of the list
    with pytest.raises(ConfigError, match=problem):
        check_alike(replace(source, model=model), pack)
