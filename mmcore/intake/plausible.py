"""Values that can not be right, or not in the unit they are given in: the question to ask.

The common slips are a misplaced decimal point, mg/dL for mmol/L and the like, Fahrenheit for
Celsius, and ng/L for ug/L. A value in question is kept aside until somebody has said what it is;
it is never corrected here.
"""

from collections.abc import Iterator

from mmcore.intake.units import Quantity, to_canonical
from mmcore.language import Text, say
from mmcore.loinc import ObservationType

# How far from the reference range of health a suggested reading may lie and still be likely.
_LOW_SHARE, _HIGH_SHARE = 0.5, 3.0
# The high end of the source's own range, relative to ours, that a right unit gives.
_RANGE_FITS, _RANGE_IS_OFF = (0.6, 1.6), (0.3, 3.4)
# A unit a hundredfold larger than ours, beside a value far below what can be measured.
_FAR_UNIT, _BELOW_MEASURABLE = 100.0, 20.0


def question_of(
    kind: ObservationType,
    quantity: Quantity,
    value: float,
    reference: tuple[float | None, float | None],
) -> Text | None:
    """Return what must be asked before ``value`` is believed, or ``None``.

    value: in the canonical unit of ``kind``. reference: the source's range, in the given unit.
    """
    low, high = kind.plausible
    # A bound may lie outside what can be measured; a measured value may not.
    slack = 0.0 if quantity.comparator is None else 0.1 * (high - low)
    if not low - slack <= value <= high + slack:
        return _outside(kind, quantity, value)
    meant = _unit_of_range(kind, quantity, reference) or _unit_of_trace(kind, quantity, value)
    if meant is None:
        return None
    return say(
        "{display} of {value:g} {given} is doubtful; was {meant} meant?",
        display=kind.display,
        value=quantity.value,
        given=quantity.unit,
        meant=say("{value:g} {unit}", value=quantity.value, unit=meant),
    )


def _outside(kind: ObservationType, quantity: Quantity, value: float) -> Text:
    meant = next(_readings(kind, quantity), None)
    low, high = kind.plausible
    if meant is None:
        return say(
            "{display} of {value:g} {unit} is outside {low:g} to {high:g}; check value and unit",
            display=kind.display,
            value=value,
            unit=kind.unit,
            low=low,
            high=high,
        )
    return say(
        "{display} of {value:g} {unit} is outside {low:g} to {high:g}; was {meant} meant?",
        display=kind.display,
        value=value,
        unit=kind.unit,
        low=low,
        high=high,
        meant=meant,
    )


def _readings(kind: ObservationType, quantity: Quantity) -> Iterator[Text]:
    """Yield likely readings: the same number in another unit, then another decimal point."""
    own = to_canonical(kind, quantity.value, quantity.unit)
    for unit in (kind.unit, *kind.conversions):
        read = to_canonical(kind, quantity.value, unit)
        if read is not None and read != own and _is_likely(kind, read):
            yield say("{value:g} {unit}", value=quantity.value, unit=unit)
    for factor in (0.1, 10.0, 0.01, 100.0):
        read = to_canonical(kind, quantity.value * factor, quantity.unit)
        if read is not None and _is_likely(kind, read):
            yield say("{value:g} {unit}", value=quantity.value * factor, unit=quantity.unit)


def _is_likely(kind: ObservationType, value: float) -> bool:
    low, high = kind.reference
    is_near = _LOW_SHARE * low <= value <= _HIGH_SHARE * high
    return is_near and kind.plausible[0] <= value <= kind.plausible[1]


def _unit_of_range(
    kind: ObservationType, quantity: Quantity, reference: tuple[float | None, float | None]
) -> str | None:
    """Return the unit that the source's own reference range is in, if it is not the stated one."""
    end = reference[1]
    ours = kind.reference[1]
    stated = None if end is None else to_canonical(kind, end, quantity.unit)
    if end is None or stated is None or not stated > 0:
        return None
    if _RANGE_IS_OFF[0] <= stated / ours <= _RANGE_IS_OFF[1]:
        return None
    for unit in (kind.unit, *kind.conversions):
        read = to_canonical(kind, end, unit)
        if read is not None and _RANGE_FITS[0] <= read / ours <= _RANGE_FITS[1]:
            return unit
    return None


def _unit_of_trace(kind: ObservationType, quantity: Quantity, value: float) -> str | None:
    """Return the larger unit in which a value far below anything measurable would make sense."""
    if quantity.comparator is not None or not 0 < value < kind.reference[1] / _BELOW_MEASURABLE:
        return None
    return next((u for u, (factor, _) in kind.conversions.items() if factor >= _FAR_UNIT), None)
