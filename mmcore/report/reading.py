"""A result document read back as frozen records: validation and typed access in one.

Strict about what a report shows (types, finite numbers, the ledger, nothing of a withheld score),
tolerant about members it does not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmcore.errors import RefusalCode
from mmcore.records import (
    Contribution,
    FileVerdict,
    FloatArray,
    GateVerdict,
    Interaction,
    Modality,
    Observation,
    PackIdentity,
    PartItem,
    Patient,
    SourceFile,
    TargetGate,
)
from mmcore.report.document import LEDGER_TOLERANCE, SCHEMA
from mmcore.report.images import dequantise, read_display_png
from mmcore.report.node import Node

_MAX_GRID_SIDE = 2048
_SEXES: tuple[Literal["F", "M", "O"], ...] = ("F", "M", "O")
_COMPARATORS: tuple[Literal["<", ">"], ...] = ("<", ">")
_KINDS: tuple[Literal["finding", "regression"], ...] = ("finding", "regression")


@dataclass(frozen=True, slots=True, eq=False)
class KeyImage:
    """The image that stands for the case.

    pixels:     (rows, columns) uint8, as displayed.
    stored:     rows and columns of the stored image; ``scale`` is stored pixels per shown pixel.
    spacing_mm: (row, column) size of a stored pixel, or None where the file does not say.
    """

    pixels: npt.NDArray[np.uint8]
    stored: tuple[int, int]
    scale: tuple[float, float]
    spacing_mm: tuple[float, float] | None
    dicom_modality: str
    view_position: str | None
    body_part: str | None
    laterality: str | None
    acquired_at: datetime | None
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Signed logits (rows, columns) over ``box``: row, column, rows, columns in stored pixels."""

    values: FloatArray
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class ReportedPart:
    """The evidence inside one modality; without items, overlay and numbers where it failed."""

    sum: float | None
    completeness_error: float | None
    passed: bool
    reason: str
    top: tuple[PartItem, ...]
    overlay: Overlay | None


@dataclass(frozen=True, slots=True, eq=False)
class ReportedTarget:
    """One target with its trust verdict; every number of a withheld score is None.

    coalitions: the logit when only the modalities of the key are the patient's own.
    """

    name: str
    display: str
    kind: Literal["finding", "regression"]
    unit: str
    gate: TargetGate
    logit: float | None
    probability: float | None
    interval: tuple[float, float] | None
    operating_point: float | None
    called: bool | None
    base: float | None
    contributions: tuple[Contribution, ...]
    interactions: tuple[Interaction, ...]
    coalitions: Mapping[frozenset[Modality], float]
    parts: Mapping[Modality, ReportedPart]

    @property
    def is_withheld(self) -> bool:
        """Whether the gate kept the score back."""
        return self.gate.verdict is GateVerdict.WITHHELD


@dataclass(frozen=True, slots=True)
class ReportedStudy:
    """One imaging study, without its pixels."""

    study_uid: str
    description: str
    started_at: datetime | None
    accession_number: str | None
    instances: int


@dataclass(frozen=True, slots=True, eq=False)
class ReportedResult:
    """A whole result document, checked."""

    case_digest: str
    patient: Patient
    files: tuple[SourceFile, ...]
    studies: tuple[ReportedStudy, ...]
    observations: tuple[Observation, ...]
    key_image: KeyImage | None
    pack: PackIdentity
    device: str
    present: tuple[Modality, ...]
    missing: tuple[Modality, ...]
    notices: tuple[str, ...]
    gates: tuple[TargetGate, ...]
    targets: tuple[ReportedTarget, ...]
    timings: Mapping[str, float]


