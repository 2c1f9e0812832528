"""Null player and symmetry, from a pack to the ledger: no say, no share; twins, equal ones."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmcore.bench.subjects import without
from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.explain.shapley import shapley_values
from mmcore.model.pack import load_pack
from mmcore.records import Case, Modality
from mmcore.simulate import sample_patient
from mmcore.train.package import package
from mmcore.train.run import build_network
from mmcore.train.sources import prepare_cohorts
from tests.tiny import tiny_cohort, tiny_pack, tiny_run

ROOT = Path(__file__).parents[3]
TOLERANCE = 1e-4
SPEAKERS = (Modality.IMAGE, Modality.OBSERVATIONS)


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom_case(sample_patient(31, 4, rows=128))


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Return an engine whose effusion only the image and the observations may speak of."""
    run = tiny_run()
    targets = tuple(
        replace(t, inputs=tuple(m.value for m in SPEAKERS)) if t.name == "effusion" else t
        for t in run.model.targets
    )
    run = replace(run, model=replace(run.model, targets=targets))
    source = prepare_cohorts(run.model, tiny_cohort(), tiny_cohort())
    folder = tmp_path_factory.mktemp("restricted")
    package(build_network(run, source, folder=folder), run, source, out=folder / "pack", hours=0.0)
    return Engine.load(folder / "pack")


def test_an_input_that_may_not_speak_of_a_target_gets_exactly_nothing(
    restricted: Engine, case: Case
) -> None:
    ledger = restricted.explain(case, "effusion")
    signed = {c.modality: c.signed for c in ledger.contributions}
    silent = set(restricted.modalities) - set(SPEAKERS)
    assert len(silent) == 3
    assert [signed[m] for m in silent] == [0.0] * 3
    assert [c.band for c in ledger.contributions if c.modality in silent] == [(0.0, 0.0)] * 3
    assert set(ledger.parts) == set(SPEAKERS)
    assert all(abs(signed[m]) > TOLERANCE for m in SPEAKERS), "else nothing counts at all"


def test_it_speaks_of_the_other_targets(restricted: Engine, case: Case) -> None:
    ledger = restricted.explain(case, "nodule")
    assert all(c.signed != 0.0 for c in ledger.contributions)


@pytest.mark.parametrize(
    "modality",
    [Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS, Modality.RECORDING, Modality.VARIANTS],
)
def test_an_input_that_is_not_there_gets_exactly_nothing(case: Case, modality: Modality) -> None:
    bare = without(case, modality)
    assert bare is not None
    ledger = Engine.load(tiny_pack()).explain(bare, "effusion")
    signed = {c.modality: c.signed for c in ledger.contributions}
    assert signed.pop(modality) == 0.0
    assert modality not in ledger.parts
    assert all(signed.values())


def test_an_input_that_equals_its_baseline_gets_nothing(case: Case) -> None:
    pack = load_pack(tiny_pack())
    image = Engine(pack).prepare(case).inputs[Modality.IMAGE].values
    with torch.no_grad():
        pack.network.baseline(Modality.IMAGE).copy_(torch.from_numpy(np.asarray(image)))
    ledger = Engine(pack).explain(case, "effusion")
    signed = {c.modality: c.signed for c in ledger.contributions}
    assert abs(signed[Modality.IMAGE]) <= TOLERANCE
    assert abs(ledger.parts[Modality.IMAGE].sum) <= TOLERANCE
    assert abs(signed[Modality.NOTE]) > TOLERANCE


def test_the_contributions_are_those_of_the_coalitions(restricted: Engine, case: Case) -> None:
    names = [t.name for t in restricted.pack.config.targets]
    values = restricted.coalition_values(case)[:, names.index("effusion")]
    ledger = restricted.explain(case, "effusion")
    assert [c.signed for c in ledger.contributions] == pytest.approx(list(shapley_values(values)))


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.unit.explain.twins",
         str(tmp_path_factory.mktemp("twins"))],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_twins_get_equal_contributions_and_equal_bands(twins: dict[str, Any]) -> None:
    signed, bands = twins["signed"], twins["bands"]
    assert signed["twin"] == pytest.approx(signed["spirometry"], abs=TOLERANCE)
    assert bands["twin"] == pytest.approx(bands["spirometry"], abs=TOLERANCE)
    assert abs(signed["twin"]) > 100 * TOLERANCE, "else they are equal because nothing counts"
    assert abs(signed["image"] - signed["twin"]) > 100 * TOLERANCE, "the image is no twin"


def test_twins_get_equal_parts(twins: dict[str, Any]) -> None:
    sums, items = twins["sums"], twins["items"]
    assert sums["twin"] == pytest.approx(sums["spirometry"], abs=TOLERANCE)
    assert len(items["twin"]) == 4
    assert items["twin"] == pytest.approx(items["spirometry"], abs=TOLERANCE)
    assert np.ptp(items["twin"]) > 10 * TOLERANCE, "else any parts would do"


def test_twins_stand_alike_to_a_third(twins: dict[str, Any]) -> None:
    between = twins["interactions"]
    assert between["image twin"] == pytest.approx(between["image spirometry"], abs=TOLERANCE)
