"""Values in question: the common slips are named, and what is right is left alone."""

import numpy as np
import pytest

from mmcore.intake.quantities import make_observation
from mmcore.intake.units import Quantity
from mmcore.loinc import OBSERVATION_TYPES
from mmcore.records import Observation
from mmcore.simulate.labs import HEALTHY

K, HB, TEMPERATURE, CREATININE = "2823-3", "718-7", "8310-5", "2160-0"
TROPONIN, CRP, SODIUM, WBC, SPO2 = "67151-1", "1988-5", "2951-2", "6690-2", "59408-5"


def outcome(
    loinc: str, value: float, unit: str, high: float | None = None
) -> Observation | str:  # fmt: skip
    kind = OBSERVATION_TYPES[loinc]
    return make_observation(
        kind, Quantity(value, None, unit), time=None, reference=(None, high), digest="d"
    )


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "meant"),
    [
        (K, 41, "mmol/L", "4.1 mmol/L"),
        (K, 0.41, "mmol/L", "4.1 mmol/L"),
        (HB, 1.4, "g/dL", "14 g/dL"),
        (HB, 140, "g/dL", "140 g/L"),
        (TEMPERATURE, 98.6, "Cel", "98.6 [degF]"),
        (TEMPERATURE, 38.5, "[degF]", "38.5 Cel"),
        (CREATININE, 88, "mg/dL", "88 umol/L"),
        (CREATININE, 1.1, "umol/L", "1.1 mg/dL"),
        (WBC, 7500, "10*3/uL", "7500 /uL"),
        (SPO2, 0.96, "%", "0.96 1"),
        (SODIUM, 14, "mmol/L", "140 mmol/L"),
    ],
)
def test_a_slip_is_named(loinc: str, value: float, unit: str, meant: str) -> None:
    found = outcome(loinc, value, unit)
    assert isinstance(found, str)
    assert found.endswith(f"was {meant} meant?")


def test_a_troponin_far_below_what_can_be_measured_is_asked_about() -> None:
    found = outcome(TROPONIN, 0.05, "ng/L")
    assert isinstance(found, str)
    assert "was 0.05 ng/mL meant?" in found
    assert isinstance(outcome(TROPONIN, 5, "ng/L"), Observation)


def test_a_range_that_fits_another_unit_betrays_the_unit() -> None:
    found = outcome(CRP, 12, "mg/L", high=0.5)
    assert isinstance(found, str)
    assert "was 12 mg/dL meant?" in found
    for high in (3, 5, 10):
        assert isinstance(outcome(CRP, 12, "mg/L", high=high), Observation)
    assert isinstance(outcome(CRP, 1.2, "mg/dL", high=0.5), Observation)


def test_nothing_is_suggested_where_nothing_fits() -> None:
    found = outcome(K, 5000, "mmol/L")
    assert isinstance(found, str)
    assert found.endswith("check value and unit")


@pytest.mark.parametrize("loinc", sorted(OBSERVATION_TYPES))
def test_a_value_of_health_with_its_own_range_is_never_questioned(loinc: str) -> None:
    kind = OBSERVATION_TYPES[loinc]
    low, high = kind.reference
    values = np.linspace(low if low > 0 else 0.1 * high, high, 9)
    for value in values:
        assert isinstance(outcome(loinc, float(value), kind.unit, high=high), Observation)


@pytest.mark.parametrize("loinc", sorted(HEALTHY))
def test_what_the_simulator_draws_is_believed(loinc: str) -> None:
    kind = OBSERVATION_TYPES[loinc]
    low, high = kind.plausible
    assert isinstance(outcome(loinc, high, kind.unit, high=kind.reference[1]), Observation)
    assert isinstance(outcome(loinc, max(low, 0.0), kind.unit), Observation)
