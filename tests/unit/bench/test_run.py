"""The whole bench on the tiny pack: its numbers mean nothing, its laws hold."""

import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mmcore.bench import release, subjects
from mmcore.bench.run import OWN, Plan, Row, called_pairs, run
from mmcore.bench.scorecard import SCHEMA, simulated_scorecard, summarise
from mmcore.bench.shares import Shares, compare, normalised
from mmcore.bench.text import as_markdown
from mmcore.cli import app
from mmcore.engine import Engine
from mmcore.records import Modality
from tests.tiny import tiny_engine, tiny_pack

ALL = tuple(Modality)[:5]


@cache
def scorecard() -> dict:
    return simulated_scorecard(
        engine(), cases=4, seed=8, methods=["random"], deep=1, released=1
    )  # fmt: skip


@cache
def engine() -> Engine:
    return tiny_engine()


def test_a_scorecard_is_plain_json_with_every_method_and_input() -> None:
    card = json.loads(json.dumps(scorecard(), allow_nan=False))
    assert card["schema"] == SCHEMA
    assert card["patients"] == 4
    assert card["explained"] > 0, "else nothing below is tested"
    assert {row["modality"] for row in card["rows"]} == {m.value for m in ALL}
    own = [row for row in card["rows"] if row["method"] == OWN]
    assert len(own) == len(ALL)
    for row in own:
        assert row["figures"]["forwards"]["value"] > 0
        assert row["figures"]["withheld"]["value"] == 0.0
    methods = {row["method"] for row in card["rows"] if row["modality"] == "image"}
    assert {OWN, "random", "control_centres", "control_edges", "control_random"} <= methods


def test_what_may_not_speak_or_is_not_there_contributes_nothing() -> None:
    null = scorecard()["release"]["null"]
    assert null["checked"] > 0
    assert null["largest"] == 0.0


def test_the_scorecard_reads_as_tables() -> None:
    text = as_markdown(scorecard())
    assert "| ledger |" in text
    assert "Shares against the causal model" in text
    assert "nan" not in text.lower()


def test_rows_of_one_patient_are_resampled_together() -> None:
    rows = [Row(p, "t", "m", "image", {"hit": v}) for p, v in (("a", 1.0), ("a", 1.0), ("b", 0.0))]
    figure = summarise(rows)[0]["figures"]["hit"]
    assert figure["value"] == pytest.approx(2 / 3)
    assert (figure["patients"], figure["cases"]) == (2, 3)
    assert (figure["low"], figure["high"]) == (0.0, 1.0)
    alone = summarise(rows[:2])[0]["figures"]["hit"]
    assert alone["low"] is None, "one patient has no interval"


def test_random_weights_change_the_parameters_from_the_head_down_and_nothing_else() -> None:
    pack = engine().pack
    before = {k: v.clone() for k, v in pack.network.state_dict().items()}
    for stage, last in (("head", "head"), ("fusion", "fusion"), ("encoders", "encoders")):
        other = release.randomised(pack, stage).network.state_dict()
        changed = {
            k.split(".")[0].split("_")[0] for k, v in other.items() if not v.equal(before[k])
        }
        expected = {"head": {"head"}, "fusion": {"head", "fusion"},
                    "encoders": {"head", "fusion", "encoders"}}[last]  # fmt: skip
        assert changed == expected
    assert all(v.equal(before[k]) for k, v in pack.network.state_dict().items())


def test_maps_compared_with_the_same_pack_do_not_change() -> None:
    drawn = subjects.simulated(engine(), 8, 4, rows=128)
    pairs = called_pairs(engine(), drawn, 1)
    assert len(pairs) == 1
    same = release.against(engine(), Engine.load(tiny_pack()), pairs)
    assert {row.modality for row in same} <= {m.value for m in ALL}
    for row in same:
        # Cells of almost nothing change places by rounding, so not exactly 1.
        assert all(value > 0.9 for value in row.figures.values()), row


def test_noise_moves_what_can_move_a_little_and_leaves_the_rest() -> None:
    subject = next(iter(subjects.simulated(engine(), 8, 1, rows=128)))
    noisy = subjects.with_noise(subject.case, 1)
    before, after = subject.case.instances[0].pixels, noisy.instances[0].pixels
    spread = float(before.max()) - float(before.min())
    change = np.abs(after.astype(float) - before.astype(float))
    assert 0.0 < change.mean() < 0.02 * spread
    assert noisy.notes == subject.case.notes
    assert noisy.variants == subject.case.variants
    assert noisy.digest != subject.case.digest


def test_a_modality_is_taken_away_whole() -> None:
    case = next(iter(subjects.simulated(engine(), 8, 1, rows=128))).case
    for modality in ALL:
        bare = subjects.without(case, modality)
        assert bare is not None
        assert modality not in engine().predict(bare).present


def shares(patient: str, model: list[float], causal: list[float]) -> Shares:
    modalities = (Modality.IMAGE, Modality.NOTE)
    return Shares(patient, "nodule", modalities, np.array(model), np.array(causal))


def test_shares_are_compared_by_size_and_contributions_by_sign() -> None:
    assert normalised(np.array([[3.0, -1.0], [0.0, 0.0]])).tolist() == [[0.75, 0.25], [0.0, 0.0]]
    rows = [
        shares("a", [3.0, 1.0], [6.0, 2.0]),
        shares("b", [1.0, -1.0], [1.0, -3.0]),
        shares("c", [-1.0, 1.0], [-3.0, 1.0]),
    ]
    found = {name: value.value for name, value in compare(rows).items()}
    assert found["error_image"] == pytest.approx((0.0 + 0.25 + 0.25) / 3)
    assert found["recovered"] == pytest.approx(1 / 3)
    assert found["mean_causal_image"] == pytest.approx((0.75 + 0.25 + 0.75) / 3)
    assert found["correlation_image"] == pytest.approx(
        np.corrcoef([3.0, 1.0, -1.0], [6.0, 1.0, -3.0])[0, 1]
    )
    assert not math.isnan(found["strongest"])


def test_the_command_writes_what_it_measured(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    arguments = ["--pack", tiny_pack(), "--cases", 2, "--seed", 8, "--deep", 0, "--released", 0]
    done = CliRunner().invoke(app, [str(x) for x in ("bench", *arguments, "--json", file)])
    assert done.exit_code == 0, done.output
    written = json.loads(file.read_text("utf-8"))
    assert written["schema"] == SCHEMA
    assert "--cases 2 --seed 8" in written["command"]


def test_an_unknown_method_is_refused_by_name() -> None:
    done = CliRunner().invoke(app, ["bench", "--pack", str(tiny_pack()), "--methods", "guess"])
    assert done.exit_code == 1
    assert "'guess' is unknown" in done.output


def test_only_targets_that_are_there_and_called_are_explained() -> None:
    drawn = list(subjects.simulated(engine(), 8, 4, rows=128))
    measured = run(engine(), drawn, Plan())
    explained = {(row.patient, row.target) for row in measured.rows}
    assert len(explained) == measured.explained
    for subject in drawn:
        for target in engine().predict(subject.case).targets:
            is_explained = (subject.patient, target.name) in explained
            there = subject.phantom is not None and subject.phantom.truth.findings.get(target.name)
            assert is_explained == bool(there and target.is_positive)
