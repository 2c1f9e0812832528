"""Several cases encoded together get the answers that each would get alone."""

from dataclasses import replace

import numpy as np
import pytest

from mmcore.datasets.phantoms import phantom_case
from mmcore.encoding import EncodedCase, Encoding
from mmcore.engine import Engine
from mmcore.errors import NonFiniteResultError, NothingToScoreError
from mmcore.model.prepared import PreparedCase
from mmcore.records import Case, Patient, Prediction
from mmcore.simulate import sample_patient
from tests.tiny import SEED, tiny_pack

WHOLE = tuple(phantom_case(sample_patient(SEED, number)) for number in range(3))
WITHOUT_NOTE = replace(WHOLE[0], digest="no-note", notes=())
WITHOUT_IMAGE = replace(WHOLE[1], digest="no-image", studies=())
CASES = (*WHOLE, WITHOUT_NOTE, WITHOUT_IMAGE)


def engine() -> Engine:
    return Engine.load(tiny_pack(), device="cpu")


def test_a_batch_answers_as_one_by_one_does() -> None:
    together = engine().predict_all(CASES)
    one_by_one = engine()
    for case, found in zip(CASES, together, strict=True):
        assert isinstance(found, Prediction)
        alone = one_by_one.predict(case)
        assert found.case_digest == case.digest
        assert found.gate == alone.gate
        assert (found.present, found.notices) == (alone.present, alone.notices)
        for ours, theirs in zip(found.targets, alone.targets, strict=True):
            assert ours.logit == pytest.approx(theirs.logit, abs=1e-5)
            assert ours.interval == pytest.approx(theirs.interval, abs=1e-5)


def test_ledger_and_outlines_follow_from_a_batch_as_from_one_case() -> None:
    batched, single = engine(), engine()
    batched.predict_all(WHOLE)
    for case in WHOLE:
        assert batched.coalition_values(case) == pytest.approx(
            single.coalition_values(case), abs=1e-5
        )
        drawn, alone = batched.outlines(case), single.outlines(case)
        assert drawn.keys() == alone.keys() != set()
        for name, mask in drawn.items():
            np.testing.assert_allclose(mask, alone[name], atol=1e-4)


def test_each_case_of_a_batch_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    encode_all = Encoding.encode_all

    def counted(self: Encoding, cases: list[PreparedCase]) -> list[EncodedCase]:
        sizes.append(len(cases))
        return encode_all(self, cases)

    monkeypatch.setattr(Encoding, "encode_all", counted)
    engine().predict_all([*CASES, CASES[0]])
    assert sizes == [len(CASES)]


def test_a_case_that_can_not_be_scored_costs_no_other() -> None:
    empty = Case("empty", Patient())
    first, second, third = engine().predict_all([WHOLE[0], empty, WHOLE[1]])
    assert isinstance(first, Prediction)
    assert isinstance(second, NothingToScoreError)
    assert isinstance(third, Prediction)


def test_a_case_without_a_finite_answer_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = Encoding._finished

    def broken(self: Encoding, prepared: PreparedCase, *rest: object) -> EncodedCase:
        if len(prepared.inputs) < len(self.modalities):
            raise NonFiniteResultError(what="the network's output for this case")
        return finished(self, prepared, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Encoding, "_finished", broken)
    found = engine().predict_all([WHOLE[0], WITHOUT_NOTE, WHOLE[2]])
    assert [type(one) for one in found] == [Prediction, NonFiniteResultError, Prediction]


def test_the_self_test_asks_the_network_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tested = engine()
    assert tested.self_test() is True
    bias = tested.pack.network.head_bias
    monkeypatch.setattr(bias, "data", bias.data + 1.0)
    assert tested.self_test() is False
