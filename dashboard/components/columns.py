"""What the columns of a table hold, said by a person: first rows, a choice for each role."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import columns, keeping, messages, services
from dashboard.columns import Table
from dashboard.components.waiting import error_state
from dashboard.language import say, t
from dashboard.markup import element, for_label, show, table
from dashboard.state import CaseWork
from mmcore.errors import StoreError
from mmcore.loinc import OBSERVATION_TYPES

if TYPE_CHECKING:
    from mmcore.intake.columns import ColumnMapping, TestColumn

_SHOWN_ROWS, _MOST_TESTS = 5, 60
_SHAPES = {
    "long": say("One row per value"),
    "wide": say("One column per test"),
    "flowsheet": say("One column per time"),
}
_ROLES = {
    "code": say("Test, as LOINC code"),
    "name": say("Test, by its name"),
    "value": say("Value"),
    "unit": say("Unit"),
    "time": say("Time"),
    "low": say("Reference range, lower end"),
    "high": say("Reference range, upper end"),
    "patient_id": say("Record number of the patient"),
    "patient_name": say("Name of the patient"),
    "birth_date": say("Date of birth"),
}
_PATIENT = ("patient_id", "patient_name", "birth_date")
_ROLES_OF: Mapping[str, tuple[str, ...]] = {
    "long": tuple(_ROLES),
    "wide": ("time", *_PATIENT),
    "flowsheet": ("code", "name", "unit"),
}
_ORDERS = {
    "": say("no such dates"),
    "day first": say("day first: 3 April"),
    "month first": say("month first: 4 March"),
}
_LACKS = {
    "value": say("a value"),
    "unit": say("a unit"),
    "time": say("a time"),
    "loinc or name": say("the test, by code or name"),
    "a test": say("at least one test"),
}


def tables_to_name(work: CaseWork) -> None:
    """Draw each table whose columns are not understood, or were named, with what can be said."""
    try:
        found = columns.tables(work)
        for one in found:
            _form(work, one)
    except StoreError as error:
        error_state(messages.of_error(error))


def _form(work: CaseWork, one: Table) -> None:
    key = f"columns-{one.file.digest[:16]}"
    title = (
        t("The columns of {name}, as you said", name=for_label(one.file.name))
        if one.is_chosen
        else t("Say what the columns of {name} hold", name=for_label(one.file.name))
    )
    with st.expander(title, expanded=not one.is_chosen, key=f"co-{key}"):
        _first_rows(one)
        said = _asked(one, key)
        lacking = [t(_LACKS.get(str(what), str(what))) for what in said.missing()]
        if lacking:
            words = t("Still to be said: {what}.", what=t(", ").join(lacking))
            show(element("p", words, cls="co-muted", role="status", data_testid="columns-lacking"))
        with st.container(horizontal=True):
            st.button(
                t("Read it with this mapping"), key=f"{key}-read", type="primary",
                disabled=bool(lacking), on_click=_read, args=(work, one, said),
            )  # fmt: skip
            if one.is_chosen:
                st.button(
                    t("Forget it and guess again"), key=f"{key}-forget", on_click=_forget,
                    args=(work, one),
                )  # fmt: skip
        words = t("Tables with the same headings are then read so without asking.")
        show(element("p", words, cls="co-muted"))


def _first_rows(one: Table) -> None:
    rows = one.rows[:_SHOWN_ROWS]
    drawn = table(one.header, rows, caption=t("Headings and first rows"), cls="co-columns")
    label = t("Headings and first rows")
    show(element("div", drawn, cls="co-scrolled", tabindex="0", role="region", aria_label=label))


def _asked(one: Table, key: str) -> "ColumnMapping":
    """Draw the choices, filled with what is guessed; return what they say now."""
    from mmcore.intake.columns import ColumnMapping, Shape
    from mmcore.intake.table_times import DateOrder

    guess = one.mapping
    shape = st.segmented_control(
        t("How values lie in the table"), list(_SHAPES), default=str(guess.shape), required=True,
        format_func=lambda name: t(_SHAPES[name]), key=f"{key}-shape",
    ) or str(guess.shape)  # fmt: skip
    headings = list(dict.fromkeys(cell.strip() for cell in one.header if cell.strip()))
    roles = _roles(headings, guess.roles, _ROLES_OF[shape], key=f"{key}-{shape}")
    orders = list(_ORDERS)
    order = st.selectbox(
        t("Dates like 03/04/2024"), orders, index=orders.index(str(guess.date_order or "")),
        format_func=lambda name: t(_ORDERS[name]), key=f"{key}-order",
    )  # fmt: skip
    said = ColumnMapping(
        Shape(shape), roles, date_order=DateOrder(order) if order else None
    )  # fmt: skip
    free = [heading for heading in headings if heading not in roles.values()]
    if shape == "wide":
        return replace(said, tests=_tests(free, guess.tests, key))
    if shape == "flowsheet":
        times = st.multiselect(
            t("Columns that are times"), free, key=f"{key}-times",
            default=[heading for heading in guess.times if heading in free],
            placeholder=t("Choose columns"),
        )  # fmt: skip
        return replace(said, times=tuple(times))
    return said


def _roles(
    headings: Sequence[str], guess: Mapping[str, str], roles: Sequence[str], *, key: str
) -> dict[str, str]:
    options = ["", *headings]
    said = {}
    cells = st.columns(3, gap="small")
    for number, role in enumerate(roles):
        held = guess.get(role, "")
        with cells[number % 3]:
            chosen = st.selectbox(
                t(_ROLES[role]), options, index=options.index(held) if held in options else 0,
                format_func=lambda heading: heading or t("no column"), key=f"{key}-{role}",
            )  # fmt: skip
        if chosen:
            said[role] = chosen
    return said


def _tests(
    headings: Sequence[str], guess: Sequence["TestColumn"], key: str
) -> tuple["TestColumn", ...]:
    from mmcore.intake.columns import TestColumn

    known = {test.heading: test for test in guess}
    options = ["", *OBSERVATION_TYPES]
    said = []
    for number, heading in enumerate(headings[:_MOST_TESTS]):
        held = known.get(heading)
        which, unit = st.columns([2, 1], gap="small")
        loinc = which.selectbox(
            t("Column “{heading}”", heading=for_label(heading)), options,
            index=options.index(held.loinc) if held else 0, key=f"{key}-test-{number}",
            format_func=lambda code: t(OBSERVATION_TYPES[code].display) if code else t("no test"),
        )  # fmt: skip
        written = unit.text_input(
            t("Unit of “{heading}”", heading=for_label(heading)), value=held.unit if held else "",
            max_chars=30, key=f"{key}-unit-{number}",
        )  # fmt: skip
        if loinc:
            said.append(TestColumn(heading, loinc, written.strip()))
    return tuple(said)


def _read(work: CaseWork, one: Table, said: "ColumnMapping") -> None:
    columns.remember(one.header, said)
    services.read_files(keeping.files_of(work), work.label, work.pack_name, completes=work)


def _forget(work: CaseWork, one: Table) -> None:
    columns.forget(one.header)
    services.read_files(keeping.files_of(work), work.label, work.pack_name, completes=work)
