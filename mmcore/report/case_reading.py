"""The case of a result document read back as frozen records: who, what came in, what to show."""

import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmcore.errors import RefusalCode
from mmcore.records import FileVerdict, Observation, Patient, SourceFile, Variant
from mmcore.report.images import read_display_png
from mmcore.report.node import Node
from mmcore.report.spectrogram import Spectrogram

MAX_GRID_SIDE = 2048
_SEXES: tuple[Literal["F", "M", "O"], ...] = ("F", "M", "O")
_COMPARATORS: tuple[Literal["<", ">"], ...] = ("<", ">")


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


@dataclass(frozen=True, slots=True)
class ReportedStudy:
    """One imaging study, without its pixels."""

    study_uid: str
    description: str
    started_at: datetime | None
    accession_number: str | None
    instances: int


@dataclass(frozen=True, slots=True)
class ReportedNote:
    """One clinical note, without its text. characters: its length."""

    title: str
    authored_at: datetime | None
    characters: int


@dataclass(frozen=True, slots=True)
class Question:
    """Why the patient was examined. title: of the note that says it."""

    text: str
    title: str


@dataclass(frozen=True, slots=True, eq=False)
class ReportedRecording:
    """One sound recording, without its samples.

    picture: of the one that stands for the case; None for the others.
    """

    title: str
    site: str
    recorded_at: datetime | None
    seconds: float
    sample_rate_hz: int
    notices: tuple[str, ...]
    picture: Spectrogram | None


@dataclass(frozen=True, slots=True)
class ReportedPanel:
    """A gene panel: how many loci it reports, and at how many of them there is a variant."""

    loci: int
    called: int


@dataclass(frozen=True, slots=True, eq=False)
class ReportedCase:
    """Who the case is about and what came in.

    notices: with what the files do not agree on.
    variants: the called ones, at most ``MAX_VARIANTS`` of them. key_recording: see ``picture``.
    """

    digest: str
    patient: Patient
    files: tuple[SourceFile, ...]
    studies: tuple[ReportedStudy, ...]
    observations: tuple[Observation, ...]
    recordings: tuple[ReportedRecording, ...]
    panel: ReportedPanel | None
    variants: tuple[Variant, ...]
    key_image: KeyImage | None
    key_recording: ReportedRecording | None
    notices: tuple[str, ...]
    question: Question | None
    notes: tuple[ReportedNote, ...]


def case_of(node: Node) -> ReportedCase:
    """Return the case; what a document of an earlier version does not hold is absent."""
    image, recording = node.field("key_image"), node.maybe_field("key_recording")
    recordings, variants = node.maybe_field("recordings"), node.maybe_field("variants")
    panel, contradictions = node.maybe_field("panel"), node.maybe_field("contradictions")
    question = node.maybe_field("question")
    told = () if contradictions.is_null else contradictions.items()
    return ReportedCase(
        digest=node.field("digest").text(),
        patient=_patient(node.field("patient")),
        files=tuple(_file(file) for file in node.field("files").items()),
        studies=tuple(_study(study) for study in node.field("studies").items()),
        observations=tuple(_observation(one) for one in node.field("observations").items()),
        recordings=() if recordings.is_null else tuple(map(_recording, recordings.items())),
        panel=None if panel.is_null else _panel(panel),
        variants=() if variants.is_null else tuple(map(_variant, variants.items())),
        key_image=None if image.is_null else _key_image(image),
        key_recording=None if recording.is_null else _recording(recording),
        notices=(
            *(one.field("words").text() for one in told),
            *node.field("notices").texts(),
        ),
        question=None if question.is_null else _question(question),
        notes=tuple(map(_note, node.field("notes").items())),
    )


def _question(node: Node) -> Question:
    return Question(node.field("text").text(), node.field("title").text())


def _note(node: Node) -> ReportedNote:
    return ReportedNote(
        title=node.field("title").text(),
        authored_at=node.field("authored_at").maybe_time(),
        characters=node.field("characters").count(),
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


def _recording(node: Node) -> ReportedRecording:
    picture, seconds = node.maybe_field("spectrogram"), node.field("seconds")
    if not seconds.number() > 0.0:
        raise seconds.error("expected more than zero seconds")
    return ReportedRecording(
        title=node.field("title").text(),
        site=node.field("site").text(),
        recorded_at=node.field("recorded_at").maybe_time(),
        seconds=seconds.number(),
        sample_rate_hz=node.field("sample_rate_hz").count(),
        notices=node.field("notices").texts(),
        picture=None if picture.is_null else _picture(picture),
    )


def _picture(node: Node) -> Spectrogram:
    rows, columns = grid_of(node)
    data, seconds = node.field("data"), node.field("seconds").number()
    levels = np.frombuffer(data.data(), dtype=np.uint8)
    if len(levels) != rows * columns:
        raise data.error("the spectrogram has another size than its rows and columns say")
    range_db = node.field("range_db").number()
    if not min(seconds, range_db) > 0.0:
        raise node.error("seconds and range_db must be greater than zero")
    edges = edges_of(node.field("edges_hz"), rows)
    return Spectrogram(levels.reshape(rows, columns), edges, seconds, range_db)


def grid_of(node: Node) -> tuple[int, int]:
    """Return rows and columns of a grid that may be drawn."""
    rows, columns = node.field("rows").count(), node.field("columns").count()
    if not 0 < min(rows, columns) <= max(rows, columns) <= MAX_GRID_SIDE:
        raise node.error(f"a grid has 1 to {MAX_GRID_SIDE} rows and columns")
    return rows, columns


def edges_of(node: Node, rows: int) -> tuple[float, ...]:
    """Return the rising bounds of ``rows`` rows, in hertz."""
    edges = tuple(edge.number() for edge in node.items(length=rows + 1))
    if not (edges[0] >= 0.0 and all(a < b for a, b in itertools.pairwise(edges))):
        raise node.error("the edges of the rows must rise from zero or more")
    return edges


def _panel(node: Node) -> ReportedPanel:
    return ReportedPanel(node.field("loci").count(), node.field("called").count())


def _variant(node: Node) -> Variant:
    return Variant(
        variant_id=node.field("variant_id").text(),
        gene=node.field("gene").text(),
        chromosome=node.field("chromosome").text(),
        position=node.field("position").count(),
        reference=node.field("reference").text(),
        alternate=node.field("alternate").text(),
        copies=node.field("copies").count(),
        effect=node.field("effect").text(),
        digest=node.field("digest").text(),
    )
