"""What a run logs is there at once, survives a power cut, and needs no TensorBoard."""

import json
import sys
from pathlib import Path

import pytest

from mmcore.errors import ConfigError
from mmcore.train.tracking import FILE, Tracker, log_event, read_log


def test_every_step_is_a_line_of_json_at_once(tmp_path: Path) -> None:
    with Tracker(tmp_path, first=0) as tracker:
        tracker.write(0, {"loss/findings": 0.5, "gradient_norm": 2.0})
        tracker.write(1, {"loss/findings": 0.25, "validation/total": 1.0})
        assert read_log(tmp_path) == [
            {"step": 0, "loss/findings": 0.5, "gradient_norm": 2.0},
            {"step": 1, "loss/findings": 0.25, "validation/total": 1.0},
        ]


def test_what_is_not_finite_is_null(tmp_path: Path) -> None:
    with Tracker(tmp_path, first=0) as tracker:
        tracker.write(0, {"loss": float("nan"), "best": float("inf")})
    assert json.loads((tmp_path / FILE).read_text("utf-8")) == {
        "step": 0, "loss": None, "best": None,
    }  # fmt: skip


def test_steps_that_come_again_are_logged_once_and_events_stay(tmp_path: Path) -> None:
    log_event(tmp_path, "start", left_out=["fc.weight"])
    with Tracker(tmp_path, first=0) as tracker:
        for step in range(5):
            tracker.write(step, {"loss": 1.0})
    with Tracker(tmp_path, first=3) as tracker:  # the last checkpoint was after step 2
        for step in range(3, 6):
            tracker.write(step, {"loss": 2.0})
    records = read_log(tmp_path)
    assert records[0] == {"event": "start", "left_out": ["fc.weight"]}
    assert [(r["step"], r["loss"]) for r in records[1:]] == [
        (0, 1.0), (1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0), (5, 2.0),
    ]  # fmt: skip


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"step": 0, "loss": 1.0}\n{"step": 1, "lo', "utf-8")
    with Tracker(tmp_path, first=1) as tracker:
        tracker.write(1, {"loss": 2.0})
    assert [r["step"] for r in read_log(tmp_path)] == [0, 1]


def test_without_tensorboard_it_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"requirements-dev\.txt"):
        Tracker(tmp_path, first=0, tensorboard=True)
    with Tracker(tmp_path, first=0) as tracker:  # and not needed
        tracker.write(0, {"loss": 1.0})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tensorboard and its protobuf
def test_tensorboard_gets_the_same_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Tracker(tmp_path, first=0, tensorboard=True) as tracker:
        for step, loss in enumerate((3.0, 2.0, 1.0)):
            tracker.write(step, {"loss/findings": loss})
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    events = board.Scalars("loss/findings")
    assert [(e.step, e.value) for e in events] == [(0, 3.0), (1, 2.0), (2, 1.0)]
