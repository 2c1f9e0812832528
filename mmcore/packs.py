"""Where models are, and what tells one from another: known before anything heavy is loaded."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mmcore.errors import ConfigError, PackIntegrityError
from mmcore.records import PackIdentity

FORMAT = "consilium.pack/1"
HEAD_KEYS = ("format", "name", "version", "display", "is_simulated", "model")
EXPORTED = "exported"  # may stand in the head too
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


def read_head(folder: Path) -> dict[str, Any]:
    """Return ``pack.yaml`` with every key of a head. Raises ``PackIntegrityError``."""
    try:
        head = yaml.safe_load((folder / "pack.yaml").read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = f"pack.yaml can not be read ({type(error).__name__})"
        raise PackIntegrityError(pack=folder.name, problem=problem) from error
    problem = ""
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        problem = f"pack.yaml is not {FORMAT}"
    elif missing := [key for key in HEAD_KEYS if key not in head]:
        problem = f"pack.yaml lacks {missing[0]}"
    elif unknown := [key for key in head if key not in (*HEAD_KEYS, EXPORTED)]:
        problem = f"pack.yaml holds an unknown {unknown[0]}"
    if problem:
        raise PackIntegrityError(pack=folder.name, problem=problem)
    return dict(head)


def identity_of(folder: Path) -> PackIdentity:
    """Return what a pack says it is, without loading it. Raises ``PackIntegrityError``."""
    return identity_in(read_head(folder), folder)


def identity_in(head: Mapping[str, Any], folder: Path) -> PackIdentity:
    """Return what the head of the pack in a folder says it is. Raises ``PackIntegrityError``."""
    try:
        digest = digest_of(folder)
    except OSError as error:
        problem = f"a file can not be read ({type(error).__name__})"
        raise PackIntegrityError(pack=folder.name, problem=problem) from error
    return PackIdentity(str(head["name"]), str(head["version"]), digest, bool(head["is_simulated"]))
