"""Observations from a table: every cell is text until it is read strictly by us.

pandas shifts ragged rows silently, eats the leading zeros of record numbers and takes the name
"NA" for a missing one, so the csv module splits and nothing else interprets.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.note import parse_date
from mmcore.intake.parts import Identity, ObservationsPart
from mmcore.intake.quantities import make_observation
from mmcore.intake.text import decode_text
from mmcore.intake.units import Quantity, parse_quantity
from mmcore.loinc import OBSERVATION_TYPES, ObservationType
from mmcore.records import Observation, Patient

MAX_COLUMNS = 200
MAX_ROWS = 100_000
MAX_LINE_CHARACTERS = 65_536

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
    "patient_id": frozenset({"patient_id", "mrn", "patient", "subject_id", "pid", "record_number"}),
    "patient_name": frozenset({"patient_name"}),
    "birth_date": frozenset({"birth_date", "dob", "date_of_birth"}),
}  # fmt: skip
_DELIMITERS = (",", ";", "\t")


def looks_like_table(text: str, *, name: str) -> bool:
    """Whether plain text is a table; a name ending in csv or tsv decides where it could be both."""
    first = next((line for line in text[:MAX_LINE_CHARACTERS].split("\n") if line.strip()), "")
    if not any(delimiter in first for delimiter in _DELIMITERS):
        return False
    if name.lower().endswith((".csv", ".tsv")):
        return True
    roles = _roles([_plain(cell) for cell in first.split(_delimiter(first))])
    return "value" in roles and bool({"code", "name"} & roles.keys())


def read_table(data: bytes, *, digest: str) -> ObservationsPart:
    """Return the observations of a table with a header row.

    A row that can not be used becomes a question with its line number.

    Raises ``FileRefusedError`` with TOO_LARGE, BAD_TEXT, RAGGED_ROW, DUPLICATE_KEY,
    MISSING_COLUMN or PATIENT_MISMATCH.
    """
    text, notices = decode_text(data)
    delimiter = _delimiter(text.lstrip("\n").split("\n", 1)[0])
    rows = _rows(text, delimiter)
    _, header = next(rows, (0, []))
    roles = _check_header([_plain(cell) for cell in header])
    observations: list[Observation] = []
    questions: list[str] = []
    patients = set()
    n_unknown = 0
    for line, row in rows:
        cells = {role: row[index].strip() for role, index in roles.items()}
        patients.add(
            tuple(cells.get(key, "") for key in ("patient_id", "patient_name", "birth_date"))
        )
        kind = _kind(cells)
        if kind is None:
            n_unknown += 1
            continue
        outcome = _observe(cells, kind, digest=digest, has_decimal_comma=delimiter != ",")
        if isinstance(outcome, str):
            questions.append(f"line {line}: {outcome}")
        else:
            observations.append(outcome)
    if n_unknown:
        rows_name, were = ("row names", "was") if n_unknown == 1 else ("rows name", "were")
        notices += (f"{n_unknown} {rows_name} no test that is known here and {were} not used.",)
    identity = _identity(patients)
    patient = Patient(min(identity.patient_ids, default=None), identity.name, identity.birth_date)
    return ObservationsPart(tuple(observations), identity, patient, tuple(questions), notices)


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)


def _plain(cell: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")


def _roles(header: list[str]) -> dict[str, int]:
    """Return which column plays which role; the first that fits wins."""
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        for role, names in _COLUMNS.items():
            if cell in names:
                found.setdefault(role, index)
    return found


def _check_header(header: list[str]) -> dict[str, int]:
    if len(header) > MAX_COLUMNS:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE, f"the table has more than {MAX_COLUMNS} columns"
        )
    named = [cell for cell in header if cell]
    if len(set(named)) < len(named):
        raise FileRefusedError(RefusalCode.DUPLICATE_KEY, "two columns have the same heading")
    roles = _roles(header)
    missing = [role for role in ("value", "unit") if role not in roles]
    if not {"code", "name"} & roles.keys():
        missing.insert(0, "loinc or name")
    # A unit may also stand behind each value, so its column alone is not missed.
    if missing and missing != ["unit"]:
        raise FileRefusedError(
            RefusalCode.MISSING_COLUMN,
            f"the table lacks a column for: {', '.join(missing)}",
            attribute=missing[0],
        )
    return roles


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells), header first; refuse rows of another width."""
    lines = text.split("\n")
    if any(len(line) > MAX_LINE_CHARACTERS for line in lines):
        raise FileRefusedError(
            RefusalCode.TOO_LARGE, f"a line has more than {MAX_LINE_CHARACTERS:,} characters"
        )
    reader = csv.reader(iter(f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    width = 0
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            width = width or len(row)
            if len(row) != width:
                raise FileRefusedError(
                    RefusalCode.RAGGED_ROW,
                    f"line {reader.line_num} has {len(row)} cells; the heading has {width}",
                )
            if reader.line_num > MAX_ROWS:
                raise FileRefusedError(
                    RefusalCode.TOO_LARGE, f"the table has more than {MAX_ROWS:,} rows"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise FileRefusedError(
            RefusalCode.BAD_TEXT, f"line {reader.line_num}: the quotes of a cell do not close"
        ) from error


def _kind(cells: Mapping[str, str]) -> ObservationType | None:
    code = cells.get("code", "")
    if code in OBSERVATION_TYPES:
        return OBSERVATION_TYPES[code]
    return (
        None
        if re.fullmatch(r"\d{1,7}-\d", code)
        else _BY_NAME.get(_plain(cells.get("name", "")) or _plain(code))
    )


_BY_NAME = {
    _plain(name): kind
    for kind in OBSERVATION_TYPES.values()
    for name in (kind.display, *kind.aliases)
}


def _observe(
    cells: Mapping[str, str], kind: ObservationType, *, digest: str, has_decimal_comma: bool
) -> Observation | str:
    quantity = parse_quantity(cells["value"], has_decimal_comma=has_decimal_comma)
    if quantity is None:
        return f"{kind.display} has a value that is not one number"
    unit = cells.get("unit", "")
    if unit and quantity.unit and unit != quantity.unit:
        return f"{kind.display} has one unit in its value and another in its unit column"
    time, is_bad_time = _time(cells.get("time", ""))
    if is_bad_time:
        return f"{kind.display} has a time that can not be read; ISO 8601 was expected"
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


def _identity(patients: set[tuple[str, ...]]) -> Identity:
    columns = [{row[index] for row in patients if row[index]} for index in range(3)]
    if any(len(column) > 1 for column in columns):
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH, "the rows of the table are about different patients"
        )
    ids, names, births = columns
    moment = parse_date(min(births, default=""))
    return Identity(frozenset(ids), min(names, default=None), moment.date() if moment else None)
