"""Observations from a table: every cell is text until it is read strictly by us.

pandas shifts ragged rows silently, eats the leading zeros of record numbers and takes the name
"NA" for a missing one, so the csv module splits and nothing else interprets.
"""

from collections.abc import Mapping
from datetime import datetime

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.kinds import find_kind
from mmcore.intake.note import parse_date
from mmcore.intake.parts import ObservationsPart
from mmcore.intake.quantities import make_observation
from mmcore.intake.table import (
    DELIMITERS,
    PATIENT_COLUMNS,
    check_heading,
    delimiter_of,
    find_roles,
    first_line,
    identity_of,
    plain,
    rows_of,
    whose,
)
from mmcore.intake.text import decode_text
from mmcore.intake.units import Quantity, parse_quantity
from mmcore.language import joined, say
from mmcore.loinc import ObservationType
from mmcore.records import Observation, Patient

_COLUMNS: dict[str, frozenset[str]] = {
    "code": frozenset({"loinc", "code", "loinc_code", "loinc_num"}),
    "name": frozenset({"name", "test", "test_name", "analyte", "observation", "display", "lab",
                       "parameter", "vital", "label", "item"}),
    "value": frozenset({"value", "result", "result_value", "valuenum", "measurement"}),
    "unit": frozenset({"unit", "units", "uom", "valueuom", "unit_of_measure"}),
    "time": frozenset({"time", "datetime", "date", "timestamp", "charttime", "collected",
                       "collected_at", "effective", "observed_at", "collection_time"}),
    "low": frozenset({"low", "reference_low", "ref_low", "ref_range_lower", "lower", "normal_low"}),
    "high": frozenset({"high", "reference_high", "ref_high", "ref_range_upper", "upper",
                       "normal_high"}),
    **PATIENT_COLUMNS,
}  # fmt: skip


def looks_like_table(text: str, *, name: str) -> bool:
    """Whether plain text is a table; a name ending in csv or tsv decides where it could be both."""
    first = first_line(text)
    if not any(delimiter in first for delimiter in DELIMITERS):
        return False
    if name.lower().endswith((".csv", ".tsv")):
        return True
    roles = find_roles([plain(cell) for cell in first.split(delimiter_of(first))], _COLUMNS)
    return "value" in roles and bool({"code", "name"} & roles.keys())


def read_table(data: bytes, *, digest: str) -> ObservationsPart:
    """Return the observations of a table with a header row.

    A row that can not be used becomes a question with its line number.

    Raises ``FileRefusedError`` with TOO_LARGE, BAD_TEXT, RAGGED_ROW, DUPLICATE_KEY,
    MISSING_COLUMN or PATIENT_MISMATCH.
    """
    text, notices = decode_text(data)
    delimiter = delimiter_of(text.lstrip("\n").split("\n", 1)[0])
    rows = rows_of(text, delimiter)
    _, header = next(rows, (0, []))
    roles = _check_header([plain(cell) for cell in header])
    observations: list[Observation] = []
    questions: list[str] = []
    patients = set()
    n_unknown = 0
    for line, row in rows:
        cells = {role: row[index].strip() for role, index in roles.items()}
        patients.add(whose(cells))
        kind = find_kind(cells.get("code", ""), cells.get("name", ""))
        if kind is None:
            n_unknown += 1
            continue
        outcome = _observe(cells, kind, digest=digest, has_decimal_comma=delimiter != ",")
        if isinstance(outcome, str):
            questions.append(say("line {line}: {problem}", line=line, problem=outcome))
        else:
            observations.append(outcome)
    if n_unknown == 1:
        notices += (say("1 row names no test that is known here and was not used."),)
    elif n_unknown:
        notices += (
            say("{n} rows name no test that is known here and were not used.", n=n_unknown),
        )
    identity = identity_of(patients)
    patient = Patient(min(identity.patient_ids, default=None), identity.name, identity.birth_date)
    return ObservationsPart(tuple(observations), identity, patient, tuple(questions), notices)


def _check_header(header: list[str]) -> dict[str, int]:
    check_heading(header)
    roles = find_roles(header, _COLUMNS)
    missing: list[str] = [role for role in ("value", "unit") if role not in roles]
    if not {"code", "name"} & roles.keys():
        missing.insert(0, say("loinc or name"))
    # A unit may also stand behind each value, so its column alone is not missed.
    if missing and missing != ["unit"]:
        raise FileRefusedError(
            RefusalCode.MISSING_COLUMN,
            say("the table lacks a column for: {columns}", columns=joined(missing, ", ")),
            attribute=missing[0],
        )
    return roles


def _observe(
    cells: Mapping[str, str], kind: ObservationType, *, digest: str, has_decimal_comma: bool
) -> Observation | str:
    quantity = parse_quantity(cells["value"], has_decimal_comma=has_decimal_comma)
    if quantity is None:
        return say("{display} has a value that is not one number", display=kind.display)
    unit = cells.get("unit", "")
    if unit and quantity.unit and unit != quantity.unit:
        return say(
            "{display} has one unit in its value and another in its unit column",
            display=kind.display,
        )
    time, is_bad_time = _time(cells.get("time", ""))
    if is_bad_time:
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


def _time(text: str) -> tuple[datetime | None, bool]:
    """Return the wall-clock time and whether a time was given that can not be read."""
    if not text:
        return None, False
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None), False
    except ValueError:
        moment = parse_date(text)
        return moment, moment is None
