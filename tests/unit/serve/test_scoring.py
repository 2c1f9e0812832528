"""Scoring a batch: one bad case costs nothing but itself."""

import pytest

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.errors import LedgerNotAdditiveError, NonFiniteResultError
from mmcore.records import Case, Explanation, GateVerdict, Patient
from mmcore.serve.scoring import score_case
from mmcore.simulate import sample_patient
from tests.tiny import SEED, tiny_engine

CASE = phantom_case(sample_patient(SEED, 1))


def test_every_shown_target_has_its_ledger() -> None:
    result = score_case(tiny_engine(), CASE)
    shown = {g.target for g in result.prediction.gate if g.verdict is not GateVerdict.WITHHELD}
    assert set(result.explanations) == shown


def test_a_case_without_inputs_is_withheld_with_the_reason() -> None:
    result = score_case(tiny_engine(), Case("empty", Patient()))
    assert result.prediction.targets == ()
    assert {g.reason for g in result.prediction.gate} == {"the case holds no input of this model"}


def test_numbers_that_are_not_finite_are_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise NonFiniteResultError(what="the network's output for this case")

    monkeypatch.setattr(Engine, "predict", broken)
    result = score_case(tiny_engine(), CASE)
    assert result.prediction.targets == ()
    assert "not a finite number" in result.prediction.gate[0].reason


def test_a_ledger_that_does_not_add_up_withholds_its_target_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    explain = Engine.explain

    def sometimes(engine: Engine, case: Case, target: str) -> Explanation:
        if target == "nodule":
            raise LedgerNotAdditiveError(target=target, error=0.2, tolerance=1e-4)
        return explain(engine, case, target)

    monkeypatch.setattr(Engine, "explain", sometimes)
    result = score_case(tiny_engine(), CASE)
    assert result.prediction.gate_of("nodule").verdict is GateVerdict.WITHHELD
    assert "nodule" not in result.explanations
    assert "effusion" in result.explanations