def read_document(document: Mapping[str, object]) -> ReportedResult:
    """Return the document as records. Raises ``ResultFormatError`` with the place at fault."""
    root = Node(dict(document))
    schema = root.field("schema")
    if schema.text() != SCHEMA:
        raise schema.error(f"expected {SCHEMA}")
    case, pack = root.field("case"), root.field("pack")
    key_image = case.field("key_image")
    gates = {gate.target: gate for gate in map(_gate, root.field("gate").items())}
    return ReportedResult(
        case_digest=case.field("digest").text(),
        patient=_patient(case.field("patient")),
        files=tuple(_file(node) for node in case.field("files").items()),
        studies=tuple(_study(node) for node in case.field("studies").items()),
        observations=tuple(_observation(node) for node in case.field("observations").items()),
        key_image=None if key_image.is_null else _key_image(key_image),
        pack=PackIdentity(
            pack.field("name").text(),
            pack.field("version").text(),
            pack.field("digest").text(),
            pack.field("is_simulated").flag(),
        ),
        device=root.field("device").text(),
        present=tuple(node.modality() for node in root.field("present").items()),
        missing=tuple(node.modality() for node in root.field("missing").items()),
        notices=case.field("notices").texts() + root.field("notices").texts(),
        gates=tuple(gates.values()),
        targets=tuple(_target(node, gates) for node in root.field("targets").items()),
        timings={name: n.number() for name, n in root.field("timings").members().items()},
    )


def _patient(node: Node) -> Patient:
    sex = node.field("sex")
    return Patient(
        patient_id=node.field("id").maybe_text(),
        name=node.field("name").maybe_text(),
        birth_date=node.field("birth_date").maybe_date(),
        sex=None if sex.is_null else sex.literal(*_SEXES),
        age_years=node.field("age_years").maybe_number(),
    )


def _file(node: Node) -> SourceFile:
    return SourceFile(
        name=node.field("name").text(),
        digest=node.field("digest").text(),
        size_bytes=node.field("size_bytes").count(),
        kind=node.field("kind").text(),
        verdict=node.field("verdict").word(FileVerdict),
        code=node.field("code").maybe_word(RefusalCode),
        reason=node.field("reason").text(),
    )


def _study(node: Node) -> ReportedStudy:
    return ReportedStudy(
        study_uid=node.field("study_uid").text(),
        description=node.field("description").text(),
        started_at=node.field("started_at").maybe_time(),
        accession_number=node.field("accession_number").maybe_text(),
        instances=sum(s.field("instances").count() for s in node.field("series").items()),
    )


def _observation(node: Node) -> Observation:
    low, high = node.field("reference").items(length=2)
    comparator = node.field("comparator")
    return Observation(
        loinc=node.field("loinc").text(),
        display=node.field("display").text(),
        value=node.field("value").number(),
        unit=node.field("unit").text(),
        time=node.field("time").maybe_time(),
        comparator=None if comparator.is_null else comparator.literal(*_COMPARATORS),
        reference_low=low.maybe_number(),
        reference_high=high.maybe_number(),
        given=node.field("given").text(),
        digest=node.field("digest").text(),
    )


def _key_image(node: Node) -> KeyImage:
    png = node.field("png")
    try:
        pixels = read_display_png(png.data())
    except ValueError as error:
        raise png.error("expected a small 8-bit greyscale PNG") from error
    if pixels.shape != (node.field("rows").count(), node.field("columns").count()):
        raise png.error("the image has another size than its rows and columns say")
    stored_rows, stored_columns = node.field("stored").items(length=2)
    scale, spacing = node.field("scale"), node.field("spacing_mm")
    for sizes in (scale.pair(), spacing.maybe_pair() or (1.0, 1.0)):
        if not min(sizes) > 0.0:
            raise node.error("scale and spacing_mm must be greater than zero")
    return KeyImage(
        pixels=pixels,
        stored=(stored_rows.count(), stored_columns.count()),
        scale=scale.pair(),
        spacing_mm=spacing.maybe_pair(),
        dicom_modality=node.field("dicom_modality").text(),
        view_position=node.field("view_position").maybe_text(),
        body_part=node.field("body_part").maybe_text(),
        laterality=node.field("laterality").maybe_text(),
        acquired_at=node.field("acquired_at").maybe_time(),
        notices=node.field("notices").texts(),
    )


def _gate(node: Node) -> TargetGate:
    return TargetGate(
        target=node.field("target").text(),
        verdict=node.field("verdict").word(GateVerdict),
        reason=node.field("reason").text(),
        helps_most=node.field("helps_most").maybe_modality(),
    )


