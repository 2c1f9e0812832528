"""The gate says what may be shown, why not, and what would help most."""

from datetime import datetime

import numpy as np
import pytest

from mmcore.gate.novelty import distances, unit
from mmcore.gate.simulated import is_simulated
from mmcore.gate.suitability import choose_image, judge_image
from mmcore.gate.verdict import GateFacts, judge_targets
from mmcore.records import GateVerdict, Instance, Modality, Patient, TargetGate
from mmcore.simulate import sample_patient
from mmcore.simulate.cohort import patient_id

INPUTS = (Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS)
EFFECTS = {"effusion": {"image": 1.0, "note": 2.0, "observations": 0.5}}


def radiograph(**facts: object) -> Instance:
    values: dict[str, object] = {
        "digest": "d", "sop_instance_uid": "1", "sop_class_uid": "1", "dicom_modality": "DX",
        "pixels": np.arange(16, dtype=np.uint16).reshape(1, 4, 4), "body_part": "CHEST",
        "view_position": "PA", **facts,
    }  # fmt: skip
    return Instance(**values)  # type: ignore[arg-type]


def judge(
    *,
    missing: tuple[Modality, ...] = (),
    novel: dict[Modality, float] | None = None,
    doubts: tuple[str, ...] = (),
    inputs: tuple[Modality, ...] = INPUTS,
) -> TargetGate:
    present = tuple(m for m in INPUTS if m not in missing)
    facts = GateFacts(present, novel or {}, {Modality.IMAGE: doubts}, "simulated patients")
    return judge_targets({"effusion": inputs}, facts, EFFECTS)[0]


def test_a_complete_and_familiar_case_is_scored() -> None:
    assert judge() == TargetGate("effusion", GateVerdict.SCORED)


def test_a_missing_input_is_named_and_asked_for() -> None:
    gate = judge(missing=(Modality.IMAGE, Modality.NOTE))
    assert gate.verdict is GateVerdict.CAUTION
    assert gate.reason == "scored without the image and the note"
    assert gate.helps_most is Modality.NOTE  # its usual effect on effusion is the largest


def test_an_input_unlike_the_training_data_withholds_the_score() -> None:
    gate = judge(novel={Modality.IMAGE: 1.3})
    assert gate.verdict is GateVerdict.WITHHELD
    assert "the image is unlike the simulated patients" in gate.reason


def test_an_input_that_may_not_speak_of_a_target_does_not_bear_on_its_verdict() -> None:
    alone = (Modality.IMAGE,)
    assert judge(missing=(Modality.NOTE,), inputs=alone).verdict is GateVerdict.SCORED
    assert judge(novel={Modality.NOTE: 2.0}, inputs=alone).verdict is GateVerdict.SCORED


def test_a_target_none_of_whose_inputs_is_there_is_withheld() -> None:
    gate = judge(missing=(Modality.IMAGE,), inputs=(Modality.IMAGE,))
    assert gate.verdict is GateVerdict.WITHHELD
    assert gate.reason == "it is read from the image alone"
    assert gate.helps_most is Modality.IMAGE


def test_a_distance_that_is_not_a_number_withholds_the_score() -> None:
    assert judge(novel={Modality.NOTE: float("nan")}).verdict is GateVerdict.WITHHELD


def test_a_doubt_about_the_image_is_told() -> None:
    gate = judge(doubts=("the file does not say which body part it shows",))
    assert gate.verdict is GateVerdict.CAUTION
    assert "body part" in gate.reason


@pytest.mark.parametrize(
    ("is_of_simulated", "is_simulated", "verdict"),
    [
        (True, False, GateVerdict.CAUTION),
        (True, True, GateVerdict.SCORED),
        (False, False, GateVerdict.SCORED),
    ],
)
def test_a_simulated_patient_is_no_patient_of_a_model_of_real_ones(
    is_of_simulated: bool, is_simulated: bool, verdict: GateVerdict
) -> None:
    facts = GateFacts(INPUTS, {}, {}, is_simulated, is_of_simulated=is_of_simulated)
    (gate,) = judge_targets({"effusion": INPUTS}, facts, EFFECTS)
    assert gate.verdict is verdict
    assert ("the patient is simulated" in gate.reason) is (verdict is GateVerdict.CAUTION)


def test_every_file_of_a_simulated_patient_says_that_it_is_one() -> None:
    assert is_simulated(Patient(patient_id=patient_id(sample_patient(5, 3, rows=64))))
    for other in (None, "", "4711", "PHANTOM", "PHANTOM-1-2b"):
        assert not is_simulated(Patient(patient_id=other))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"dicom_modality": "CT"}, "modality CT"),
        ({"body_part": "HAND"}, "not the chest"),
        ({"view_position": "LL"}, "not a frontal view"),
        ({"pixels": np.zeros((1, 4, 4, 3), np.uint8)}, "colour"),
        ({"pixels": np.zeros((9, 4, 4), np.uint16)}, "9 frames"),
    ],
)
def test_an_image_that_is_no_frontal_chest_radiograph_is_not_read(
    facts: dict[str, object], words: str
) -> None:
    instance = radiograph(**facts)
    assert words in judge_image(instance).problem
    chosen, why = choose_image([instance])
    assert chosen is None
    assert words in why


def test_what_a_header_leaves_open_is_a_doubt_not_a_refusal() -> None:
    judged = judge_image(radiograph(body_part=None, view_position=None))
    assert not judged.problem
    assert len(judged.doubts) == 2


def test_the_radiograph_is_found_among_other_images() -> None:
    chest = radiograph()
    assert choose_image([radiograph(dicom_modality="CT"), chest])[0] is chest


def test_a_training_embedding_is_near_and_an_opposite_one_is_far() -> None:
    reference = unit(np.random.default_rng(0).normal(1.0, 0.1, (50, 8)).astype(np.float32))
    near, far = distances(np.concatenate([reference[:1], -reference[:1]]), reference)
    assert near < 0.3
    assert far > 1.5


def test_an_image_dated_in_the_year_one_is_older_than_the_others() -> None:
    early = radiograph(acquired_at=datetime(1, 1, 1))
    late = radiograph(acquired_at=datetime(1990, 1, 1))
    assert choose_image([early, late])[0] is late
    assert choose_image([early])[0] is early


@pytest.mark.parametrize("view", ["RLO", "LLO", "LAT", "RL"])
def test_oblique_and_lateral_views_are_not_read_as_frontal(view: str) -> None:
    assert "frontal" in judge_image(radiograph(view_position=view)).problem


def test_raw_detector_data_are_doubted() -> None:
    raw = radiograph(sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1.1")
    assert any("raw" in doubt for doubt in judge_image(raw).doubts)
