"""Where models are: any folder that holds a pack, or the name of one that is embedded."""

from pathlib import Path

from mmcore.errors import ConfigError

PACKS = Path(__file__).resolve().parent.parent / "assets" / "packs"


def find_pack(pack: Path) -> Path:
    """Return ``pack`` if it is a folder, else the embedded pack of that name.

    Raises ``ConfigError`` with the names of those that are there.
    """
    if pack.is_dir():
        return pack
    if len(pack.parts) == 1 and (PACKS / pack.name).is_dir():
        return PACKS / pack.name
    known = ", ".join(sorted(p.name for p in PACKS.iterdir())) if PACKS.is_dir() else "none"
    problem = f"{pack} is no folder and no embedded pack (there is: {known})"
    raise ConfigError(key="pack", problem=problem)
