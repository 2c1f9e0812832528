"""Where models are, and what tells one from another: known before anything heavy is loaded."""

import hashlib
from pathlib import Path

from mmcore.errors import ConfigError

FILES = (
    "pack.yaml", "model.safetensors", "calibration.json", "reference.npz", "card.yaml", "card.md",
)  # fmt: skip
TOKENIZER = "tokenizer.json"  # of packs that read notes
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


def digest_of(folder: Path) -> str:
    """Return the SHA-256 over name and content of every pack file that decides a result."""
    sha = hashlib.sha256()
    for name in sorted((*FILES, TOKENIZER)):
        if name not in ("card.yaml", "card.md") and (folder / name).is_file():
            sha.update(
                name.encode() + b"\0" + hashlib.sha256((folder / name).read_bytes()).digest()
            )
    return sha.hexdigest()
