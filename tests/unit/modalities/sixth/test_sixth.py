"""A further modality costs one file for the model and one for intake, and the core none."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
FILES = ("spirometry_encoder.py", "spirometry_file.py")
MOST_LINES = 150


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.unit.modalities.sixth.journey",
         str(tmp_path_factory.mktemp("sixth"))],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_two_small_files_are_all_it_takes() -> None:
    assert sum(len((HERE / name).read_text("utf-8").splitlines()) for name in FILES) <= MOST_LINES


def test_the_core_knows_nothing_of_it() -> None:
    sources = [p for d in ("mmcore", "dashboard", "pages") for p in (ROOT / d).rglob("*.py")]
    assert len(sources) > 100
    assert [p for p in sources if "spirometry" in p.read_text("utf-8").lower()] == []


def test_its_file_is_recognised_beside_the_others(told: dict[str, Any]) -> None:
    assert sorted(told["kinds"]) == ["dicom: used", "note: used", "spirometry: used"]
    assert told["modalities"] == ["image", "note", "spirometry"]


def test_its_ledger_adds_up(told: dict[str, Any]) -> None:
    assert told["base"] + sum(told["signed"].values()) == pytest.approx(told["logit"], abs=1e-6)
    assert abs(told["signed"]["spirometry"]) > 0.01


def test_its_parts_sum_to_its_contribution(told: dict[str, Any]) -> None:
    assert told["passed"]
    signed = told["signed"]["spirometry"]
    assert told["sum"] == pytest.approx(signed, rel=0.01, abs=2e-4)
    assert sum(value for _, value in told["items"]) == pytest.approx(told["sum"], abs=1e-9)
    assert all(words.startswith("flow from ") for words, _ in told["items"])


def test_it_is_in_the_result_and_in_the_report(told: dict[str, Any]) -> None:
    assert told["read"]["spirometry"] == pytest.approx(told["sum"])
    assert told["pdf"] == "%PDF-"


def test_a_case_without_it_is_told_so(told: dict[str, Any]) -> None:
    missing, reason = told["without"]
    assert missing == "spirometry"
    assert "without the spirometry" in reason or "unlike" in reason
