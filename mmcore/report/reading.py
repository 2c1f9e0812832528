"""A result document read back as frozen records: validation and typed access in one.

Strict about what a report shows (types, finite numbers, the ledger, nothing of a withheld score),
tolerant about members it does not know.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mmcore.calls import Call, call_of
from mmcore.explain.disagreement import Disagreement
from mmcore.explain.phrases import TextSum
from mmcore.explain.relations import Relation
from mmcore.records import (
    Addendum,
    Contribution,
    Cosignature,
    FloatArray,
    GateVerdict,
    Interaction,
    KeyImage,
    Modality,
    PackIdentity,
    PartItem,
    PartTest,
    Place,
    Reading,
    Signature,
    TargetGate,
)
from mmcore.report.case_reading import ReportedCase, case_of, edges_of, grid_of
from mmcore.report.document import LEDGER_TOLERANCE, SCHEMA
from mmcore.report.images import dequantise
from mmcore.report.impressions import reading_of
from mmcore.report.key_images import key_images_of
from mmcore.report.node import Node
from mmcore.report.signing import conclusion_in, signed_in
from mmcore.report.spectrogram import SoundMap

_NONE = Disagreement()
PredictionSet = Literal["present", "absent", "both", "neither"]
MAX_BOX_SIDE = 2.0**17
"""Pixels of an overlay's box: twice what an image of DICOM may have, for one that reaches past."""
_SETS: tuple[PredictionSet, ...] = ("present", "absent", "both", "neither")
_KINDS: tuple[Literal["finding", "regression"], ...] = ("finding", "regression")


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Signed logits (rows, columns).

    box:   of an image: row, column, rows, columns in stored pixels; of a recording: lowest Hz,
        first second, highest Hz, last second.
    sound: the same values with their bands, where it is a map of a recording.
    """

    values: FloatArray
    box: tuple[float, float, float, float]
    sound: SoundMap | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ReportedPart:
    """The evidence inside one modality; without items, overlay and numbers where it failed.

    tests: what it was put to, also where it failed; a value that was not finite is NaN. sections:
    of a note; they sum to ``sum``. Older documents hold neither these nor ``places``.
    """

    sum: float | None
    completeness_error: float | None
    passed: bool
    reason: str
    top: tuple[PartItem, ...]
    overlay: Overlay | None
    tests: tuple[PartTest, ...] = ()
    places: tuple[Place, ...] = ()
    sections: tuple[TextSum, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ReportedTarget:
    """One target with its trust verdict; every number of a withheld score is None.

    coalitions: the logit when only the modalities of the key are the patient's own.
    prediction_set, relations, disagreement: None and empty in older documents; ``relations`` in the
        order of ``interactions``.
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
    prediction_set: PredictionSet | None = None
    relations: tuple[Relation | None, ...] = ()
    disagreement: Disagreement = _NONE

    @property
    def is_withheld(self) -> bool:
        """Whether the gate kept the score back."""
        return self.gate.verdict is GateVerdict.WITHHELD

    @property
    def call(self) -> Call | None:
        """What the finding is called; None for a value or no score."""
        return call_of(self.probability, self.interval, self.operating_point)


