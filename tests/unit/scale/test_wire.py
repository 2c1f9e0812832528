"""Records survive the way through bytes, and bytes that are none are refused."""

import json
import math
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load, save

from mmcore.datasets.phantoms import phantom_case
from mmcore.errors import MessageFormatError
from mmcore.language import Text, say, translate
from mmcore.records import (
    Case,
    Explanation,
    Modality,
    Note,
    PartItem,
    PartTest,
    Patient,
    Precision,
    Prediction,
    TargetGate,
)
from mmcore.scale.wire import DOCUMENT, Message, from_json, to_bytes, to_json
from mmcore.simulate import sample_patient
from tests.tiny import SEED, tiny_engine, untried

Record = TypeVar("Record")
CASE = phantom_case(sample_patient(SEED, 1))


def sent(value: object, kind: type[Record]) -> Record:
    return Message(to_bytes({"it": value})).take("it", kind)


def assert_same(one: object, other: object) -> None:
    """Compare records field by field, arrays by content and type, texts with their templates."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple):
        assert isinstance(other, tuple)
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_same(mine, theirs)
    elif isinstance(one, Text):
        assert isinstance(other, Text)
        assert (one, one.template, dict(one.values)) == (other, other.template, dict(other.values))
    else:
        assert one == other


def test_a_case_arrives_as_it_was() -> None:
    assert_same(sent(CASE, Case), CASE)


def test_answers_of_the_engine_arrive_as_they_were() -> None:
    prediction = tiny_engine().predict(CASE)
    assert_same(sent(prediction, Prediction), replace(prediction, timings=dict(prediction.timings)))
    with untried():
        explanation = tiny_engine().explain(CASE, "effusion")
    found = sent(explanation, Explanation)
    assert found.parts.keys() == explanation.parts.keys()
    for modality, parts in explanation.parts.items():
        assert_same(found.parts[modality], parts)
    assert_same(replace(found, parts={}), replace(explanation, parts={}))


def test_a_text_can_still_be_translated() -> None:
    reason = say("the image was not scored: {problem}", problem=say("it is not a frontal view"))
    found = sent(
        TargetGate("nodule", tiny_engine().predict(CASE).gate[0].verdict, reason), TargetGate
    )
    assert translate(found.reason, "zh-Hans") == translate(reason, "zh-Hans") != reason


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (datetime(2031, 2, 3, 4, 5, 6, 7, tzinfo=UTC), datetime),
        (datetime(2031, 2, 3, 4, 5), datetime),
        (date(2031, 2, 3), date),
        (Modality.VARIANTS, Modality),
        (Precision.MONTH, Precision),
        (PartItem("nan", ("2160-0", "nan"), -0.5), PartItem),
        (PartItem("clause", (3, 17), 0.25, "negated"), PartItem),
        (PartTest("stability", None, math.inf, -math.inf, "no word"), PartTest),
        (Note("d", 'quotes " and 中文 \U0001f600'), Note),
        (np.arange(6, dtype=np.uint16).reshape(2, 3)[:, ::2], npt.NDArray[np.uint16]),
    ],
)  # fmt: skip
def test_values_of_every_kind_arrive(value: object, kind: type) -> None:
    assert_same(sent(value, kind), value)


def test_what_is_not_a_number_arrives_as_such() -> None:
    assert math.isnan(sent(PartTest("t", True, math.nan, 0.0, ""), PartTest).value)


def document(value: object) -> bytes:
    encoded = json.dumps(value).encode()
    return save({DOCUMENT: np.frombuffer(encoded, np.uint8)})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95",  # a pickle's first bytes
        b"\xff" * 64,
        to_bytes({"it": "whole"})[:-3],
        save({"0": np.zeros(3)}),
        document(["a list"]),
        save({DOCUMENT: np.frombuffer(b"[" * 100_000, np.uint8)}),
        save({DOCUMENT: np.frombuffer(b"{\xff}", np.uint8)}),
    ],
)
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(MessageFormatError):
        Message(data)


PATIENT = to_json(Patient(sex="F", age_years=40.0), where="it")
assert isinstance(PATIENT, dict)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "no Patient"),
        ([PATIENT], "no Patient"),
        ({**PATIENT, "admin": True}, "'admin' is not known"),
        ({**PATIENT, "sex": "X"}, "of none of the types"),
        ({**PATIENT, "age_years": "40"}, "of none of the types"),
        ({**PATIENT, "age_years": True}, "of none of the types"),
        ({**PATIENT, "birth_date": "31.2.2020"}, "of none of the types"),
        ({**PATIENT, "name": {"english": "a", "template": "{x.y}", "values": {"x": 1}}}, "of none"),
    ],
)
def test_a_record_with_other_values_is_refused(value: object, problem: str) -> None:
    with pytest.raises(MessageFormatError, match=problem):
        Message(document({"it": value})).take("it", Patient)


def test_a_record_without_what_it_needs_is_refused() -> None:
    with pytest.raises(MessageFormatError, match="text is missing"):
        Message(document({"it": {"digest": "d"}})).take("it", Note)
    with pytest.raises(MessageFormatError, match="other: missing"):
        Message(document({"it": 1})).take("other", Note)


def test_an_array_of_another_kind_is_refused() -> None:
    data = to_bytes({"it": CASE})
    tensors = load(data)
    (pixels,) = [name for name, array in tensors.items() if array.ndim == 3]
    tensors["9"] = tensors[pixels]
    samples = json.loads(tensors[DOCUMENT].tobytes())
    samples["it"]["recordings"][0]["samples"] = {"array": pixels}  # int16 where float32 belongs
    tensors[DOCUMENT] = np.frombuffer(json.dumps(samples).encode(), np.uint8)
    with pytest.raises(MessageFormatError, match=r"recordings.*samples"):
        Message(save(tensors)).take("it", Case)


def test_what_is_no_record_is_not_sent() -> None:
    with pytest.raises(MessageFormatError, match="a set can not be sent"):
        to_bytes({"it": {1, 2}})
    with pytest.raises(MessageFormatError, match="arrays of object"):
        to_bytes({"it": np.array([object()])})
    with pytest.raises(MessageFormatError, match="it holds an array"):
        to_json(np.zeros(2), where="it")


def test_nesting_has_an_end() -> None:
    kind: object = int
    value: object = 1
    for _ in range(60):
        kind, value = tuple[kind, ...], [value]  # type: ignore[valid-type]
    with pytest.raises(MessageFormatError, match="nested too deeply"):
        from_json(kind, value, where="it")
