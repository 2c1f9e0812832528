"""Whether an image is of the kind that a chest radiograph model reads, by its header."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mmcore.records import Instance

RADIOGRAPHY = frozenset({"DX", "CR", "RG"})
CHEST_WORDS = ("CHEST", "THORAX", "LUNG", "RIB")
FRONTAL_VIEWS = frozenset({"PA", "AP"})
# PS3.3 C.8.1.2.1.1 (CR) and the oblique views of C.8.7.5.1; LAT is not a term and is written.
LATERAL_VIEWS = frozenset(
    {"LATERAL", "LAT", "LL", "RL", "LLD", "RLD", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO"}
)
FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"  # Digital X-Ray Image Storage, raw


@dataclass(frozen=True, slots=True)
class Suitability:
    """One image's standing. ``problem`` forbids its use; ``doubts`` are to be told."""

    problem: str = ""
    doubts: tuple[str, ...] = ()


def judge_image(instance: Instance) -> Suitability:
    """Say whether a chest radiograph model may look at ``instance``, from its header alone."""
    if instance.dicom_modality not in RADIOGRAPHY:
        kind = instance.dicom_modality or "unknown"
        return Suitability(f"it is of DICOM modality {kind}, not a radiograph (DX, CR)")
    if instance.is_color:
        return Suitability("it is a colour image, not a grey radiograph")
    if len(instance.pixels) > 1:
        return Suitability(f"it has {len(instance.pixels)} frames, not one")
    body_part = (instance.body_part or "").upper()
    if body_part and not any(word in body_part for word in CHEST_WORDS):
        return Suitability("its Body Part Examined is not the chest")
    view = (instance.view_position or "").upper()
    if view in LATERAL_VIEWS:
        return Suitability("it is not a frontal view")
    doubts = []
    if not body_part:
        doubts.append("the file does not say which body part it shows")
    if view not in FRONTAL_VIEWS:
        doubts.append("the file does not say whether the view is PA or AP")
    if instance.sop_class_uid == FOR_PROCESSING:
        doubts.append("the image is raw detector data, not the one made for reading")
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
        return None, "the case holds no image"
    return None, f"the image was not scored: {judge_image(instances[0]).problem}"


def _acquired(instance: Instance) -> datetime:
    """Return the wall-clock time; timestamp() fails on the year 1, which systems also write."""
    return (instance.acquired_at or datetime.min).replace(tzinfo=None)
