"""Files broken in every way keep intake's promise. For long, by hand: benchmarks/intake_fuzz.py."""

import random

import pytest

from mmcore.intake import RawFile, case_from_files
from mmcore.records import FileVerdict
from tests.unit.intake.hostile import try_file
from tests.unit.intake.make_seeds import all_seeds
from tests.unit.intake.mutate import mutate

SEEDS = all_seeds()
ROUNDS = 25


@pytest.mark.parametrize("name", SEEDS)
def test_every_seed_is_used(name: str) -> None:
    case = case_from_files([RawFile(name, SEEDS[name])])
    assert {file.verdict for file in case.files} == {FileVerdict.USED}
    assert try_file(name, SEEDS[name]).faults == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_a_broken_file_gets_a_verdict_and_harms_nothing(name: str) -> None:
    random_ = random.Random(f"consilium {name}")
    others = list(SEEDS.values())
    for round_ in range(ROUNDS):
        outcome = try_file(name, mutate(SEEDS[name], random_, others))
        assert outcome.faults == (), (name, round_, outcome)
