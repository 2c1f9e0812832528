"""Whose cases are one patient's: what is linked must be sure, what is missed can be searched."""

from datetime import date

import pytest

from mmcore.records import Patient
from mmcore.worklist.facts import person_of

BORN = date(1957, 1, 9)
JANE = Patient("PAT-0042", "Doe^Jane", BORN)


@pytest.mark.parametrize(
    "other",
    [
        Patient("pat 0042", "DOE^JANE^M", BORN),
        Patient("PAT-0042", "Smith^Jane", BORN),  # a married name
        Patient("PAT-0042", None, BORN),
    ],
)
def test_number_and_birth_date_link_whatever_the_name_is(other: Patient) -> None:
    assert person_of(other) == person_of(JANE) != ""


@pytest.mark.parametrize(
    "other",
    [
        Patient("PAT-0042", "Doe^Jane", date(1957, 9, 1)),
        Patient("PAT-0043", "Doe^Jane", BORN),
        Patient(None, "Doe^Jane", BORN),
        Patient("PAT-0042", "Doe^Jane", None),
    ],
)
def test_another_number_date_or_pair_of_facts_does_not(other: Patient) -> None:
    assert person_of(other) != person_of(JANE)


@pytest.mark.parametrize(
    "nobody",
    [
        Patient(),
        Patient("PAT-0042"),
        Patient(None, "Doe^Jane"),
        Patient(None, None, BORN),
        Patient("ANONYMOUS", None, BORN),
        Patient("000", "Anonymous", BORN),
    ],
)
def test_one_fact_alone_or_that_of_nobody_links_nothing(nobody: Patient) -> None:
    assert person_of(nobody) == ""


def test_name_and_birth_date_link_in_any_order_case_and_accent() -> None:
    one, other = Patient(None, "Müller^Anna", BORN), Patient(None, "ANNA MULLER", BORN)
    assert person_of(one) == person_of(other) != ""
