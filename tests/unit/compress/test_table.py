"""The table of compressed packs: sizes as stored, ratios of one run, text around it untouched."""

import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mmcore.cli import app
from mmcore.compress.agreement import Agreement
from mmcore.compress.table import BEGIN, END, Row, compare_packs, table, write_page
from mmcore.compress.timing import seconds_of
from mmcore.compress.weights import WEIGHTS
from mmcore.datasets.phantoms import simulated
from mmcore.errors import ConfigError
from mmcore.evaluate.compare import Difference
from mmcore.evaluate.resample import Figure
from tests.tiny import SEED, tiny_pack


def row(name: str) -> Row:
    gap = Difference(0.99, 0.98, -0.01, -0.02, 0.0, 0.04)
    found = Agreement(10, 60, 0.95, 0.9, 0.01, 0.2, 0.1, 1.0, gap)
    return Row(name, "1.0", 1000, 2_000_000, 1_500_000, (2.0, 1.5), Figure(0.98, 0.97, 0.99), found)


def test_a_thinned_pack_is_as_large_and_packs_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmcore.compress.table.TIMED_CASES", 2)
    out = tmp_path / "thinned"
    done = CliRunner().invoke(
        app, ["compress", "prune", str(tiny_pack()), str(out), "--zero", "0.5"]
    )
    assert done.exit_code == 0, done.output
    whole, thinned = compare_packs([tiny_pack(), out], simulated(SEED, 8), total=8)
    assert whole.bytes == (tiny_pack() / WEIGHTS).stat().st_size
    assert abs(thinned.bytes - whole.bytes) < 100
    assert thinned.deflated < whole.deflated
    assert thinned.numbers < 0.7 * whole.numbers
    assert thinned.version.endswith("+thinned")
    assert whole.faster == (1.0, 1.0)
    assert whole.agreement.same == whole.agreement.verdicts == 1.0
    assert whole.agreement.largest == 0.0
    assert "are zero" in (out / "card.md").read_text("utf-8")


def test_a_pruned_pack_loads_as_what_it_says(tmp_path: Path) -> None:
    out = tmp_path / "pruned"
    done = CliRunner().invoke(
        app, ["compress", "prune", str(tiny_pack()), str(out), "--inner", "2"]
    )
    assert done.exit_code == 0, done.output
    head = yaml.safe_load((out / "pack.yaml").read_text("utf-8"))
    assert head["model"]["note"]["arguments"]["intermediate_size"] == 8
    assert (out / WEIGHTS).stat().st_size < (tiny_pack() / WEIGHTS).stat().st_size
    again = CliRunner().invoke(
        app, ["compress", "prune", str(tiny_pack()), str(out), "--inner", "2"]
    )
    assert again.exit_code == 1
    assert "is there already" in again.output


@pytest.mark.parametrize("options", [[], ["--inner", "2", "--zero", "0.5"]])
def test_pruning_asks_for_one_way(tmp_path: Path, options: list[str]) -> None:
    out = str(tmp_path / "out")
    done = CliRunner().invoke(app, ["compress", "prune", str(tiny_pack()), out, *options])
    assert done.exit_code == 2


def test_packs_of_other_targets_are_not_compared(tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_pack(), other)
    for file in ("pack.yaml", "calibration.json"):
        text = (other / file).read_text("utf-8").replace("nodule", "lump")
        (other / file).write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="targets"):
        compare_packs([tiny_pack(), other], simulated(SEED, 1))


def test_the_table_says_nothing_of_the_first_pack_against_itself() -> None:
    first, second = table([row("a"), row("b")]).splitlines()[2:]
    assert first.endswith("| - | - | - | - |")
    assert "| -0.0100 (-0.0200 to +0.0000) | 95.00% | 90.00% | 0.0100 |" in second
    assert "| 2.00 | 1.50 |" in second


def test_what_stands_around_the_table_is_left(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    write_page(page, [row("a")], "How it was measured.")
    text = page.read_text("utf-8")
    assert text.startswith(f"before\n{BEGIN}\nHow it was measured.\n\n| Pack |")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text


def test_work_is_timed_in_turns_after_a_warm_up() -> None:
    ticks = iter(range(100))
    order: list[str] = []
    found = seconds_of(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")},
        rounds=2, clock=lambda: float(next(ticks)),
    )  # fmt: skip
    assert order == ["a", "b"] * 3
    assert found == {"a": 1.0, "b": 1.0}
