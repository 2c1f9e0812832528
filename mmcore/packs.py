"""Where models are, and what tells one from another: known before anything heavy is loaded."""

import hashlib
from pathlib import Path

import yaml

from mmcore.errors import ConfigError, PackIntegrityError
from mmcore.records import PackIdentity

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


def identity_of(folder: Path) -> PackIdentity:
    """Return what a pack says it is, without loading it. Raises ``PackIntegrityError``."""
    try:
        head = yaml.safe_load((folder / "pack.yaml").read_text("utf-8"))
        return PackIdentity(
            str(head["name"]), str(head["version"]), digest_of(folder), bool(head["is_simulated"])
        )
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        problem = f"its head can not be read ({type(error).__name__})"
        raise PackIntegrityError(pack=folder.name, problem=problem) from error
