"""Records with defaults and an engine that answers at once, for tests of pages."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime

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
    Section,
    Series,
    SourceFile,
    Study,
    TargetGate,
    TargetPrediction,
    Variant,
    Window,
)

NOTE = """HISTORY
67-year-old with fever and productive cough for three days. No chest pain.

EXAMINATION
Coarse crackles at the right base. No peripheral oedema.

IMPRESSION
Suspected pneumonia of the right lower lobe. No sign of heart failure.
"""
TAKEN = datetime(2024, 3, 3, 14, 5, tzinfo=UTC)

INPUTS = (
    Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS, Modality.RECORDING, Modality.VARIANTS
)  # fmt: skip
PUSHES = np.array([0.5, 0.25, 0.08, 0.12, 0.05])
OFFSETS = np.array([0.3, -0.5, 0.2, 0.15, -0.15])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def image(rows: int = 64, columns: int = 48, *, seed: int = 0, **changes: object) -> Instance:
    """Draw a chest-like picture: two dark lungs in a bright body, 12 bit, one bright lesion."""
    rng = np.random.default_rng(seed)
    r, c = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    body = 2600.0 * np.exp(-(((c - 0.5) / 0.46) ** 6) - ((r - 0.55) / 0.62) ** 8)
    for centre in (0.3, 0.7):
        body -= 1500 * np.exp(-(((c - centre) / 0.15) ** 4) - ((r - 0.5) / 0.32) ** 4)
    body += 700 * np.exp(-(((c - 0.32) / 0.08) ** 2) - ((r - 0.68) / 0.07) ** 2)
    body += 250 * np.cos(r * 60) * np.exp(-(((c - 0.5) / 0.4) ** 4))
    pixels = np.clip(body + 300 + rng.normal(0, 25, body.shape), 0, 4095).astype(np.uint16)
    values: dict[str, object] = {
        "digest": digest(f"image {seed} {rows} {columns}"),
        "sop_instance_uid": f"1.2.3.{seed}",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1.1",
        "dicom_modality": "DX",
        "pixels": pixels[None],
        "bits_stored": 12,
        "windows": (Window(1700.0, 3200.0, "NORMAL"), Window(1400.0, 1600.0, "LUNG")),
        "spacing_mm": (350 / rows, 350 / rows),
        "body_part": "CHEST",
        "view_position": "PA",
        "acquired_at": TAKEN,
        "decoder": "factory 1",
    }
    return Instance(**{**values, **changes})  # type: ignore[arg-type] # values by name


def recording(seconds: float = 6.0, *, seed: int = 0, **changes: object) -> Recording:
    """Breathe every three seconds, with crackles late in each breath in."""
    rate = 4000
    time = np.arange(int(rate * seconds)) / rate
    rng = np.random.default_rng(seed)
    breath = np.convolve(rng.normal(0, 1, len(time)), np.ones(6) / 6, mode="same")
    phase = time % 3.0
    sound = 0.06 * breath * (np.sin(np.pi * np.minimum(phase, 1.2) / 1.2) ** 2 + 0.05)
    for start in np.arange(0.6, seconds - 0.1, 0.11):
        if 0.6 < start % 3.0 < 1.2:
            after = np.maximum(time - start, 0.0)
            ringing = np.sin(2 * np.pi * 420 * after) * np.exp(-after * 140) * (time >= start)
            sound += 0.2 * ringing
    values: dict[str, object] = {
        "digest": digest(f"recording {seed} {seconds}"),
        "samples": np.clip(sound, -1, 1).astype(np.float32),
        "sample_rate_hz": rate,
        "site": "posterior right lower",
        "recorded_at": TAKEN,
        "title": "recording.wav",
    }
    return Recording(**{**values, **changes})  # type: ignore[arg-type] # values by name


def variants(loci: int = 24) -> tuple[Variant, ...]:
    """Return a panel with three variants."""
    effects = ("missense_variant", "stop_gained", "5_prime_UTR_variant")
    copies = {1: 1, 6: 2, 17: 1}
    return tuple(
        Variant(f"simv{n:04d}", f"SIMG{n:02d}", "simulated_1", 20_000 + n, "A", "G",
                copies.get(n, 0), effects[n % 3], digest("variants"))
        for n in range(1, loci + 1)
    )  # fmt: skip


def source(name: str, kind: str, **changes: object) -> SourceFile:
    values: dict[str, object] = {
        "name": name, "digest": digest(name), "size_bytes": 18_400, "kind": kind,
        "verdict": FileVerdict.USED,
    }  # fmt: skip
    return SourceFile(**{**values, **changes})  # type: ignore[arg-type] # values by name


def case(name: str = "Doe^Jane", *, picture: Instance | None = None, **changes: object) -> Case:
    picture = picture or image()
    sections = tuple(
        Section(title, title.lower(), NOTE.index(title), end)
        for title, end in (
            ("HISTORY", NOTE.index("EXAMINATION")),
            ("EXAMINATION", NOTE.index("IMPRESSION")),
            ("IMPRESSION", len(NOTE)),
        )
    )
    series = Series("1.2.3", "DX", "PA", (picture,))
    observations = (
        Observation("1988-5", "C-reactive protein", 164.0, "mg/L", TAKEN, None, 0.0, 5.0),
        Observation("6690-2", "Leukocytes", 15.2, "10*3/uL", TAKEN, None, 4.0, 11.0),
        Observation("59408-5", "Oxygen saturation", 91.0, "%", TAKEN, None, 94.0, 100.0),
        Observation("33762-6", "NT-proBNP", 120.0, "pg/mL", TAKEN, "<", 0.0, 300.0),
        Observation("8310-5", "Body temperature", 38.9, "Cel", TAKEN, None, 36.1, 37.5),
    )  # fmt: skip
    values: dict[str, object] = {
        "digest": digest(f"case {name}"),
        "patient": Patient("PAT-0042", name, date(1957, 1, 9), "F", 67.0),
        "studies": (Study("1.2", "Chest, two views", TAKEN, "A1", (series,)),),
        "notes": (Note(digest(NOTE), NOTE, sections, TAKEN, "Admission note"),),
        "observations": observations,
        "recordings": (recording(),),
        "variants": variants(),
        "files": (
            source("image.dcm", "dicom"),
            source("note.txt", "note"),
            source("observations.json", "observations"),
            source("recording.wav", "recording"),
            source("variants.vcf", "variants"),
            source("<img src=x onerror=alert(1)>.dcm", "dicom", verdict=FileVerdict.REFUSED,
                   code=RefusalCode.CONSTANT_IMAGE, reason="All 2,500 pixels are 0."),
            source("readme.pdf", "unknown", verdict=FileVerdict.KEPT_ASIDE,
                   reason="Kept with the case, not read by the model."),
        ),
    }  # fmt: skip
    return Case(**{**values, **changes})  # type: ignore[arg-type] # values by name


def finding(name: str, display: str, logit: float, half: float = 0.07) -> TargetPrediction:
    p = 1 / (1 + np.exp(-logit))
    interval = (float(max(p - half, 0.002)), float(min(p + half, 0.998)))
    return TargetPrediction(name, display, "finding", logit, float(p), interval, 0.5)


TARGETS = (
    finding("consolidation", "Consolidation", 2.1),
    finding("effusion", "Pleural effusion", -0.2, 0.12),
    finding("pneumothorax", "Pneumothorax", -4.3, 0.01),
    finding("nodule", "Nodule", -1.6),
    finding("oedema", "Pulmonary oedema", -2.6, 0.04),
    finding("cardiomegaly", "Cardiomegaly", -3.0, 0.03),
    TargetPrediction("severity", "Severity", "regression", 4.6, None, (3.4, 5.9), None, "points"),
)
GATES = (
    TargetGate("consolidation", GateVerdict.SCORED),
    TargetGate("effusion", GateVerdict.SCORED),
    TargetGate("pneumothorax", GateVerdict.SCORED),
    TargetGate("nodule", GateVerdict.CAUTION, "the image is unlike the training images"),
    TargetGate("oedema", GateVerdict.SCORED),
    TargetGate("cardiomegaly", GateVerdict.WITHHELD, "a lateral view can not show the heart size",
               Modality.IMAGE),
    TargetGate("severity", GateVerdict.SCORED),
)  # fmt: skip
PACK = PackIdentity("phantom", "1.0.0", digest("phantom"), is_simulated=True)


class FakeEngine:
    """An engine whose ledgers add up and whose evidence lies where the factory's lesion lies."""

    device = "cpu"
    card_markdown = "# Phantom\n\nA model of simulated patients.\n\n## Limits\n\nNo real patient."
    card_facts: Mapping[str, object] = {
        "intended_use": "To show and to test the method.",
        "not_for": ["Any decision about a patient.", "Comparison with radiologists."],
        "training_data": {"patients": 20000, "kind": "simulated", "seed": 7},
        "figures": {
            "all": {"consolidation": {"auroc": {"value": 0.981, "low": 0.976, "high": 0.985}}},
            "image": {"consolidation": {"auroc": {"value": 0.942, "low": 0.933, "high": 0.951}}},
        },
        "limits": ["Frontal views only."],
        "licence": "Apache-2.0",
    }

    def __init__(
        self,
        *,
        targets: Sequence[TargetPrediction] = TARGETS,
        gates: Sequence[TargetGate] = GATES,
        withheld_parts: Sequence[Modality] = (),
        inputs: Sequence[Modality] = INPUTS,
    ) -> None:
        self.targets, self.gates, self.withheld_parts = targets, gates, withheld_parts
        self.inputs = tuple(inputs)

    @property
    def target_names(self) -> Mapping[str, str]:
        return {target.name: target.display for target in self.targets}

    def warm_up(self) -> None:
        """Nothing to warm up."""

    def model_image(self, case: Case) -> Instance | None:
        return next(iter(case.instances), None)

    def model_note(self, case: Case) -> Note | None:
        return next(iter(case.notes), None)

    def predict(self, case: Case) -> Prediction:
        has = {Modality.IMAGE: case.instances, Modality.NOTE: case.notes,
               Modality.OBSERVATIONS: case.observations, Modality.RECORDING: case.recordings,
               Modality.VARIANTS: case.variants}  # fmt: skip
        has |= {m: case.attachments.get(m, ()) for m in self.inputs if m not in has}
        present = tuple(m for m in self.inputs if has[m])
        return Prediction(
            case.digest, PACK, self.device, present,
            tuple(m for m in self.inputs if m not in present), tuple(self.targets),
            tuple(self.gates), {"encode": 0.1},
        )  # fmt: skip

    def explain(
        self, case: Case, target: str, *, progress: Callable[[float, str], None] | None = None
    ) -> Explanation:
        if progress is not None:
            progress(0.5, "Image")
        chosen = next(t for t in self.targets if t.name == target)
        base = -1.4 if chosen.kind == "finding" else 2.0
        more = len(self.inputs) - len(PUSHES)
        pushes = PUSHES * (chosen.logit - base) + OFFSETS
        pushes = np.append(pushes, np.zeros(max(more, 0)))[: len(self.inputs)]
        mass = float(np.abs(pushes).sum())
        modalities = self.inputs
        pairs = [(a, b) for i, a in enumerate(modalities) for b in modalities[i + 1 :]]
        contributions = tuple(
            Contribution(m, float(p), abs(float(p)) / mass, (float(p) - 0.3, float(p) + 0.25))
            for m, p in zip(modalities, pushes, strict=True)
        )
        coalitions = np.array(
            [
                base + sum(p for i, p in enumerate(pushes) if s >> i & 1)
                for s in range(2 ** len(pushes))
            ]
        )
        return Explanation(
            target, base, chosen.logit, modalities, contributions,
            tuple(Interaction(a, b, 0.21 * (-0.7) ** n) for n, (a, b) in enumerate(pairs)),
            coalitions,
            {m: self._parts(case, m, float(p)) for m, p in zip(modalities, pushes, strict=True)},
        )  # fmt: skip

    def _parts(self, case: Case, modality: Modality, total: float) -> Parts:
        passed = modality not in self.withheld_parts
        reason = "" if passed else "deleting the marked places moved the result less than chance"
        match modality:
            case Modality.IMAGE:
                rows, columns = case.instances[0].pixels.shape[1:3] if case.instances else (64, 48)
                r, c = np.mgrid[0:1:56j, 0:1:56j]
                grid = 0.02 * np.exp(-(((c - 0.32) / 0.07) ** 2) - ((r - 0.68) / 0.06) ** 2)
                grid -= 0.009 * np.exp(-(((c - 0.72) / 0.1) ** 2) - ((r - 0.4) / 0.12) ** 2)
                items = (
                    PartItem("right lower zone", (0.68 * rows, 0.32 * columns), 1.4),
                    PartItem("rest of the image", (), 0.7),
                    PartItem("left mid zone", (0.4 * rows, 0.72 * columns), -0.6),
                )
                box = (0.0, 0.0, float(rows), float(columns))
                return Parts(
                    modality, total, 0.004, passed, reason, items, 24, grid.astype(np.float32), box
                )
            case Modality.NOTE:
                weights = {"Suspected": 0.2, "pneumonia": 0.9, "fever": 0.35, "crackles": 0.4,
                           "No sign of heart failure": -0.3, "EXAMINATION": 0.3,
                           "productive cough": 0.25}  # fmt: skip
                items = tuple(
                    PartItem(words, (NOTE.index(words), NOTE.index(words) + len(words)), w)
                    for words, w in weights.items()
                )
                return Parts(modality, total, 0.002, passed, reason, items, 24)
            case Modality.OBSERVATIONS:
                items = tuple(
                    PartItem(o.display, (o.loinc, o.time.isoformat() if o.time else ""), w)
                    for o, w in zip(case.observations, (0.5, 0.2, 0.12, -0.3, 0.05), strict=False)
                )
                return Parts(modality, total, 0.001, passed, reason, items, 24)
            case Modality.RECORDING:
                band, frame = np.mgrid[0:32, 0:240]
                grid = 0.004 * np.exp(-(((band - 12) / 4) ** 2) - ((frame - 36) / 10) ** 2)
                grid += 0.003 * np.exp(-(((band - 12) / 4) ** 2) - ((frame - 156) / 10) ** 2)
                grid -= 0.002 * np.exp(-(((band - 25) / 4) ** 2) - ((frame - 90) / 14) ** 2)
                items = (
                    PartItem("0.5 to 1.0 s, 280 to 563 Hz", (0.75, 409.7), 0.42),
                    PartItem("3.5 to 4.0 s, 280 to 563 Hz", (3.75, 409.7), 0.31),
                    PartItem("2.0 to 2.5 s, 1024 to 1643 Hz", (2.25, 1306.0), -0.12),
                    PartItem("rest of the recording", (), 0.03),
                )
                box = (0.0, 0.0, 2000.0, 6.0)
                return Parts(
                    modality, total, 0.003, passed, reason, items, 24, grid.astype(np.float32), box
                )
            case Modality.VARIANTS:
                items = (
                    PartItem("SIMG06 simv0006, missense variant, 2 copies", ("simv0006",), 0.21),
                    PartItem("SIMG01 simv0001, stop gained, 1 copy", ("simv0001",), -0.09),
                    PartItem("no variant at the other 21 loci", (), -0.02),
                )
                return Parts(modality, total, 0.001, passed, reason, items, 24)
            case _:
                items = (PartItem("forced expiration", ("fev1",), 0.2),)
                return Parts(modality, total, 0.001, passed, reason, items, 24)
