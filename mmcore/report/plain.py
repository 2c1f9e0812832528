"""Plain JSON values of a result document; a number that is not finite is refused."""

import math
from datetime import date

from mmcore.errors import NonFiniteResultError


def number(value: float, what: str) -> float:
    """Return a finite number. Raises ``NonFiniteResultError``, which says what it is of."""
    plain = float(value)
    if not math.isfinite(plain):
        raise NonFiniteResultError(what=what)
    return plain


def maybe(value: float | None, what: str) -> float | None:
    """Return a finite number, or None where there is none."""
    return None if value is None else number(value, what)


def pair(values: tuple[float, float], what: str) -> list[float]:
    """Return two finite numbers."""
    return [number(value, what) for value in values]


def iso(moment: date | None) -> str | None:
    """Return a day or a time in ISO 8601, or None where it is not known."""
    return None if moment is None else moment.isoformat()