@dataclass(frozen=True, slots=True, eq=False)
class ReportedResult:
    """A whole result document, checked.

    reading: None where nobody recorded one. conclusion: the reader's own, or "". signature: None
    for a draft. addenda, cosignatures: in order, only of a signed one.
    """

    case: ReportedCase
    pack: PackIdentity
    device: str
    present: tuple[Modality, ...]
    missing: tuple[Modality, ...]
    notices: tuple[str, ...]
    gates: tuple[TargetGate, ...]
    targets: tuple[ReportedTarget, ...]
    timings: Mapping[str, float]
    reading: Reading | None = None
    key_images: tuple[KeyImage, ...] = ()
    conclusion: str = ""
    signature: Signature | None = None
    addenda: tuple[Addendum, ...] = ()
    cosignatures: tuple[Cosignature, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether it is signed, and co-signed with all its addenda where that was asked for."""
        if self.signature is None:
            return False
        covered = max((one.addenda for one in self.cosignatures), default=-1)
        return not self.signature.asks_cosignature or covered == len(self.addenda)


def read_document(document: Mapping[str, object]) -> ReportedResult:
    """Return the document as records. Raises ``ResultFormatError`` with the place at fault.

    That includes a signed document in which anything was altered.
    """
    root = Node(dict(document))
    schema = root.field("schema")
    if schema.text() != SCHEMA:
        raise schema.error(f"expected {SCHEMA}")
    pack = root.field("pack")
    gates = {gate.target: gate for gate in map(_gate, root.field("gate").items())}
    reading, pictures = root.maybe_field("reading"), root.maybe_field("key_images")
    signed = signed_in(root)
    return ReportedResult(
        case=case_of(root.field("case")),
        pack=PackIdentity(
            pack.field("name").text(),
            pack.field("version").text(),
            pack.field("digest").text(),
            pack.field("is_simulated").flag(),
        ),
        device=root.field("device").text(),
        present=tuple(node.modality() for node in root.field("present").items()),
        missing=tuple(node.modality() for node in root.field("missing").items()),
        notices=root.field("notices").texts(),
        gates=tuple(gates.values()),
        targets=tuple(_target(node, gates) for node in root.field("targets").items()),
        timings={name: n.number() for name, n in root.field("timings").members().items()},
        reading=None if reading.is_null else reading_of(reading, set(gates)),
        key_images=() if pictures.is_null else key_images_of(pictures),
        conclusion=conclusion_in(root),
        signature=signed.signature,
        addenda=signed.addenda,
        cosignatures=signed.cosignatures,
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
    called, prediction_set = node.field("called"), node.maybe_field("prediction_set")
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
        prediction_set=None if prediction_set.is_null else prediction_set.literal(*_SETS),
        relations=tuple(
            n.maybe_field("relation").maybe_word(Relation)
            for n in node.field("interactions").items()
        ),
        disagreement=_disagreement(node.maybe_field("disagreement")),
    )
    _check_target(node, target)
    return target


def _disagreement(node: Node) -> Disagreement:
    if node.is_null:
        return Disagreement()
    raising, lowering = (
        tuple(n.modality() for n in node.field(side).items()) for side in ("raising", "lowering")
    )
    return Disagreement(raising, lowering, tuple(_item(n) for n in node.field("clauses").items()))


def _check_target(node: Node, target: ReportedTarget) -> None:
    if target.is_withheld:
        numbers = (target.logit, target.probability, target.interval, target.called, target.base,
                   target.prediction_set)  # fmt: skip
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
        is_reached = (target.probability or 0.0) >= (target.operating_point or 0.0)
        if target.called is not is_reached:
            raise node.error("the call is not what probability and operating point say")
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
        tests=tuple(map(_test, _maybe_items(node, "tests"))),
        places=tuple(map(_place, _maybe_items(node, "places"))),
        sections=tuple(map(_section, _maybe_items(node, "sections"))),
    )
    evidence = (part.top, part.overlay, part.places, part.sections)
    if not part.passed and (any(evidence) or part.sum is not None):
        raise node.error("a part that failed its tests must carry only its reason")
    return part


def _item(node: Node) -> PartItem:
    where = tuple(
        n.text() if isinstance(n.value, str) else n.number() for n in node.field("where").items()
    )
    mark = node.maybe_field("mark").maybe_text() or ""
    return PartItem(node.field("what").text(), where, node.field("signed").number(), mark)


def _maybe_items(node: Node, name: str) -> tuple[Node, ...]:
    """Return the items of an array, or none where an older document does not have it."""
    found = node.maybe_field(name)
    return () if found.is_null else found.items()


def _test(node: Node) -> PartTest:
    passed, value, limit = (node.field(name) for name in ("passed", "value", "limit"))
    return PartTest(
        name=node.field("name").text(),
        passed=None if passed.is_null else passed.flag(),
        value=math.nan if value.is_null else value.number(),
        limit=math.nan if limit.is_null else limit.number(),
        words=node.field("words").text(),
    )


def _place(node: Node) -> Place:
    place = Place(
        name=node.field("name").text(),
        positive=node.field("positive").number(),
        negative=node.field("negative").number(),
        is_outside=node.field("is_outside").flag(),
    )
    if place.positive < 0.0 or place.negative > 0.0:
        raise node.error("a place holds what raises as positive and what lowers as negative")
    return place


def _section(node: Node) -> TextSum:
    start, end = (n.count() for n in node.field("where").items(length=2))
    return TextSum(
        start, end, node.field("signed").number(), node.field("title").text(),
        node.field("kind").text(),
    )  # fmt: skip


def _overlay(node: Node) -> Overlay:
    rows, columns = grid_of(node)
    first, second, third, fourth = (n.number() for n in node.field("box").items(length=4))
    data, scale = node.field("data"), node.field("scale").number()
    edges = node.maybe_field("edges_hz")
    try:
        values = dequantise(data.data(), rows=rows, columns=columns, scale=scale)
    except ValueError as error:
        raise data.error("the overlay has another size than its rows and columns say") from error
    sound = None
    if not edges.is_null:
        if not second < fourth:
            raise node.error("a map of sound must begin before it ends")
        sound = SoundMap(values, edges_of(edges, rows), second, fourth)
    elif not (0.0 < min(third, fourth) <= max(third, fourth) <= MAX_BOX_SIDE):
        raise node.error("the box of an overlay has a height and width of pixels")
    return Overlay(values=values, box=(first, second, third, fourth), sound=sound)