def _target(node: Node, gates: Mapping[str, TargetGate]) -> ReportedTarget:
    name = node.field("name").text()
    if name not in gates:
        raise node.error("the target has no gate verdict")
    called = node.field("called")
    target = ReportedTarget(
        name=name,
        display=node.field("display").text(),
        kind=node.field("kind").literal(*_KINDS),
        unit=node.field("unit").text(),
        gate=gates[name],
        logit=node.field("logit").maybe_number(),
        probability=node.field("probability").maybe_number(),
        interval=node.field("interval").maybe_pair(),
        operating_point=node.field("operating_point").maybe_number(),
        called=None if called.is_null else called.flag(),
        base=node.field("base").maybe_number(),
        contributions=tuple(_contribution(n) for n in node.field("contributions").items()),
        interactions=tuple(_interaction(n) for n in node.field("interactions").items()),
        coalitions=dict(_coalition(n) for n in node.field("coalitions").items()),
        parts={
            Node(key, n.where).modality(): _part(n)
            for key, n in node.field("parts").members().items()
        },
    )
    _check_target(node, target)
    return target


def _check_target(node: Node, target: ReportedTarget) -> None:
    if target.is_withheld:
        numbers = (target.logit, target.probability, target.interval, target.called, target.base)
        lists = (target.contributions, target.interactions, target.coalitions, target.parts)
        if any(number is not None for number in numbers) or any(lists):
            raise node.error("a withheld target must carry no score")
        return
    if target.logit is None or target.interval is None:
        raise node.error("a target that is not withheld needs its logit and interval")
    if target.kind == "finding":
        chances = (target.probability, target.operating_point, *target.interval)
        if not all(chance is not None and 0.0 <= chance <= 1.0 for chance in chances):
            raise node.error("probability, operating point and interval must lie in [0, 1]")
    if (target.base is None) is not (not target.contributions):
        raise node.error("base and contributions come together or not at all")
    if target.base is not None:
        tolerance = LEDGER_TOLERANCE * max(1.0, abs(target.logit))
        total = target.base + sum(c.signed for c in target.contributions)
        everything = max(target.coalitions, key=len, default=frozenset())
        if not abs(total - target.logit) <= tolerance:
            raise node.error("base plus contributions misses the logit")
        ends = (target.coalitions.get(frozenset()), target.coalitions.get(everything))
        if ends[0] is None or not abs(ends[0] - target.base) <= tolerance:
            raise node.error("the empty coalition is not the base")
        if ends[1] is None or not abs(ends[1] - target.logit) <= tolerance:
            raise node.error("the coalition of all modalities is not the logit")


def _contribution(node: Node) -> Contribution:
    return Contribution(
        modality=node.field("modality").modality(),
        signed=node.field("signed").number(),
        share=node.field("share").number(),
        band=node.field("band").pair(),
    )


def _interaction(node: Node) -> Interaction:
    a, b = (node.field(name).modality() for name in ("a", "b"))
    return Interaction(a=a, b=b, value=node.field("value").number())


def _coalition(node: Node) -> tuple[frozenset[Modality], float]:
    members = frozenset(n.modality() for n in node.field("modalities").items())
    return members, node.field("value").number()


def _part(node: Node) -> ReportedPart:
    overlay = node.field("overlay")
    part = ReportedPart(
        sum=node.field("sum").maybe_number(),
        completeness_error=node.field("completeness_error").maybe_number(),
        passed=node.field("passed").flag(),
        reason=node.field("reason").text(),
        top=tuple(_item(n) for n in node.field("top").items()),
        overlay=None if overlay.is_null else _overlay(overlay),
    )
    if not part.passed and (part.top or part.overlay or part.sum is not None):
        raise node.error("a part that failed its tests must carry only its reason")
    return part


def _item(node: Node) -> PartItem:
    where = tuple(
        n.text() if isinstance(n.value, str) else n.number() for n in node.field("where").items()
    )
    return PartItem(node.field("what").text(), where, node.field("signed").number())


def _overlay(node: Node) -> Overlay:
    rows, columns = node.field("rows").count(), node.field("columns").count()
    if not 0 < min(rows, columns) <= max(rows, columns) <= _MAX_GRID_SIDE:
        raise node.error(f"an overlay has 1 to {_MAX_GRID_SIDE} rows and columns")
    row, column, height, width = (n.number() for n in node.field("box").items(length=4))
    data, scale = node.field("data"), node.field("scale").number()
    try:
        values = dequantise(data.data(), rows=rows, columns=columns, scale=scale)
    except ValueError as error:
        raise data.error("the overlay has another size than its rows and columns say") from error
    return Overlay(values=values, box=(row, column, height, width))
