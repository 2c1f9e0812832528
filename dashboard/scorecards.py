"""The scorecards that are installed: what the bench measured of a pack, as plain values."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "bench"
SCHEMA = "consilium.bench/1"


def scorecard(pack_name: str) -> Mapping[str, Any] | None:
    """Return the scorecard of the pack of that name, or None without one of this schema.

    Raises ``OSError`` or ``ValueError`` if the file is damaged.
    """
    path = FOLDER / f"{pack_name}.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text("utf-8"))
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None
