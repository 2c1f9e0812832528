"""A comparison compares like with like: the same patients, paired, and what it says adds up."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmcore.federated.plan import read_plan
from mmcore.federated.study import ALONE, CENTRAL, TOGETHER, as_json, as_markdown, joined, lines_of
from tests.unit.federated.tiny_plan import write_values
from tests.unit.train.small import Small, examinations

SITES = ("north", "south", "west")


def said(noise: float, truth: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {site: t + rng.normal(0.0, noise, t.shape) for site, t in truth.items()}


@pytest.fixture(scope="module")
def truth() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {site: rng.integers(0, 2, (80, 2)).astype(float) for site in SITES}


def test_differences_are_paired_and_of_the_federated_ways_alone(
    truth: dict[str, np.ndarray],
) -> None:
    good, bad = said(0.5, truth, 2), said(3.0, truth, 3)
    lines = lines_of(0, truth, {CENTRAL: good, ALONE: bad, "fedavg": good, "fedprox": bad})
    assert len(lines) == 4 * 4  # each site and all of them together, each way
    for line in lines:
        assert line.auroc.low <= line.auroc.value <= line.auroc.high
        if line.way == "fedavg":  # says what central says, row for row
            gap = line.against[CENTRAL]
            assert (gap.value, gap.low, gap.high) == (0.0, 0.0, 0.0)
            assert line.against[ALONE].low > 0.0
        if line.way in (CENTRAL, ALONE):
            assert not line.against
    assert {line.site for line in lines} == {*SITES, TOGETHER}


def test_the_table_has_a_row_for_each_site_of_each_deal(
    truth: dict[str, np.ndarray], tmp_path: Path
) -> None:
    own = said(1.0, truth, 2)
    lines = [
        line
        for deal in (0, 1)
        for line in lines_of(deal, truth, dict.fromkeys((CENTRAL, ALONE, "fedavg", "fedprox"), own))
    ]
    plan = read_plan(write_values(tmp_path))
    rows = as_markdown(lines, plan).splitlines()
    assert len(rows) == 2 + 2 * 4
    assert len({row.count("|") for row in rows}) == 1
    assert rows[2].startswith("| 0 | north (6) |")
    assert '"site": "all sites"' in as_json(lines)


def test_patients_of_several_sites_in_one_place_stay_who_they_are() -> None:
    rows = examinations(Small(segments=True))
    both = joined([rows.subset(range(10)), rows.subset(range(10, 24))])
    assert torch.equal(both.labels.nan_to_num(nan=-1.0), rows.labels.nan_to_num(nan=-1.0))
    for modality, own in rows.inputs.items():
        assert torch.equal(both.inputs[modality], own)
    assert rows.regions is not None
    assert both.regions is not None
    assert torch.equal(both.regions, rows.regions)
    assert len(set(both.patients)) == 24  # numbers of two sites are two people
