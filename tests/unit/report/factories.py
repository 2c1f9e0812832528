"""Hand-made results for the report's tests; every default is a case one can check by eye."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

import numpy as np

from mmcore.errors import RefusalCode
from mmcore.records import (
    Case,
    Contribution,
    Explanation,
    FileVerdict,
    GateVerdict,
    Instance,
    Interaction,
    Modality,
    Note,
    Observation,
    PackIdentity,
    PartItem,
    Parts,
    Patient,
    Prediction,
    Recording,
    Result,
    Series,
    SourceFile,
    Study,
    TargetGate,
    TargetPrediction,
    Variant,
    Window,
)

IMAGE, NOTE, OBSERVATIONS = Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS
RECORDING, VARIANTS = Modality.RECORDING, Modality.VARIANTS
DIGESTS = {
    "image": "a1" * 32, "note": "b2" * 32, "observations": "c3" * 32, "recording": "d4" * 32,
    "variants": "e5" * 32,
}  # fmt: skip
BANDS, FRAMES = 32, 240
MODALITIES = (IMAGE, NOTE, OBSERVATIONS, RECORDING, VARIANTS)


def make_pixels(rows: int = 640, columns: int = 512) -> np.ndarray:
    """Return a 12-bit picture a little like a chest: two dark fields and one bright spot."""
    y, x = np.mgrid[0:rows, 0:columns]
    y, x = y / rows, x / columns
    body = 2600.0 * np.exp(-(((x - 0.5) / 0.42) ** 6)) + 300.0
    for side in (0.3, 0.7):
        body -= 1500.0 * np.exp(-(((x - side) / 0.13) ** 4) - ((y - 0.45) / 0.3) ** 4)
    body += 900.0 * np.exp(-(((x - 0.7) / 0.07) ** 2) - ((y - 0.62) / 0.07) ** 2)
    return np.clip(body, 0, 4095).astype(np.uint16)[None]


def make_instance(**changes: object) -> Instance:
    instance = Instance(
        digest=DIGESTS["image"],
        sop_instance_uid="1.2.3.4",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        dicom_modality="DX",
        pixels=make_pixels(),
        bits_stored=12,
        windows=(Window(center=1700.0, width=2800.0),),
        spacing_mm=(0.6, 0.6),
        body_part="CHEST",
        view_position="PA",
        acquired_at=datetime(2024, 3, 5, 14, 30),
    )
    return replace(instance, **changes)


def make_observation(**changes: object) -> Observation:
    observation = Observation(
        loinc="1988-5",
        display="C-reactive protein",
        value=184.0,
        unit="mg/L",
        time=datetime(2024, 3, 5, 13, 0),
        reference_low=0.0,
        reference_high=5.0,
        given="184 mg/L",
        digest=DIGESTS["observations"],
    )
    return replace(observation, **changes)


def make_recording(**changes: object) -> Recording:
    """Return six seconds of breath-like noise with a tone of 400 Hz from second 2 to 3."""
    rate, seconds = 4000, 6.0
    time = np.arange(int(rate * seconds)) / rate
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.01, len(time)) * (1.1 + np.sin(2 * np.pi * time / 2.5))
    samples += 0.1 * np.sin(2 * np.pi * 400 * time) * ((time >= 2) & (time < 3))
    recording = Recording(
        digest=DIGESTS["recording"], samples=samples.astype(np.float32), sample_rate_hz=rate,
        site="posterior left lower", recorded_at=datetime(2024, 3, 5, 14, 50), title="lung.wav",
    )  # fmt: skip
    return replace(recording, **changes)


def make_variants() -> tuple[Variant, ...]:
    """Return a panel of four loci with variants at two of them."""
    variant = Variant(
        "rs0001", "GENA", "1", 1200, "A", "G", 1, "missense_variant", DIGESTS["variants"]
    )
    return (
        variant,
        replace(variant, variant_id="rs0002", gene="GENB", copies=2, effect="stop_gained"),
        replace(variant, variant_id="rs0003", gene="GENC", copies=0),
        replace(variant, variant_id="rs0004", gene="GEND", copies=0),
    )


def make_case(instances: tuple[Instance, ...] | None = None, **changes: object) -> Case:
    if instances is None:
        instances = (make_instance(),)
    study = Study(
        study_uid="1.2.3",
        description="Chest radiograph",
        started_at=datetime(2024, 3, 5, 14, 20),
        accession_number="A-1047",
        series=(Series("1.2.3.1", "DX", "PA", instances),),
    )
    case = Case(
        digest="c" * 64,
        patient=Patient("P-0042", "Rivera, Ana", date(1961, 7, 9), "F", 62.0),
        studies=(study,) if instances else (),
        notes=(Note(digest=DIGESTS["note"], text="Productive cough and fever for 4 days."),),
        observations=(
            make_observation(),
            make_observation(
                loinc="6690-2", display="Leukocytes", value=15.2, unit="10*3/uL",
                reference_low=4.0, reference_high=11.0,
            ),
            make_observation(
                loinc="59408-5", display="Oxygen saturation (pulse oximetry)", value=96.0,
                unit="%", reference_low=94.0, reference_high=100.0,
            ),
        ),
        files=(
            SourceFile("chest_pa.dcm", DIGESTS["image"], 655360, "dicom", FileVerdict.USED),
            SourceFile("note.txt", DIGESTS["note"], 38, "note", FileVerdict.USED),
            SourceFile(
                "labs.csv", DIGESTS["observations"], 210, "observations", FileVerdict.USED
            ),
            SourceFile(
                "scan.pdf", "e" * 64, 9000, "unknown", FileVerdict.REFUSED,
                RefusalCode.UNKNOWN_KIND, "The file is of no kind that can be read.",
            ),
        ),
    )  # fmt: skip
    return replace(case, **changes)


def make_target(name: str = "pneumonia", logit: float = 1.9, **changes: object) -> TargetPrediction:
    probability = 1.0 / (1.0 + math.exp(-logit))
    target = TargetPrediction(
        name=name,
        display=name.replace("_", " ").capitalize(),
        kind="finding",
        logit=logit,
        probability=probability,
        interval=(max(0.0, probability - 0.09), min(1.0, probability + 0.06)),
        operating_point=0.5,
    )
    return replace(target, **changes)


def make_severity(value: float = 4.2) -> TargetPrediction:
    return TargetPrediction(
        name="severity", display="Severity (0\u201310)", kind="regression", logit=value,
        probability=None, interval=(value - 1.1, value + 1.3), operating_point=None, unit="points",
    )  # fmt: skip


def make_parts(signed: Mapping[Modality, float]) -> dict[Modality, Parts]:
    """Return parts that sum to the contributions, with evidence for and against in each."""
    y, x = np.mgrid[0:64, 0:64] / 64.0
    overlay = np.exp(-(((x - 0.7) / 0.08) ** 2) - ((y - 0.62) / 0.08) ** 2)
    overlay -= 0.5 * np.exp(-(((x - 0.3) / 0.1) ** 2) - ((y - 0.35) / 0.1) ** 2)
    overlay *= signed[IMAGE] / overlay.sum()
    items = {
        IMAGE: (
            PartItem("left lower zone", (397.0, 358.0), 1.31),
            PartItem("right upper zone", (224.0, 154.0), -0.24),
            PartItem("rest of the image", (), -0.05),
        ),
        NOTE: (
            PartItem("Productive cough", (0, 16), 0.47),
            PartItem("fever", (21, 26), 0.22),
            PartItem("for 4 days", (27, 37), -0.06),
        ),
        OBSERVATIONS: (
            PartItem("C-reactive protein", ("1988-5", "2024-03-05T13:00:00"), 0.71),
            PartItem("Leukocytes", ("6690-2", "2024-03-05T13:00:00"), 0.31),
            PartItem(
                "Oxygen saturation (pulse oximetry)", ("59408-5", "2024-03-05T13:00:00"), -0.18
            ),
        ),
    }
    band, frame = np.mgrid[0:BANDS, 0:FRAMES]
    sound = np.exp(-(((band - 12) / 3) ** 2) - ((frame - 100) / 16) ** 2)
    sound -= 0.6 * np.exp(-(((band - 4) / 3) ** 2) - ((frame - 180) / 12) ** 2)
    items[RECORDING] = (
        PartItem("2.0 to 2.5 s, 280 to 563 Hz", (2.25, 409.7), 0.34),
        PartItem("4.5 to 5.0 s, 0 to 237 Hz", (4.75, 107.3), -0.11),
        PartItem("rest of the recording", (), -0.02),
    )
    items[VARIANTS] = (
        PartItem("GENB rs0002, stop gained, 2 copies", ("rs0002",), 0.28),
        PartItem("GENA rs0001, missense variant, 1 copy", ("rs0001",), -0.07),
        PartItem("no variant at the other 2 loci", (), -0.01),
    )
    maps = {IMAGE: overlay, RECORDING: sound * signed.get(RECORDING, 0.0) / sound.sum()}
    boxes = {IMAGE: (0.0, 0.0, 640.0, 512.0), RECORDING: (0.0, 0.0, 2000.0, 6.0)}
    return {
        modality: Parts(
            modality=modality, sum=value + 0.001, completeness_error=0.001, passed=True, reason="",
            items=items[modality], n_steps=32,
            overlay=maps[modality].astype(np.float32) if modality in maps else None,
            overlay_box=boxes.get(modality),
        )
        for modality, value in signed.items()
    }  # fmt: skip


def make_explanation(
    target: TargetPrediction, signed: tuple[float, ...] = (1.02, 0.63, 0.84), **changes: object
) -> Explanation:
    """Return an additive ledger: coalition values are the base plus their members' values.

    With five values instead of three the recording and the variants take part.
    """
    modalities = MODALITIES[: len(signed)]
    base = target.logit - sum(signed)
    mass = sum(abs(value) for value in signed) or 1.0
    values = [
        base + sum(v for bit, v in enumerate(signed) if index >> bit & 1)
        for index in range(2 ** len(signed))
    ]
    explanation = Explanation(
        target=target.name,
        base=base,
        logit=target.logit,
        modalities=modalities,
        contributions=tuple(
            Contribution(m, v, abs(v) / mass, (v - 0.2, v + 0.15))
            for m, v in zip(modalities, signed, strict=True)
        ),
        interactions=(Interaction(IMAGE, NOTE, 0.04), Interaction(IMAGE, OBSERVATIONS, -0.02)),
        coalitions=np.array(values, dtype=np.float32),
        parts=make_parts(dict(zip(modalities, signed, strict=True))),
    )
    return replace(explanation, **changes)


def make_result(
    *, case: Case | None = None, targets: tuple[TargetPrediction, ...] | None = None,
    gates: Mapping[str, TargetGate] | None = None,
    explanations: Mapping[str, Explanation] | None = None, **prediction: object,
) -> Result:  # fmt: skip
    """Return a result; ``gates`` and ``explanations`` replace the defaults by target name."""
    case = case or make_case()
    if targets is None:
        targets = (
            make_target("pneumonia", 1.9),
            make_target("pleural_effusion", -0.4),
            make_target("pneumothorax", -3.7),
            make_target("cardiomegaly", -1.3),
            make_target("heart_failure", -2.2),
            make_severity(),
        )
    verdicts = {t.name: TargetGate(t.name, GateVerdict.SCORED) for t in targets} | dict(gates or {})
    ledgers = {t.name: make_explanation(t) for t in targets} | dict(explanations or {})
    made = Prediction(
        case_digest=case.digest,
        pack=PackIdentity("thorax", "0.1.0", "d" * 64, is_simulated=False),
        device="cpu",
        present=(IMAGE, NOTE, OBSERVATIONS),
        missing=(),
        targets=targets,
        gate=tuple(verdicts.values()),
        timings={"encode": 0.21, "explain": 1.4},
    )
    return Result(case, replace(made, **prediction), ledgers)


def make_full_result(**changes: object) -> Result:
    """Return a result of all five modalities."""
    case = make_case(
        recordings=(make_recording(),),
        variants=make_variants(),
        files=(
            *make_case().files,
            SourceFile("lung.wav", DIGESTS["recording"], 48044, "recording", FileVerdict.USED),
            SourceFile("panel.vcf", DIGESTS["variants"], 900, "variants", FileVerdict.USED),
        ),
    )
    target = make_target("pneumonia", 1.9)
    signed = (1.02, 0.63, 0.84, 0.21, 0.2)
    pairs = tuple(
        Interaction(a, b, 0.2 - 0.05 * n)
        for n, (a, b) in enumerate((a, b) for i, a in enumerate(MODALITIES) for b in MODALITIES[:i])
    )
    values: dict[str, object] = {
        "case": case,
        "explanations": {"pneumonia": make_explanation(target, signed, interactions=pairs)},
        "present": MODALITIES,
    }
    return make_result(**(values | changes))  # type: ignore[arg-type] # values by name
