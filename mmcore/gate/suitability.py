"""Whether images are of the kind that a model of radiographs, or of CT, reads, by their header."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mmcore.language import say
from mmcore.records import Instance, Series, Study

RADIOGRAPHY = frozenset({"DX", "CR", "RG"})
CHEST_WORDS = ("CHEST", "THORAX", "LUNG", "RIB")
FRONTAL_VIEWS = frozenset({"PA", "AP"})
# PS3.3 C.8.1.2.1.1 (CR) and the oblique views of C.8.7.5.1; LAT is not a term and is written.
LATERAL_VIEWS = frozenset(
    {"LATERAL", "LAT", "LL", "RL", "LLD", "RLD", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO"}
)
FEWEST_SLICES = 8  # fewer are a localizer or a sample, not a series through the chest
FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"  # Digital X-Ray Image Storage, raw
UNKNOWN_BODY_PART = say("the file does not say which body part it shows")


@dataclass(frozen=True, slots=True)
class Suitability:
    """One image's or series' standing. ``problem`` forbids its use; ``doubts`` are to be told."""

    problem: str = ""
    doubts: tuple[str, ...] = ()


def judge_image(instance: Instance) -> Suitability:
    """Say whether a chest radiograph model may look at ``instance``, from its header alone."""
    if instance.dicom_modality not in RADIOGRAPHY:
        kind = instance.dicom_modality or "unknown"
        return Suitability(
            say("it is of DICOM modality {kind}, not a radiograph (DX, CR)", kind=kind)
        )
    if instance.is_color:
        return Suitability(say("it is a colour image, not a grey radiograph"))
    if len(instance.pixels) > 1:
        return Suitability(say("it has {count} frames, not one", count=len(instance.pixels)))
    if not _may_be_chest(instance):
        return Suitability(say("its Body Part Examined is not the chest"))
    view = (instance.view_position or "").upper()
    if view in LATERAL_VIEWS:
        return Suitability(say("it is not a frontal view"))
    doubts = []
    if not instance.body_part:
        doubts.append(UNKNOWN_BODY_PART)
    if view not in FRONTAL_VIEWS:
        doubts.append(say("the file does not say whether the view is PA or AP"))
    if instance.sop_class_uid == FOR_PROCESSING:
        doubts.append(say("the image is raw detector data, not the one made for reading"))
    return Suitability("", tuple(doubts))


def choose_image(instances: Sequence[Instance]) -> tuple[Instance | None, str]:
    """Return the image that the model reads, or None with the reason why there is none.

    Of several suitable images the latest acquired is read; without times, the first.
    """
    suitable = [i for i in instances if not judge_image(i).problem]
    if suitable:
        dated = [i for i in suitable if i.acquired_at is not None]
        latest = max(dated, key=_acquired, default=None)
        return latest or suitable[0], ""
    if not instances:
        return None, say("the case holds no image")
    return None, say(
        "the image was not scored: {problem}", problem=judge_image(instances[0]).problem
    )


def slices_of(series: Series) -> tuple[Instance, ...]:
    """Return the grey images of one frame that share the series' most common size, in order."""
    plain = [i for i in series.instances if not i.is_color and len(i.pixels) == 1]
    sizes = Counter(i.pixels.shape for i in plain)
    usual = max(sizes, key=lambda size: sizes[size], default=None)
    return tuple(i for i in plain if i.pixels.shape == usual)


def judge_series(series: Series) -> Suitability:
    """Say whether a model of chest CT may look at ``series``, from its headers alone."""
    if series.dicom_modality != "CT":
        kind = series.dicom_modality or "unknown"
        return Suitability(
            say("it is of DICOM modality {kind}, not a series of CT slices", kind=kind)
        )
    slices = slices_of(series)
    if len(slices) < FEWEST_SLICES:
        return Suitability(
            say(
                "the CT series has {count} slices of one size; {needed} are needed",
                count=len(slices),
                needed=FEWEST_SLICES,
            )
        )
    if any(i.value_unit != "HU" for i in slices):
        return Suitability(say("its values are not Hounsfield units"))
    known = [i.patient_orientation for i in slices if i.patient_orientation is not None]
    if any({row[:1], column[:1]} & {"H", "F"} for row, column in known):
        return Suitability(say("its slices are not axial"))
    if not all(_may_be_chest(i) for i in slices):
        return Suitability(say("its Body Part Examined is not the chest"))
    doubts = []
    if not all(i.body_part for i in slices):
        doubts.append(UNKNOWN_BODY_PART)
    if len(known) < len(slices):
        doubts.append(say("the files do not say how the slices lie in the body"))
    return Suitability("", tuple(doubts))


def choose_series(studies: Sequence[Study]) -> tuple[Series | None, str]:
    """Return the CT series that the model reads, or None with the reason why there is none.

    Studies come newest first: of the first that has a suitable series, the one with the most
    slices is read.
    """
    for study in studies:
        suitable = [s for s in study.series if not judge_series(s).problem]
        if suitable:
            return max(suitable, key=lambda s: len(slices_of(s))), ""
    every = [s for study in studies for s in study.series if s.instances]
    if not every:
        return None, say("the case holds no image")
    # What is wrong with a CT is of more use than that a radiograph is none.
    told = next((s for s in every if s.dicom_modality == "CT"), every[0])
    return None, say("the image was not scored: {problem}", problem=judge_series(told).problem)


def _may_be_chest(instance: Instance) -> bool:
    body_part = (instance.body_part or "").upper()
    return not body_part or any(word in body_part for word in CHEST_WORDS)


def _acquired(instance: Instance) -> datetime:
    """Return the wall-clock time; timestamp() fails on the year 1, which systems also write."""
    return (instance.acquired_at or datetime.min).replace(tzinfo=None)
