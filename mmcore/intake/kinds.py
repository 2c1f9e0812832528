"""Which known observation a code or a name means."""

import re

from mmcore.intake.table import plain
from mmcore.loinc import OBSERVATION_TYPES, ObservationType

_BY_NAME = {
    plain(name): kind
    for kind in OBSERVATION_TYPES.values()
    for name in (kind.display, *kind.aliases)
}


def find_kind(code: str, name: str) -> ObservationType | None:
    """Return the known observation; ``None`` for another LOINC code, whatever its name."""
    if code in OBSERVATION_TYPES:
        return OBSERVATION_TYPES[code]
    if re.fullmatch(r"\d{1,7}-\d", code):
        return None
    return _BY_NAME.get(plain(name)) or _BY_NAME.get(plain(code))
