"""Times as DICOM, HL7 version 2 and 3 write them: digits from the year down, cut off anywhere.

HL7 v2 DTM, v3 TS, DICOM DT: YYYY[MM[DD[HH[MM[SS[.S...]]]]]][+/-ZZZZ].
"""

import re
from datetime import tzinfo

from mmcore.intake.moments import Moment, moment_of, zone_of

_STAMP = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,9})?)?)?)?)?)?([+-]\d{4})?"
)


def parse_stamp(text: str, *, zone: tzinfo | None = None) -> Moment | None:
    """Return the moment that is stated; ``None`` where it is none.

    zone: holds where the stamp itself states none, as of a header for all that follows it.
    """
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        return None
    *parts, stated = match.groups()
    return moment_of(*parts, zone=zone_of(stated) if stated else zone)
