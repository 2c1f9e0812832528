"""Which columns of a table of observations hold what: guessed, offered, and remembered.

Three shapes are read. Long: one row per value. Wide: one row per time and one column per test, with
the unit in the heading. Flowsheet: one row per test and one column per time.

A mapping names columns by their headings, so that it fits the next export of the same system too.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.kinds import find_kind
from mmcore.intake.table import PATIENT_COLUMNS, find_roles, plain
from mmcore.intake.table_times import DateOrder, date_order_of, read_time
from mmcore.intake.units import normalise_unit, parse_quantity
from mmcore.language import joined, say
from mmcore.loinc import OBSERVATION_TYPES

ROLES: Mapping[str, frozenset[str]] = {
    "code": frozenset({"loinc", "code", "loinc_code", "loinc_num", "component_loinc_code",
                       "test_code"}),
    "name": frozenset({"name", "test", "test_name", "analyte", "observation", "display", "lab",
                       "parameter", "vital", "label", "item", "component", "component_name",
                       "lab_name", "measure", "measurement_name", "description"}),
    "value": frozenset({"value", "result", "result_value", "valuenum", "measurement", "ord_value",
                        "result_val", "numeric_result", "test_result", "lab_result",
                        "observation_value"}),
    "unit": frozenset({"unit", "units", "uom", "valueuom", "unit_of_measure", "reference_unit",
                       "result_unit", "result_units"}),
    "time": frozenset({"time", "datetime", "date", "timestamp", "charttime", "collected",
                       "collected_at", "effective", "observed_at", "collection_time", "date_time",
                       "specimen_taken_time", "collection_date", "result_time", "result_date",
                       "taken_at", "recorded_at", "recorded_time", "observation_time"}),
    "low": frozenset({"low", "reference_low", "ref_low", "ref_range_lower", "lower", "normal_low"}),
    "high": frozenset({"high", "reference_high", "ref_high", "ref_range_upper", "upper",
                       "normal_high"}),
    **PATIENT_COLUMNS,
}  # fmt: skip
"""What a column may hold, and the headings (free of case and punctuation) that say so."""

SAMPLE_ROWS = 200

_HEADING = re.compile(
    r"(?P<name>[^(\[{,/]{1,60}?)\s*(?:[(\[{](?P<boxed>.{1,20})[)\]}]|[,_\s]\s*(?P<bare>\S{1,12}))?"
)


class Shape(StrEnum):
    """How values lie in a table."""

    LONG = "long"
    WIDE = "wide"
    FLOWSHEET = "flowsheet"


@dataclass(frozen=True, slots=True)
class TestColumn:
    """A column that holds one test. unit: as the heading states it, "" if it does not."""

    __test__ = False  # not one of pytest's

    heading: str
    loinc: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What the columns of a table hold, by their headings as they stand.

    roles: role (of ``ROLES``) -> heading. tests: of a wide table. times: headings of a flowsheet
        that are times. date_order: how dates like 03/04/2024 are meant; ``None`` where none are.
    """

    shape: Shape = Shape.LONG
    roles: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[TestColumn, ...] = ()
    times: tuple[str, ...] = ()
    date_order: DateOrder | None = None

    def as_document(self) -> dict[str, Any]:
        """Return the mapping as plain values, to be stored as JSON."""
        return {
            "shape": str(self.shape),
            "roles": dict(self.roles),
            "tests": [[t.heading, t.loinc, t.unit] for t in self.tests],
            "times": list(self.times),
            "date_order": None if self.date_order is None else str(self.date_order),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ColumnMapping":
        """Return what ``as_document`` gave. Raises ``ValueError`` for anything else."""
        try:
            order = document["date_order"]
            mapping = cls(
                Shape(document["shape"]),
                {str(role): str(heading) for role, heading in document["roles"].items()},
                tuple(TestColumn(str(a), str(b), str(c)) for a, b, c in document["tests"]),
                tuple(str(heading) for heading in document["times"]),
                None if order is None else DateOrder(order),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is no column mapping") from error
        if not set(mapping.roles) <= set(ROLES) or any(
            test.loinc not in OBSERVATION_TYPES for test in mapping.tests
        ):
            raise ValueError("the column mapping names a role or a test that is not known")
        return mapping

    def missing(self) -> list[str]:
        """Return what this mapping lacks to read a table of its shape; empty if nothing."""
        if self.shape is Shape.WIDE:
            return [] if self.tests else [say("a test")]
        has_name = bool({"code", "name"} & self.roles.keys())
        lacking: list[str] = [] if has_name else [say("loinc or name")]
        if self.shape is Shape.LONG and "value" not in self.roles:
            # A unit may also stand behind each value, so its column alone is not missed.
            lacking += ["value"] if "unit" in self.roles else ["value", "unit"]
        if self.shape is Shape.FLOWSHEET and not self.times:
            lacking.append("time")
        return lacking

    def places(self, header: Sequence[str]) -> dict[str, int]:
        """Return where each mapped heading stands.

        Raises ``FileRefusedError`` (MISSING_COLUMN) if one is not there.
        """
        places = {_key(cell): index for index, cell in reversed(list(enumerate(header)))}
        wanted = [*self.roles.values(), *(t.heading for t in self.tests), *self.times]
        lacking = [heading for heading in wanted if _key(heading) not in places]
        if lacking or (needed := self.missing()):
            raise FileRefusedError(
                RefusalCode.MISSING_COLUMN,
                say("{count} columns of the mapping are not in the table", count=len(lacking))
                if lacking
                else say("the table lacks a column for: {columns}", columns=joined(needed, ", ")),
                attribute="" if lacking else needed[0],
            )
        return {heading: places[_key(heading)] for heading in wanted}


def _key(heading: str) -> str:
    return heading.strip().casefold()


Mappings = Mapping[str, ColumnMapping]
"""By ``headings_key``: how a person said that tables with these headings are to be read."""


def headings_key(header: Sequence[str]) -> str:
    """Return what tables with the same headings share, in whatever order; SHA-256 in hex."""
    named = sorted({_key(cell) for cell in header} - {""})
    return hashlib.sha256("\x1f".join(named).encode()).hexdigest()


def guess_mapping(header: Sequence[str], rows: Sequence[Sequence[str]]) -> ColumnMapping:
    """Return the mapping that headings and the first rows suggest; ``missing()`` says its gaps.

    A column is taken by its heading if that is known, else by its cells if it is the only one whose
    cells fit. What fits two columns is left open rather than guessed.
    """
    named = find_roles([plain(cell) for cell in header], ROLES)
    columns = [[row[i].strip() for row in rows[:SAMPLE_ROWS]] for i in range(len(header))]
    time = named.get("time")
    dated = columns if time is None else [columns[time]]
    order = date_order_of(cell for column in dated for cell in column)
    flowsheet = _flowsheet(header, named, columns, order)
    if flowsheet is not None:
        return flowsheet
    tests = _tests(header, set(named.values()))
    if tests and "value" not in named:
        roles = {r: header[i].strip() for r, i in named.items() if r in ("time", *PATIENT_COLUMNS)}
        return ColumnMapping(Shape.WIDE, roles, tests, date_order=order)
    _add_by_content(named, columns, order)
    roles = {role: header[index].strip() for role, index in named.items()}
    return ColumnMapping(Shape.LONG, roles, date_order=order)


def _tests(header: Sequence[str], taken: set[int]) -> tuple[TestColumn, ...]:
    found = []
    for index, heading in enumerate(header):
        test = None if index in taken else _test_of(heading.strip())
        if test is not None:
            found.append(test)
    loincs = [test.loinc for test in found]
    # Two columns for one test, such as two methods, are for a person to tell apart.
    return tuple(test for test in found if loincs.count(test.loinc) == 1)


def _test_of(heading: str) -> TestColumn | None:
    """Return the test that a heading names, such as "K (mmol/L)", "Hb g/dL" or "CRP"."""
    kind = find_kind(heading, heading)
    if kind is not None:
        return TestColumn(heading, kind.loinc)
    match = _HEADING.fullmatch(heading)
    if match is None:
        return None
    unit = (match["boxed"] or match["bare"] or "").strip()
    kind = find_kind(match["name"].strip(), match["name"])
    if kind is None or (match["bare"] and normalise_unit(unit) is None):
        return None
    return TestColumn(heading, kind.loinc, unit)


def _flowsheet(
    header: Sequence[str],
    named: Mapping[str, int],
    columns: Sequence[Sequence[str]],
    order: DateOrder | None,
) -> ColumnMapping | None:
    order = date_order_of(header) or order
    times = [cell.strip() for cell in header if cell.strip() and read_time(cell.strip(), order)]
    if not times or "value" in named:
        return None
    roles = {r: header[i].strip() for r, i in named.items() if r in ("code", "name", "unit")}
    if not {"code", "name"} & roles.keys():
        fitting = [i for i, cells in enumerate(columns) if _share(cells, _is_test) >= 0.5]
        if len(fitting) != 1 or not header[fitting[0]].strip():
            return None
        roles["name"] = header[fitting[0]].strip()
    if "unit" not in roles:
        units = [i for i, cells in enumerate(columns) if _share(cells, _is_unit) >= 0.6]
        if len(units) == 1 and header[units[0]].strip():
            roles["unit"] = header[units[0]].strip()
    return ColumnMapping(Shape.FLOWSHEET, roles, times=tuple(times), date_order=order)


def _add_by_content(
    named: dict[str, int], columns: Sequence[Sequence[str]], order: DateOrder | None
) -> None:
    """Add the roles that exactly one column without a known heading fits."""
    tests = {
        "code": lambda cell: bool(re.fullmatch(r"\d{1,7}-\d", cell)),
        "name": _is_test,
        "unit": _is_unit,
        "time": lambda cell: read_time(cell, order) is not None,
        "value": lambda cell: parse_quantity(cell, has_decimal_comma=True) is not None,
    }
    for role, fits in tests.items():
        if role in named or (role == "name" and "code" in named):
            continue
        free = [i for i in range(len(columns)) if i not in named.values()]
        fitting = [i for i in free if _share(columns[i], fits) >= 0.6]
        if len(fitting) == 1:
            named[role] = fitting[0]


def _share(cells: Sequence[str], fits: Any) -> float:
    filled = [cell for cell in cells if cell]
    return sum(map(bool, map(fits, filled))) / len(filled) if filled else 0.0


def _is_test(cell: str) -> bool:
    return find_kind(cell, cell) is not None


def _is_unit(cell: str) -> bool:
    return normalise_unit(cell) is not None and not re.fullmatch(r"[\d.,]+", cell)
