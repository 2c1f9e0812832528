"""What the files of a case do not agree on. Nothing is decided here: both sources are named."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mmcore.gate.suitability import FRONTAL_VIEWS, LATERAL_VIEWS
from mmcore.intake import body_parts
from mmcore.intake.identity import may_be_same
from mmcore.intake.part_times import items_of, moment_of_item
from mmcore.intake.parts import Identity, ImagePart, NotePart, ObservationsPart
from mmcore.intake.read_file import ReadFile, by_digest
from mmcore.intake.time_order import last_of
from mmcore.language import joined, say
from mmcore.loinc import OBSERVATION_TYPES
from mmcore.records import Contradiction, ContradictionKind, Note, Observation

SAME_VALUE = 0.005
"""Two values of one test at one time are the same if they differ by less, relative to the larger:
one may have been rounded, or converted from another unit."""

MAX_CONTRADICTIONS = 100
_OF_THE_IMAGE = frozenset({"indication", "examination"})
_OF_THE_FINDING = frozenset({"indication", "examination", "findings", "impression"})
_NEAR = timedelta(hours=48)
_AGE_TOLERANCE_YEARS = 1.5
_WEIGHED_RANGE = 30.0  # plausible high / low of tests in which a factor of ten is no illness


@dataclass(frozen=True, slots=True)
class _Named:
    """A part with the name of its file."""

    name: str
    part: ImagePart


@dataclass(frozen=True, slots=True)
class _Told:
    """What a note says of images, read once however many there are. name: of its file."""

    name: str
    sides: frozenset[str]
    views: frozenset[str]
    parts: frozenset[str]


def contradictions_of(files: Sequence[ReadFile], identity: Identity) -> tuple[Contradiction, ...]:
    """Return what the used files do not agree on, in an order that depends on them alone."""
    used = [file for file in sorted(files, key=by_digest) if file.is_used]
    images = [
        _Named(file.source.name, file.part) for file in used if isinstance(file.part, ImagePart)
    ]
    films = _one_per_series(images)
    notes = list(_notes(used)) if films else []
    found = itertools.chain(
        _patients(used, identity),
        _ages(films),
        itertools.chain.from_iterable(_headers(film) for film in films),
        _parts_of_images(films),
        itertools.chain.from_iterable(_film_and_note(f, note) for f in films for note in notes),
        _values(used),
        _same_pictures(images),
        _before_birth(used, identity),
    )
    return tuple(dict.fromkeys(itertools.islice(found, MAX_CONTRADICTIONS)))


def _one_per_series(images: Sequence[_Named]) -> list[_Named]:
    """Return one image of each series and view, since the slices of a series state the same."""
    found: dict[tuple[str | None, ...], _Named] = {}
    for image in images:
        instance = image.part.instance
        key = (image.part.series_uid, instance.view_position, instance.laterality,
               instance.body_part)  # fmt: skip
        found.setdefault(key, image)
    return list(found.values())


def _notes(files: Sequence[ReadFile]) -> Iterator[_Told]:
    for file in files:
        notes: tuple[Note, ...] = ()
        if isinstance(file.part, NotePart):
            notes = (file.part.note,)
        elif isinstance(file.part, ObservationsPart):
            notes = file.part.notes
        for note in notes:
            taken = _words_of(note, _OF_THE_IMAGE)
            yield _Told(
                file.source.name,
                sides=body_parts.sides_in(_words_of(note, _OF_THE_FINDING)),
                views=body_parts.views_taken(taken),
                parts=body_parts.parts_imaged(taken),
            )


# The patient


def _patients(files: Sequence[ReadFile], identity: Identity) -> Iterator[Contradiction]:
    by_sex: dict[str, str] = {}
    for file in files:
        part = file.part
        if part is not None and part.identity.sex in ("F", "M"):
            by_sex.setdefault(part.identity.sex, file.source.name)
        if isinstance(part, NotePart) and not may_be_same(part.hints, identity):
            yield Contradiction(
                ContradictionKind.PATIENT,
                say("the heading of {file} seems to name another patient", file=file.source.name),
                (file.source.name,),
            )
    if len(by_sex) > 1:
        yield Contradiction(
            ContradictionKind.PATIENT,
            say("{a} says female and {b} says male", a=by_sex["F"], b=by_sex["M"]),
            (by_sex["F"], by_sex["M"]),
        )


def _ages(films: Sequence[_Named]) -> Iterator[Contradiction]:
    for film in films:
        patient, taken = film.part.patient, film.part.instance.acquired_at
        if patient.age_years is None or patient.birth_date is None or taken is None:
            continue
        age = (taken.date() - patient.birth_date).days / 365.25
        if abs(age - patient.age_years) > _AGE_TOLERANCE_YEARS:
            yield Contradiction(
                ContradictionKind.PATIENT,
                say(
                    "{file} states an age of {stated:.0f} years, and a birth date that makes it "
                    "{counted:.0f}",
                    file=film.name,
                    stated=patient.age_years,
                    counted=age,
                ),
                (film.name,),
            )


def _before_birth(files: Sequence[ReadFile], identity: Identity) -> Iterator[Contradiction]:
    if identity.birth_date is None:
        return
    for file in files:
        if any(moment.date() < identity.birth_date for moment in _moments(file)):
            yield Contradiction(
                ContradictionKind.TIME,
                say("{file} holds something from before the patient's birth",
                    file=file.source.name),
                (file.source.name,),
            )  # fmt: skip


def _moments(file: ReadFile) -> list[datetime]:
    found = (moment_of_item(item) for item in items_of(file.part))
    return [last_of(moment) for moment in found if moment is not None]


# Side, view, part of the body


def _view_of(film: _Named) -> str | None:
    view = (film.part.instance.view_position or "").upper()
    if view in FRONTAL_VIEWS:
        return view
    return "lateral" if view in LATERAL_VIEWS else None


def _headers(film: _Named) -> Iterator[Contradiction]:
    """Yield where the header of one image contradicts itself."""
    instance, view = film.part.instance, _view_of(film)
    described = f"{film.part.study_description} {film.part.series_description}"
    # A study's description names all of its films; the series speaks of this one.
    views = body_parts.views_in(film.part.series_description)
    if view and views and view not in views:
        yield Contradiction(
            ContradictionKind.VIEW,
            say(
                "the header of {file} says {view}, and its description says {described}",
                file=film.name,
                view=view,
                described=joined(sorted(views), ", "),
            ),
            (film.name,),
        )
    side_on = _is_side_on(instance.patient_orientation)
    if view and side_on is not None and side_on is not (view == "lateral"):
        yield Contradiction(
            ContradictionKind.VIEW,
            say("the header of {file} says {view}, and its orientation is of another view",
                file=film.name, view=view),
            (film.name,),
        )  # fmt: skip
    part, parts = body_parts.part_of(instance.body_part or ""), body_parts.parts_in(described)
    if part and parts and part not in parts:
        yield Contradiction(
            ContradictionKind.BODY_PART,
            say(
                "the header of {file} says {part}, and its description says {described}",
                file=film.name,
                part=part,
                described=joined(sorted(parts), ", "),
            ),
            (film.name,),
        )


def _is_side_on(orientation: tuple[str, str] | None) -> bool | None:
    """Whether a film was taken from the side; ``None`` for slices and where nothing is stated."""
    if orientation is None or orientation[1][:1] not in ("F", "H"):
        return None
    return orientation[0][:1] in ("A", "P")


def _parts_of_images(films: Sequence[_Named]) -> Iterator[Contradiction]:
    found: dict[str, str] = {}
    for film in films:
        part = body_parts.part_of(film.part.instance.body_part or "")
        if part:
            found.setdefault(part, film.name)
    if len(found) > 1:
        (one, a), (other, b), *_ = found.items()
        yield Contradiction(
            ContradictionKind.BODY_PART,
            say("{a} is of the {one} and {b} of the {other}", a=a, one=one, b=b, other=other),
            tuple(found.values()),
        )


def _words_of(note: Note, kinds: frozenset[str]) -> str:
    """Return the sections of some kinds, since histories tell of other days and other images."""
    if not note.sections:
        return note.text
    return "\n".join(note.text[s.start : s.end] for s in note.sections if s.kind in kinds)


def _film_and_note(film: _Named, note: _Told) -> Iterator[Contradiction]:
    instance, view = film.part.instance, _view_of(film)
    both = (film.name, note.name)
    side = (instance.laterality or "").upper()
    if side in ("L", "R") and view != "lateral" and note.sides == {body_parts.opposite(side)}:
        yield Contradiction(
            ContradictionKind.SIDE,
            say("{image} says left and {note} says right", image=film.name, note=note.name)
            if side == "L"
            else say("{image} says right and {note} says left", image=film.name, note=note.name),
            both,
        )
    if view and note.views and view not in note.views:
        yield Contradiction(
            ContradictionKind.VIEW,
            say(
                "{image} is a {view} view and {note} tells of {views}",
                image=film.name,
                view=view,
                note=note.name,
                views=joined(sorted(note.views), ", "),
            ),
            both,
        )
    part = body_parts.part_of(instance.body_part or "")
    if part and note.parts and part not in note.parts:
        yield Contradiction(
            ContradictionKind.BODY_PART,
            say(
                "{image} is of the {part} and {note} tells of images of the {parts}",
                image=film.name,
                part=part,
                note=note.name,
                parts=joined(sorted(note.parts), ", "),
            ),
            both,
        )


# Values


def _values(files: Sequence[ReadFile]) -> Iterator[Contradiction]:
    by_code: dict[str, list[tuple[Observation, str]]] = {}
    for file in files:
        if isinstance(file.part, ObservationsPart):
            for item in file.part.observations:
                by_code.setdefault(item.loinc, []).append((item, file.source.name))
    for items in by_code.values():
        dated = [pair for pair in items if pair[0].is_dated]
        dated.sort(key=lambda pair: (_at(pair[0]), pair[0].value))
        for (a, of_a), (b, of_b) in itertools.pairwise(dated):
            if _at(a) == _at(b) and not is_same_value(a, b):
                yield _two_values(a, of_a, b, of_b)
            elif _at(a) != _at(b) and _is_slip(a, b):
                yield _slip(a, of_a, b, of_b)


def _at(observation: Observation) -> datetime:
    return datetime.min if observation.time is None else observation.time.replace(tzinfo=None)


def is_same_value(a: Observation, b: Observation) -> bool:
    """Whether two observations of one code and time say the same, up to rounding."""
    if a.comparator != b.comparator:
        return False
    if a.time is None or b.time is None:  # then two values may well be of two days
        return round(a.value, 6) == round(b.value, 6)
    return abs(a.value - b.value) <= SAME_VALUE * max(abs(a.value), abs(b.value))


def _two_values(a: Observation, of_a: str, b: Observation, of_b: str) -> Contradiction:
    return Contradiction(
        ContradictionKind.VALUE,
        say(
            "{display} at one time is {one:g} in {a} and {other:g} {unit} in {b}",
            display=a.display,
            one=a.value,
            a=of_a,
            other=b.value,
            unit=a.unit,
            b=of_b,
        ),
        tuple(dict.fromkeys((of_a, of_b))),
    )


def _is_slip(a: Observation, b: Observation) -> bool:
    """Whether two values near each other differ by ten, in a test that no illness moves so far."""
    low, high = OBSERVATION_TYPES[a.loinc].plausible
    if low <= 0 or high / low > _WEIGHED_RANGE or a.comparator or b.comparator:
        return False
    small, large = sorted((a.value, b.value))
    near = a.is_dated and b.is_dated and abs(_at(b) - _at(a)) <= _NEAR
    return near and small > 0 and 8.0 <= large / small <= 12.5


def _slip(a: Observation, of_a: str, b: Observation, of_b: str) -> Contradiction:
    return Contradiction(
        ContradictionKind.VALUE,
        say(
            "{display} goes from {one:g} to {other:g} {unit} within {hours:.0f} hours; a decimal "
            "point may be misplaced",
            display=a.display,
            one=a.value,
            other=b.value,
            unit=a.unit,
            hours=_hours(a, b),
        ),
        tuple(dict.fromkeys((of_a, of_b))),
    )


def _hours(a: Observation, b: Observation) -> float:
    return (_at(b) - _at(a)).total_seconds() / 3600


# Pictures


def _same_pictures(images: Sequence[_Named]) -> Iterator[Contradiction]:
    """Yield images that are the same to the pixel and say that they are two."""
    seen: dict[tuple[object, ...], list[_Named]] = {}
    for image in images:
        pixels = image.part.instance.pixels
        step = max(1, pixels.size // 4096)
        key = (pixels.shape, pixels.dtype.str, pixels.reshape(-1)[::step].tobytes())
        for other in seen.get(key, []):
            if (other.part.instance.pixels == pixels).all():
                yield Contradiction(
                    ContradictionKind.IMAGE,
                    say("{a} and {b} hold the same picture under two identifiers",
                        a=other.name, b=image.name),
                    (other.name, image.name),
                )  # fmt: skip
                break
        else:
            seen.setdefault(key, []).append(image)
