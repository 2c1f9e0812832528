"""A model of CT, from files to ledger: gate, slices, overlays that sum to the contribution."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.intake import case_from_paths
from mmcore.modalities.image import ImageConfig
from mmcore.modalities.note import NoteConfig
from mmcore.records import Case, Instance, Modality, Note, Patient, Series, Study
from mmcore.simulate import sample_patient
from mmcore.simulate.ct import PhantomCt, sample_ct
from mmcore.simulate.ct_writer import write_ct
from tests.unit.modalities.untrained import untrained_pack

SEED, PATIENTS, SLICES = 5, 16, 6
INPUTS: dict[Modality, object] = {
    Modality.IMAGE: ImageConfig(
        "cnn", 32, 1, {"channels": (4, 8, 8, 16)}, mean=0.4, std=0.3, slices=SLICES
    ),
    Modality.NOTE: NoteConfig(
        max_tokens=32, name="lstm", arguments={"vocab_size": 300, "embedding": 8, "hidden": 8}
    ),
}


def case_of(ct: PhantomCt) -> Case:
    """Return the case that intake makes of the CT's files, with a note."""
    digest = f"ct-{ct.seed}-{ct.index}"
    slices = tuple(
        Instance(
            f"{digest}-{n}", f"{n}", "1", "CT", pixels[None], value_unit="HU", body_part="CHEST",
            patient_orientation=("L", "P"),
        )
        for n, pixels in enumerate(ct.values)
    )  # fmt: skip
    study = Study("", "", None, None, (Series("", "CT", "", slices),))
    notes = (Note(digest, sample_patient(ct.seed, ct.index, rows=64).note),)
    return Case(digest, Patient(), studies=(study,), notes=notes)


@cache
def cases() -> tuple[LabelledCase, ...]:
    found = []
    for index in range(PATIENTS):
        ct = sample_ct(SEED, index, slices=12, rows=64)
        labels = {name: float(index % 2) for name in ("nodule", "effusion")}
        found.append(LabelledCase(case_of(ct), f"p{index}", labels))
    return tuple(found)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine.load(untrained_pack(tmp_path_factory.mktemp("ct"), INPUTS, cases()))


def test_the_ledger_of_a_ct_adds_up_to_the_slice(engine: Engine) -> None:
    case = cases()[3].case
    ledger = engine.explain(case, "nodule")
    signed = {c.modality: c.signed for c in ledger.contributions}
    assert ledger.base + sum(signed.values()) == pytest.approx(ledger.logit, abs=1e-6)
    parts = ledger.parts[Modality.IMAGE]
    assert parts.passed
    assert abs(signed[Modality.IMAGE]) > 0.001
    assert parts.sum == pytest.approx(signed[Modality.IMAGE], rel=0.02, abs=2e-4)
    assert sum(i.signed for i in parts.items) == pytest.approx(parts.sum, abs=1e-6)
    assert parts.overlay is None
    assert parts.overlay_stack is not None
    assert parts.overlay_stack.shape == (SLICES, 8, 8)
    assert float(parts.overlay_stack.sum()) == pytest.approx(parts.sum, abs=1e-4)
    assert parts.overlay_of == tuple(f"{case.digest}-{n}" for n in (1, 3, 5, 7, 9, 11))
    named = parts.items[0]
    assert named.what.startswith("slice ")
    assert len(named.where) == 3


def test_a_radiograph_is_nothing_to_a_model_of_ct(engine: Engine) -> None:
    film = phantom_case(sample_patient(SEED, 0, rows=64))
    prediction = engine.predict(film)
    assert prediction.missing == (Modality.IMAGE,)
    assert any("not a series of CT slices" in notice for notice in prediction.notices)


def test_beside_a_radiograph_the_ct_is_read(engine: Engine) -> None:
    ct, film = cases()[3].case, phantom_case(sample_patient(SEED, 3, rows=64))
    both = replace(ct, digest="both", studies=(*film.studies, *ct.studies))
    assert Modality.IMAGE in engine.predict(both).present
    alone, beside = (engine.coalition_values(c) for c in (ct, both))
    assert np.allclose(alone, beside)


def test_files_of_a_ct_are_scored_as_the_case_they_make(engine: Engine, tmp_path: Path) -> None:
    ct = sample_ct(SEED, 3, slices=12, rows=64)
    write_ct(ct, tmp_path)
    read = case_from_paths(sorted(tmp_path.glob("*.dcm")))
    noted = replace(read, notes=cases()[3].case.notes)
    ours = engine.coalition_values(cases()[3].case)
    assert np.allclose(engine.coalition_values(noted), ours, atol=1e-6)
