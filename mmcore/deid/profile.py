"""Table E.1-1 of DICOM PS3.15 (edition 2026c): what the basic profile does with each attribute.

``profile.csv`` holds the facts of the standard, one row per attribute: tag, value representation,
action, name. Actions (E.1.1): X remove, Z empty or dummy, D dummy, U new UID; "X/Z/D" leaves the
choice to the type that the object's definition gives the attribute. ``mmcore.deid.allowed`` goes
further than this table, which lists what is known to identify: there only what is known to be
harmless is kept. The table remains the check on it, and says why an attribute went.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

EDITION = "2026c"
_FILE = Path(__file__).with_name("profile.csv")


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute of the table. vr: "" where PS3.6 of our library does not know it yet."""

    vr: str
    action: str
    name: str


@cache
def rows() -> Mapping[str, Row]:
    """Return every row by its tag, eight hexadecimal digits; XX stands for any repeating group."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {
            line["tag"]: Row(line["vr"], line["action"], line["name"])
            for line in csv.DictReader(file)
        }


def row_of(tag: int) -> Row | None:
    """Return what the table says of a tag; ``None`` if it does not name it."""
    group, element = tag >> 16, tag & 0xFFFF
    if group & 0xFF00 == 0x5000:
        return rows()["50XXXXXX"]
    if group & 0xFF00 == 0x6000:
        return rows().get(f"60XX{element:04X}")
    return rows().get(f"{tag:08X}")
