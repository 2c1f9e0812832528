"""A time leaves no more exact than it came: a day stays a day, and a month alone is left out."""

import json
from datetime import UTC, datetime

import pytest

from mmcore.deid.tables import bundle
from mmcore.records import Observation, Patient, Precision

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("precision", "expected"),
    [(Precision.CLOCK, "2024-05-08T07:08:09Z"), (Precision.DAY, "2024-05-08"),
     (Precision.MONTH, None), (Precision.YEAR, None)],
)  # fmt: skip
def test_a_moved_time_is_as_exact_as_before(precision: Precision, expected: str | None) -> None:
    item = Observation("2823-3", "Potassium", 4.1, "mmol/L", AT, precision=precision)
    text, _ = bundle([item], Patient(), pseudonym="P1", days=2, keeps_sex=False)
    found = [entry["resource"].get("effectiveDateTime") for entry in json.loads(text)["entry"]]
    assert found[-1] == expected
