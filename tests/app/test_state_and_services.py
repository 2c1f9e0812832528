"""Cases, jobs and engines behind the pages, without a page."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboard import jobs, reporting, services, state
from dashboard.services import PackFacts
from mmcore.errors import LedgerNotAdditiveError
from mmcore.records import Case, Explanation
from tests.app import factory

PACK = PackFacts("phantom", "Phantom", "1.0.0", True, Path("nowhere"))


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> state.Session:
    made = state.Session()
    monkeypatch.setattr(state, "session", lambda: made)
    monkeypatch.setattr(services, "_SHELF", services._Shelf())
    monkeypatch.setattr(services, "packs", lambda: (PACK,))
    return made


def test_the_same_files_open_the_same_case() -> None:
    assert state.open_case(factory.case(), "a") is state.open_case(factory.case(), "b")


def test_a_file_refused_the_second_time_is_listed_though_the_used_ones_are_the_same() -> None:
    first = factory.case()
    state.open_case(first, "a")
    more = replace(first, files=(*first.files, replace(first.files[0], name="other.pdf")))
    assert state.open_case(more, "b").case.files == more.files


def test_a_failed_loading_is_forgotten_once_though_two_sessions_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: Path) -> object:
        raise OSError

    monkeypatch.setattr(services, "load_engine", fail)
    shelf = services._SHELF
    failed = shelf.job(PACK)
    failed.wait()
    shelf.forget(PACK, failed)
    monkeypatch.setattr(services, "load_engine", lambda _: factory.FakeEngine())
    again = shelf.job(PACK)
    shelf.forget(PACK, failed)
    assert shelf.job(PACK) is again


def test_two_models_are_loaded_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0
    counting = threading.Lock()

    def load(_: Path) -> object:
        nonlocal at_once, most
        with counting:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with counting:
            at_once -= 1
        return factory.FakeEngine()

    monkeypatch.setattr(services, "load_engine", load)
    for job in [services._SHELF.job(replace(PACK, name=name)) for name in "abc"]:
        assert job.wait(30)
        assert job.result is not None
    assert most == 1


def test_a_ledger_that_does_not_add_up_costs_its_finding_and_not_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Engine(factory.FakeEngine):
        def explain(self, case: Case, target: str, **more: Any) -> Explanation:
            if target == "consolidation":
                raise LedgerNotAdditiveError(target=target, error=0.2, tolerance=1e-4)
            return super().explain(case, target, **more)

    monkeypatch.setattr(services, "load_engine", lambda _: Engine())
    work = state.open_case(factory.case(), "a")
    job: jobs.Job[Any] | None = reporting.write(work)
    assert job is not None
    assert job.wait(60)
    assert job.error is None
    _, document, _, explanations = job.result
    assert "consolidation" not in explanations
    (gate,) = (g for g in document["gate"] if g["target"] == "consolidation")
    assert gate["verdict"] == "withheld"


REAL = PackFacts("thorax", "Thorax", "1.0.0", False, Path("nowhere"))


def read(monkeypatch: pytest.MonkeyPatch, case: Case, *, pack_name: str | None) -> state.CaseWork:
    """Open a case as if its files had just been read, for a given model or for none."""
    current = state.session()
    current.intake, current.intake_pack = jobs.start(lambda _: case), pack_name
    current.intake.wait()
    work = services.take_read_case()
    assert work is not None
    return work


def test_real_files_are_read_by_the_model_of_real_patients_and_a_demo_by_the_simulated_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "packs", lambda: (REAL, PACK))
    assert services.pack() == REAL
    assert read(monkeypatch, factory.case(), pack_name="phantom").pack_name == "phantom"
    assert services.pack() == PACK
    own = replace(factory.case(), digest="own")
    assert read(monkeypatch, own, pack_name=None).pack_name == "thorax"
    assert services.pack() == REAL


def test_choosing_a_model_changes_the_case_in_view_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "packs", lambda: (REAL, PACK))
    other = read(monkeypatch, factory.case(), pack_name=None)
    shown = read(monkeypatch, replace(factory.case(), digest="own"), pack_name=None)
    for work in (other, shown):
        work.target = "effusion"
    state.choose_pack("phantom")
    assert (shown.pack_name, shown.target) == ("phantom", None)
    assert (other.pack_name, other.target) == ("thorax", "effusion")
    state.activate(other.case.digest)
    assert services.pack() == REAL
