"""Times as HL7 version 2 and 3 write them: digits from the year down, cut off anywhere.

HL7 v2 DTM and v3 TS: YYYY[MM[DD[HH[MM[SS[.S...]]]]]][+/-ZZZZ].
"""

import re
from datetime import datetime

_STAMP = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,9})?)?)?)?([+-]\d{4})?"
)


def parse_stamp(text: str) -> datetime | None:
    """Return the wall-clock time where it was written, midnight if only the day is stated.

    ``None`` where not even the day is stated, or where it is none. The zone is dropped, as of all
    other sources: a hospital's files agree on the wall clock far more often than on zones.
    """
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        return datetime(year, month, day, hour, minute, min(second, 59))
    except ValueError:
        return None
