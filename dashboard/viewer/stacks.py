"""Which images are scrolled together, and what the viewer says around them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dashboard import formatting
from dashboard.language import say, t
from mmcore.orientation import sides_of
from mmcore.records import Case, Instance, Study
from mmcore.wording import person_name

MOST_STACK_BYTES = 40_000_000  # below server.maxMessageSize with room for its own overhead

_OPPOSITE = {"A": "P", "P": "A", "H": "F", "F": "H", "L": "R", "R": "L"}
_SIDE = {"L": say("left"), "R": say("right"), "B": say("both")}


def stack_of(case: Case, instance: Instance) -> tuple[Instance, ...]:
    """Return what is scrolled together with ``instance``: its series, if alike and small."""
    for study in case.studies:
        for series in study.series:
            if any(i.digest == instance.digest for i in series.instances):
                alike = tuple(
                    i
                    for i in series.instances
                    if i.pixels.shape[1:] == instance.pixels.shape[1:]
                    and i.pixels.dtype == instance.pixels.dtype
                    and i.is_inverted == instance.is_inverted
                    and _measured_in(i) == _measured_in(instance)
                )
                size = sum(i.pixels.nbytes for i in alike)
                return alike if size <= MOST_STACK_BYTES else (instance,)
    return (instance,)


def _measured_in(instance: Instance) -> tuple[tuple[float, ...], str]:
    """Return in what lengths and values are told: one stack has one spacing and one unit."""
    return tuple(round(mm, 4) for mm in instance.spacing_mm or ()), instance.value_unit


def stacks_of(case: Case) -> tuple[tuple[Instance, ...], ...]:
    """Return every stack of a case, each image in one of them, in display order."""
    found: list[tuple[Instance, ...]] = []
    told: set[str] = set()
    for instance in case.instances:
        if instance.digest not in told:
            found.append(stack_of(case, instance))
            told |= {i.digest for i in found[-1]}
    return tuple(found)


def id_of(stack: Sequence[Instance]) -> str:
    """Return the name under which a stack's pixels travel; the same images have the same one."""
    return f"{stack[0].digest[:16]}-{len(stack)}"


