"""Labs and vitals: one row per code with its range, its course, and what either moved."""

from collections.abc import Callable, Sequence
from datetime import datetime

from dashboard import evidence, formatting, theme
from dashboard.components.evidence import bar, withheld
from dashboard.evidence import ObservationRow
from dashboard.language import ours, say, t
from dashboard.markup import Markup, element, join, picture, show
from mmcore.courses import Course
from mmcore.records import Case, Observation, Parts

_MARKS = {
    "high": say("▲ high"),
    "low": say("▼ low"),
    "in range": say("✓ in range"),
}
_WIDTH, _HEIGHT, _EDGE = 92, 26, 4  # pixels of a course's drawing, and of the border inside it


def observations_view(case: Case, parts: Parts | None, *, scale: str) -> None:
    """Draw one row per code; without parts that passed, the values alone."""
    if not case.observations:
        show(element("p", t("The case holds no labs or vitals."), cls="co-muted"))
        return
    if parts is not None and not parts.passed:
        withheld(parts)
    is_explained = parts is not None and parts.passed
    items = parts.items if parts is not None and is_explained else ()
    rows = evidence.of_observations(case.observations, items)
    moved = [abs(row.value or 0.0) for row in rows]
    moved += [abs(row.trend.signed) for row in rows if row.trend is not None]
    strongest = max(evidence.FULL_STRENGTH_FROM, *moved)
    has_course = any(row.course.earlier for row in rows)
    columns = [
        (t("Observation"), _name, True),
        (t("Latest value"), _latest, True),
        (t("Reference range"), _range, True),
        (t("Over time"), _course, has_course),
        (
            t("Value moved it by ({scale})", scale=scale),
            lambda row: bar(row.value, strongest),
            is_explained,
        ),
        (
            t("Its course moved it by ({scale})", scale=scale),
            lambda row: _trend(row, strongest),
            any(row.trend is not None for row in rows),
        ),
    ]
    shown: list[tuple[str, Callable[[ObservationRow], Markup]]] = [
        (header, draw) for header, draw, is_shown in columns if is_shown
    ]
    words = t("Labs and vitals, one row per test, with their contributions")
    show(
        element(
            "table",
            element("caption", words, cls="co-hidden"),
            element("thead", element("tr", *(element("th", h, scope="col") for h, _ in shown))),
            element("tbody", *(_row(row, [draw for _, draw in shown]) for row in rows)),
            cls="co-table co-observations",
            data_testid="observations-table",
        )
    )


def _row(row: ObservationRow, draws: Sequence[Callable[[ObservationRow], Markup]]) -> Markup:
    name, *cells = (draw(row) for draw in draws)
    return element(
        "tr",
        element("th", name, scope="row"),
        *(element("td", cell) for cell in cells),
        data_testid=f"observation-{row.course.latest.loinc}",
    )


def _name(row: ObservationRow) -> Markup:
    return join(ours(row.course.latest.display))


def _latest(row: ObservationRow) -> Markup:
    latest = row.course.latest
    unit, taken = formatting.unit(latest.unit), formatting.clock(latest.time, latest.precision)
    return join(element("b", _value(latest)), " ", unit, element("small", taken))


def _value(observation: Observation) -> str:
    return f"{observation.comparator or ''}{formatting.number(observation.value)}"


def _range(row: ObservationRow) -> Markup:
    """Return the range, and by sign, word and colour where the value lies in it."""
    observation = row.course.latest
    low, high = observation.reference_low, observation.reference_high
    if low is None and high is None:
        return element("span", t("not stated"), cls="co-muted")
    if low is not None and high is not None:
        words = t("{low} to {high}", low=formatting.number(low), high=formatting.number(high))
    elif high is not None:
        words = f"≤ {formatting.number(high)}"
    else:
        words = f"≥ {formatting.number(low or 0.0)}"
    found = evidence.range_mark(observation)
    if not found:
        return join(words, " ")
    return join(
        words, " ", element("span", t(_MARKS[found]), cls=f"co-flag {found.partition(' ')[0]}")
    )


def _trend(row: ObservationRow, strongest: float) -> Markup:
    """Return what the course moved, and how it ran."""
    if row.trend is None:
        return element("span", t("none read"), cls="co-muted")
    words = ours(row.trend.what)  # the item's own, less the name that the row begins with
    name = ours(row.course.latest.display)
    if words.startswith(name):
        words = words.removeprefix(name).lstrip(",\uff0c ")
    return join(bar(row.trend.signed, strongest), element("small", words))


def _course(row: ObservationRow) -> Markup:
    course = row.course
    undated = len(course.undated)
    more = element("small", t("and {n} without a time", n=undated)) if undated else ""
    if not course.earlier:
        none = t("no earlier value")
        return join(element("span", "—", cls="co-muted", aria_label=none), more)
    value, count = _value(course.earlier[-1]), len(course.earlier)  # the last one, as in the PDF
    told = t("was {value}, {n} earlier", value=value, n=count)
    if count == 1:
        told = t("was {value}", value=value)
    return join(_drawing(course), element("small", told), more)


def _drawing(course: Course) -> Markup:
    """Return the values as a line over time, over their reference range as a band.

    The scale holds the whole range, so that a small change does not look like a large one.
    """
    look = theme.colors()
    values = [o.value for o in course.values]
    bottom, top = course.latest.reference_low, course.latest.reference_high
    shown = [*values, *(bound for bound in (bottom, top) if bound is not None)]
    low, high = min(shown), max(shown)
    span = high - low or max(abs(high), 1.0)

    def down(value: float) -> float:
        middle = (low + high) / 2
        return _HEIGHT / 2 - (value - middle) / span * (_HEIGHT - 2 * _EDGE)

    points = list(zip(_across(course.values), map(down, values), strict=True))
    pieces: list[Markup] = []
    if (bottom, top) != (None, None):  # a range without one bound reaches the border
        above = 0.0 if top is None else down(top)
        below = float(_HEIGHT) if bottom is None else down(bottom)
        pieces.append(
            element(
                "rect", x=0, y=f"{above:.1f}", width=_WIDTH, height=f"{below - above:.1f}",
                fill=look.border,
            )
        )  # fmt: skip
    pieces.append(
        element(
            "polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), fill="none",
            stroke=look.muted, stroke_width="1.5",
        )
    )  # fmt: skip
    for index, (x, y) in enumerate(points):
        is_latest = index == len(points) - 1
        pieces.append(
            element(
                "circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=3 if is_latest else "1.8",
                fill=look.text if is_latest else look.muted,
            )
        )  # fmt: skip
    return picture(join(*pieces), alt=_aloud(course), width=_WIDTH, height=_HEIGHT)


def _across(values: Sequence[Observation]) -> list[float]:
    """Return the horizontal place of each value, by its time."""
    moments = [(o.time or datetime.min).replace(tzinfo=None) for o in values]  # all have one
    whole = (moments[-1] - moments[0]).total_seconds()
    room = _WIDTH - 2 * _EDGE
    if not whole:
        return [_EDGE + room * n / (len(values) - 1) for n in range(len(values))]
    return [_EDGE + room * (m - moments[0]).total_seconds() / whole for m in moments]


def _aloud(course: Course) -> str:
    """Return every value with its time, for who does not see the drawing."""
    unit = formatting.unit(course.latest.unit)
    told = [
        t(
            "{value} {unit}, {time}",
            value=_value(o),
            unit=unit,
            time=formatting.clock(o.time, o.precision),
        )
        for o in course.values
    ]
    return t(
        "{display} over time: {told}",
        display=ours(course.latest.display), told=t("; ").join(told),
    )  # fmt: skip
