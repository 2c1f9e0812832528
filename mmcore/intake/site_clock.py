"""The clock on the wall of the site: its time zone, and every stated time in it."""

import os
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mmcore.errors import ConfigError

TIME_ZONE = "CONSILIUM_TIME_ZONE"
"""Environment variable: the site's zone, such as "Europe/Berlin"; else that of the machine."""


def stated_zone() -> ZoneInfo | None:
    """Return the zone that the site has set, or ``None``.

    Raises ``ConfigError`` for a name that is none.
    """
    name = os.environ.get(TIME_ZONE, "").strip()
    return _zone_of(name) if name else None


@cache
def _zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            key=TIME_ZONE, problem="not the name of a time zone, such as Europe/Berlin"
        ) from error


def on_the_wall(at: datetime) -> datetime:
    """Return a time as the site's clock shows it; one without a zone as it stands."""
    if at.tzinfo is None:
        return at
    try:
        return at.astimezone(stated_zone())
    except (OverflowError, ValueError, OSError):  # the years 1 and 9999, which systems also write
        return at


def instant(at: datetime, *, fold: int = 0) -> datetime:
    """Return a time in UTC; one without a zone is taken by the site's clock.

    fold: which of the two hours is meant when the clock is put back.
    """
    zone = stated_zone()
    try:
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        at = at.replace(fold=fold)
        return (at if zone is None else at.replace(tzinfo=zone)).astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        return at.replace(tzinfo=UTC)


def wall(at: datetime) -> datetime:
    """Return a time by the site's clock, without a zone, to be compared with others."""
    return on_the_wall(at).replace(tzinfo=None)


def name_of_zone(at: datetime) -> str:
    """Return the site's zone by its name, or that of the machine by its offset at ``at``."""
    zone = stated_zone()
    if zone is not None:
        return zone.key
    try:
        offset = f"{at.replace(tzinfo=None).astimezone():%z}"
    except (OverflowError, ValueError, OSError):
        offset = "+0000"
    return f"UTC{offset[:3]}:{offset[3:5]}"
