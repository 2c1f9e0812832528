"""Tables as text: rows of equal width under a heading, every cell exactly as it stands."""

import csv
import re
from collections.abc import Iterator, Mapping

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.note import parse_date
from mmcore.intake.parts import Identity
from mmcore.language import say

MAX_COLUMNS = 200
MAX_ROWS = 100_000
MAX_LINE_CHARACTERS = 65_536
DELIMITERS = (",", ";", "\t")

PATIENT_COLUMNS: Mapping[str, frozenset[str]] = {
    "patient_id": frozenset({"patient_id", "mrn", "patient", "subject_id", "pid", "record_number"}),
    "patient_name": frozenset({"patient_name"}),
    "birth_date": frozenset({"birth_date", "dob", "date_of_birth"}),
}


def first_line(text: str) -> str:
    """Return the first line that is not blank, of the part that could be a heading."""
    return next((line for line in text[:MAX_LINE_CHARACTERS].split("\n") if line.strip()), "")


def delimiter_of(line: str) -> str:
    """Return the delimiter that a heading uses most."""
    return max(DELIMITERS, key=line.count)


def plain(cell: str) -> str:
    """Return a heading or a word free of case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")


def find_roles(header: list[str], columns: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return which column of a plain heading plays which role; the first that fits wins."""
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        for role, names in columns.items():
            if cell in names:
                found.setdefault(role, index)
    return found


def check_heading(header: list[str]) -> None:
    """Refuse a plain heading that is too wide or names a column twice."""
    if len(header) > MAX_COLUMNS:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE,
            say("the table has more than {max_columns} columns", max_columns=MAX_COLUMNS),
        )
    named = [cell for cell in header if cell]
    if len(set(named)) < len(named):
        raise FileRefusedError(RefusalCode.DUPLICATE_KEY, say("two columns have the same heading"))


def rows_of(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells), heading first; refuse rows of another width."""
    lines = text.split("\n")
    if any(len(line) > MAX_LINE_CHARACTERS for line in lines):
        raise FileRefusedError(
            RefusalCode.TOO_LARGE,
            say(
                "a line has more than {max_line_characters:,} characters",
                max_line_characters=MAX_LINE_CHARACTERS,
            ),
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
                    say(
                        "line {line} has {cells} cells; the heading has {width}",
                        line=reader.line_num,
                        cells=len(row),
                        width=width,
                    ),
                )
            if reader.line_num > MAX_ROWS:
                raise FileRefusedError(
                    RefusalCode.TOO_LARGE,
                    say("the table has more than {max_rows:,} rows", max_rows=MAX_ROWS),
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise FileRefusedError(
            RefusalCode.BAD_TEXT,
            say("line {line}: the quotes of a cell do not close", line=reader.line_num),
        ) from error


def whose(cells: Mapping[str, str]) -> tuple[str, ...]:
    """Return what one row says of its patient, for ``identity_of``."""
    return tuple(cells.get(key, "") for key in PATIENT_COLUMNS)


def identity_of(patients: set[tuple[str, ...]]) -> Identity:
    """Return the one patient of all rows. Raises ``FileRefusedError`` (PATIENT_MISMATCH)."""
    columns = [{row[index] for row in patients if row[index]} for index in range(3)]
    if any(len(column) > 1 for column in columns):
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH, say("the rows of the table are about different patients")
        )
    ids, names, births = columns
    birth_date = parse_date(min(births, default=""))
    return Identity(frozenset(ids), min(names, default=None), birth_date)
