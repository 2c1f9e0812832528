"""What the list of work keeps in the clear of a case."""

import pytest

from mmcore.worklist.facts import facts_of
from tests.app import factory


@pytest.mark.parametrize(
    ("told", "kept"),
    [("CHEST", "CHEST"), ("chest", "chest"), ("LEFT HAND", "LEFT HAND"), ("DOE JANE", ""),
     ("CHEST DOE", ""), (None, "")],
)  # fmt: skip
def test_a_part_of_the_body_is_listed_only_in_known_words(told: str | None, kept: str) -> None:
    case = factory.case(picture=factory.image(body_part=told))
    assert facts_of(case).body_part == kept


def test_so_is_the_modality() -> None:
    assert facts_of(factory.case(picture=factory.image(dicom_modality="DX"))).dicom_modality == "DX"
    odd = factory.case(picture=factory.image(dicom_modality="JANEDOE"))
    assert facts_of(odd).dicom_modality == ""
