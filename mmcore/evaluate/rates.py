"""Rates of yes and no, with exact intervals, and as Markdown."""

from collections.abc import Iterable, Mapping
from typing import Any

from scipy.stats import binomtest

Rate = dict[str, Any]


def rate(answers: Iterable[bool]) -> Rate:
    """Return value, low, high, count and cases of independent answers; None where there are none.

    low, high: the exact 95 % interval of Clopper and Pearson 1934.
    """
    given = list(answers)
    count, cases = sum(given), len(given)
    if not cases:
        return {"value": None, "low": None, "high": None, "count": 0, "cases": 0}
    interval = binomtest(count, cases).proportion_ci(method="exact")
    return {
        "value": round(count / cases, 6),
        "low": round(float(interval.low), 6),
        "high": round(float(interval.high), 6),
        "count": count,
        "cases": cases,
    }


def rates_markdown(rates: Mapping[str, Rate]) -> list[str]:
    """Return the lines of a table with one row per rate."""
    lines = ["| Figure | Rate | 95 % interval | Cases |", "|---|---|---|---|"]
    for name, found in rates.items():
        if found["value"] is None:
            lines.append(f"| {name} | | | 0 |")
            continue
        value, low, high = (f"{100 * found[key]:.1f} %" for key in ("value", "low", "high"))
        lines.append(
            f"| {name} | {value} | {low} to {high} | {found['count']} of {found['cases']} |"
        )
    return lines
