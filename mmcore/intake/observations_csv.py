"""Observations from a table: every cell is text until it is read strictly by us.

pandas shifts ragged rows silently, eats the leading zeros of record numbers and takes the name
"NA" for a missing one, so the csv module splits and nothing else interprets.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from mmcore.intake.columns import (
    ROLES,
    SAMPLE_ROWS,
    ColumnMapping,
    Mappings,
    Shape,
    guess_mapping,
    headings_key,
)
from mmcore.intake.kinds import find_kind
from mmcore.intake.parts import ObservationsPart
from mmcore.intake.quantities import make_observation
from mmcore.intake.table import (
    DELIMITERS,
    MAX_LINE_CHARACTERS,
    check_heading,
    delimiter_of,
    find_roles,
    first_line,
    identity_of,
    plain,
    rows_of,
    whose,
)
from mmcore.intake.table_times import is_ambiguous, read_time
from mmcore.intake.text import decode_text
from mmcore.intake.units import Quantity, parse_quantity
from mmcore.language import say
from mmcore.loinc import ObservationType
from mmcore.records import Observation, Patient

_MAX_QUESTIONS = 10_000


def looks_like_table(text: str, *, name: str) -> bool:
    """Whether plain text is a table; a name ending in csv or tsv decides where it could be both."""
    first = first_line(text)
    if not any(delimiter in first for delimiter in DELIMITERS):
        return False
    if name.lower().endswith((".csv", ".tsv")):
        return True
    delimiter = delimiter_of(first)
    header = first.split(delimiter)
    roles = find_roles([plain(cell) for cell in header], ROLES)
    if "value" in roles and bool({"code", "name"} & roles.keys()):
        return True
    # One column per test or per time: prose may list tests too, so the next line must be as wide.
    body = text[: 2 * MAX_LINE_CHARACTERS].lstrip("\n").split("\n")[1:3]
    rows = [line.split(delimiter) for line in body if line.strip()]
    if not rows or any(len(row) != len(header) for row in rows):
        return False
    guess = guess_mapping(header, rows)
    has_numbers = any(parse_quantity(c, has_decimal_comma=True) for c in rows[0])
    return guess.shape is not Shape.LONG and not guess.missing() and has_numbers


def table_preview(data: bytes, *, rows: int = 20) -> tuple[list[str], list[list[str]]]:
    """Return heading and first rows as text, for ``guess_mapping`` and for a page that shows them.

    Raises ``FileRefusedError`` as ``read_table`` does.
    """
    text, _ = decode_text(data)
    found = rows_of(text, delimiter_of(text.lstrip("\n").split("\n", 1)[0]))
    _, header = next(found, (0, []))
    return header, [row for _, row in itertools.islice(found, rows)]


def read_table(
    data: bytes,
    *,
    digest: str,
    mapping: ColumnMapping | None = None,
    mappings: Mappings | None = None,
) -> ObservationsPart:
    """Return the observations of a table with a header row.

    mapping: what its columns hold, as a person said; without one it is looked for in ``mappings``,
    and else guessed. A value that can not be used becomes a question with its line number.

    Raises ``FileRefusedError`` with TOO_LARGE, BAD_TEXT, RAGGED_ROW, DUPLICATE_KEY,
    MISSING_COLUMN or PATIENT_MISMATCH.
    """
    text, notices = decode_text(data)
    delimiter = delimiter_of(text.lstrip("\n").split("\n", 1)[0])
    found = rows_of(text, delimiter)
    _, header = next(found, (0, []))
    check_heading([plain(cell) for cell in header])
    if mapping is None and mappings:
        mapping = mappings.get(headings_key(header))
    is_chosen = mapping is not None
    first = list(itertools.islice(found, SAMPLE_ROWS)) if mapping is None else []
    if mapping is None:
        mapping = guess_mapping(header, [row for _, row in first])
    places = mapping.places(header)
    observations: list[Observation] = []
    questions: list[str] = []
    patients = set()
    n_unknown = 0
    for line, row in itertools.chain(first, found):
        n_known = 0
        for cells in cells_of(row, mapping, places):
            patients.add(whose(cells))
            kind = find_kind(cells.get("code", ""), cells.get("name", ""))
            if kind is None:
                continue
            n_known += 1
            if not cells["value"] and mapping.shape is not Shape.LONG:
                continue  # not measured at that time
            outcome = _observe(cells, kind, mapping, digest=digest, delimiter=delimiter)
            if isinstance(outcome, Observation):
                observations.append(outcome)
            elif len(questions) < _MAX_QUESTIONS:
                questions.append(say("line {line}: {problem}", line=line, problem=outcome))
        n_unknown += not n_known
    if n_unknown == 1:
        notices += (say("1 row names no test that is known here and was not used."),)
    elif n_unknown:
        notices += (
            say("{n} rows name no test that is known here and were not used.", n=n_unknown),
        )
    identity = identity_of(patients)
    patient = Patient(min(identity.patient_ids, default=None), identity.name, identity.birth_date)
    return ObservationsPart(
        tuple(observations), identity, patient, tuple(questions), notices, is_mapped=is_chosen
    )


def cells_of(
    row: Sequence[str], mapping: ColumnMapping, places: Mapping[str, int]
) -> Iterator[dict[str, str]]:
    """Yield the cells of every value of one row by role, whatever the shape of the table."""
    common = {role: row[places[heading]].strip() for role, heading in mapping.roles.items()}
    if mapping.shape is Shape.LONG:
        yield common
    elif mapping.shape is Shape.WIDE:
        for test in mapping.tests:
            value = row[places[test.heading]].strip()
            yield {**common, "code": test.loinc, "value": value, "unit": test.unit}
    else:
        for heading in mapping.times:
            yield {**common, "time": heading, "value": row[places[heading]].strip()}


def _observe(
    cells: Mapping[str, str],
    kind: ObservationType,
    mapping: ColumnMapping,
    *,
    digest: str,
    delimiter: str,
) -> Observation | str:
    has_decimal_comma = delimiter != ","
    quantity = parse_quantity(cells["value"], has_decimal_comma=has_decimal_comma)
    if quantity is None:
        return say("{display} has a value that is not one number", display=kind.display)
    unit = cells.get("unit", "")
    if unit and quantity.unit and unit != quantity.unit:
        return say(
            "{display} has one unit in its value and another in its unit column",
            display=kind.display,
        )
    given = cells.get("time", "")
    time = read_time(given, mapping.date_order)
    if given and time is None and is_ambiguous(given):
        return say(
            "{display} has a date that can be read in two ways; say whether the day comes first",
            display=kind.display,
        )
    if given and time is None:
        return say(
            "{display} has a time that can not be read; ISO 8601 was expected", display=kind.display
        )
    bounds = [
        parse_quantity(cells.get(end, ""), has_decimal_comma=has_decimal_comma)
        for end in ("low", "high")
    ]
    return make_observation(
        kind,
        Quantity(quantity.value, quantity.comparator, unit or quantity.unit),
        time=time,
        reference=(
            bounds[0].value if bounds[0] else None,
            bounds[1].value if bounds[1] else None,
        ),
        digest=digest,
    )