def most_frames(stack: Sequence[Instance]) -> int:
    """Return how many frames of a stack may travel; at least one. None is larger as sent."""
    return max(1, MOST_STACK_BYTES // int(stack[0].pixels[0].nbytes))


def place_of(stack: Sequence[Instance], frame: int) -> tuple[Instance, int] | None:
    """Return the image and its own frame, both of which are frame ``frame`` of the stack."""
    for instance in stack:
        if 0 <= frame < instance.pixels.shape[0]:
            return instance, frame
        frame -= instance.pixels.shape[0]
    return None


def choices(
    case: Case, current: Sequence[Instance], stack_id: str, seen: Instance | None = None
) -> list[dict[str, str]]:
    """Return every stack that may stand beside ``current``, others first: prior ones before all.

    No two have the same label. That of the stack which holds ``seen`` says that the model read it.
    """
    others = [s for s in stacks_of(case) if s[0].digest not in {i.digest for i in current}]
    moment = taken_at(case, current[0])

    def is_prior(stack: Sequence[Instance]) -> bool:
        return _relation(taken_at(case, stack[0]), moment) == _PRIOR

    ordered = sorted(others, key=lambda stack: not is_prior(stack))
    told = labels(case, [*ordered, current], beside=current)
    stack_ids = [*(id_of(s) for s in ordered), stack_id]
    return [
        {"stack": name, "label": read_label(words, stack, seen)}
        for name, words, stack in zip(stack_ids, told, [*ordered, current], strict=True)
    ]


def read_label(words: str, stack: Sequence[Instance], seen: Instance | None) -> str:
    """Return a stack's label, with the words that the model read it where it holds ``seen``."""
    is_read = seen is not None and any(i.digest == seen.digest for i in stack)
    return t("{label} · read by the model", label=words) if is_read else words


def labels(
    case: Case, shown: Sequence[Sequence[Instance]], beside: Sequence[Instance] = ()
) -> list[str]:
    """Return a label for each stack, all different: with the time, then a number, where needed."""
    told = [label(case, stack, beside) for stack in shown]
    timed = [
        label(case, stack, beside, has_time=True) if told.count(words) > 1 else words
        for words, stack in zip(told, shown, strict=True)
    ]
    return [
        t("{label} · no. {n}", label=words, n=timed[: place + 1].count(words))
        if timed.count(words) > 1
        else words
        for place, words in enumerate(timed)
    ]


def label(
    case: Case,
    stack: Sequence[Instance],
    beside: Sequence[Instance] = (),
    *,
    has_time: bool = False,
) -> str:
    """Return date, series and number of images; with ``beside``, whether it is prior to that."""
    first, study = stack[0], _study_of(case, stack[0])
    moment = taken_at(case, first)
    relation = _relation(moment, taken_at(case, beside[0])) if beside else ""
    series = next(
        (r for r in (study.series if study else ()) if any(i is first for i in r.instances)), None
    )
    what = (series.description if series else "") or _view(first) or first.dicom_modality
    frames = sum(i.pixels.shape[0] for i in stack)
    count = t("{n} images", n=frames) if frames > 1 else ""
    when = formatting.clock(moment) if has_time and moment else formatting.day(moment)
    told = (t(relation), when, what, count)
    return t(" · ").join(part for part in told if part)


def taken_at(case: Case, instance: Instance) -> datetime | None:
    """Return when an image was taken, or its study begun; None where no file says."""
    study = _study_of(case, instance)
    return instance.acquired_at or (study.started_at if study else None)


def facts(case: Case, stack: Sequence[Instance]) -> dict[str, Any]:
    """Return what is written around a stack and how its values are shown."""
    first = stack[0]
    return {
        "label": label(case, stack),
        "is_color": first.is_color,
        "is_inverted": first.is_inverted,
        "unit": first.value_unit,
        "spacing_mm": first.spacing_mm,
        "windows": [
            {
                "name": w.explanation or t("File window {n}", n=n),
                "center": w.center,
                "width": w.width,
            }
            for n, w in enumerate(first.windows, 1)
        ],
        "corners": _corners(case, first),
        "sides": _sides(stack),
        "ends": _ends(stack),
    }


def left_out(case: Case, stack: Sequence[Instance]) -> str:
    """Return in words what of the series the viewer can not hold; "" if it holds everything."""
    frames, most = sum(i.pixels.shape[0] for i in stack), most_frames(stack)
    if frames > most:
        return t(
            "Only the first {most} of {frames} frames fit into the viewer.",
            most=most, frames=frames,
        )  # fmt: skip
    for study in case.studies:
        for series in study.series:
            count = len(series.instances)
            if any(i is stack[0] for i in series.instances) and count > len(stack):
                return t(
                    "Shown of this series: {shown} of {count} images. The others differ in size or "
                    "depth, or do not fit into the viewer together.",
                    shown=len(stack), count=count,
                )  # fmt: skip
    return ""


_PRIOR, _LATER = say("Prior"), say("Later")


def _relation(moment: datetime | None, other: datetime | None) -> str:
    if moment is None or other is None or moment.date() == other.date():
        return ""
    return _PRIOR if moment.date() < other.date() else _LATER


def _study_of(case: Case, instance: Instance) -> Study | None:
    return next(
        (s for s in case.studies for r in s.series if any(i is instance for i in r.instances)), None
    )


def _sides(stack: Sequence[Instance]) -> tuple[str, str] | None:
    """Return the letters for the left and right edge, if every image of the stack agrees."""
    found = {sides_of(instance) for instance in stack}
    return found.pop() if len(found) == 1 else None


def _ends(stack: Sequence[Instance]) -> tuple[str, str] | None:
    """Return the letters for the upper and lower edge, if every image says the same direction.

    Patient Orientation names where the columns run to (DICOM PS3.3 C.7.6.1.1.1); its first letter
    is the main direction.
    """
    found = {(i.patient_orientation or ("", ""))[1][:1] for i in stack}
    downwards = found.pop() if len(found) == 1 else ""
    return (_OPPOSITE[downwards], downwards) if downwards in _OPPOSITE else None


def _view(instance: Instance) -> str:
    side = _SIDE.get(instance.laterality or "")
    told = (instance.body_part, instance.view_position, t(side) if side else "")
    return " ".join(part for part in told if part)


def _corners(case: Case, instance: Instance) -> dict[str, list[str]]:
    """Return the texts of the two upper corners; the lower ones belong to the view itself."""
    patient = case.patient
    age = "" if patient.age_years is None else t("{years} y", years=f"{patient.age_years:.0f}")
    study = _study_of(case, instance)
    told = (
        study.description if study else "",
        " ".join(part for part in (instance.dicom_modality, _view(instance)) if part),
        formatting.clock(taken_at(case, instance), instance.precision),
    )
    who = t(" · ").join(part for part in (patient.sex, age) if part)
    return {
        "patient": [text for text in (person_name(patient.name), patient.patient_id, who) if text],
        "study": [text for text in told if text],
    }
