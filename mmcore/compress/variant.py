"""A pack made from another one: copied, changed, and written only if it is whole and sound."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml

from mmcore.errors import ConfigError
from mmcore.evaluate.card import read_facts, write_card
from mmcore.model.pack import load_pack
from mmcore.train.reference import reference_answers

Found = TypeVar("Found")
Change = Callable[[Path, dict[str, Any]], list[str]]
"""Changes the files of a copied pack and its parsed pack.yaml; returns what its card says of it."""


def write_variant(
    folder: Path, out: Path, *, suffix: str, change: Change, check: Callable[[Path], Found]
) -> Found:
    """Write the pack ``folder`` with ``change`` to ``out``; return what ``check`` finds there.

    If anything goes wrong or ``check`` raises, nothing is left. The version gets ``+suffix``, the
    answers of the reference patients are those of the new weights, and the card loses its figures,
    which were of the other pack. Raises ``ConfigError`` if ``out`` is there already, and
    ``PackIntegrityError`` where either pack is not sound.
    """
    if out.exists():
        raise ConfigError(key="out", problem=f"{out} is there already")
    load_pack(folder)  # refuses one that is not sound
    shutil.copytree(folder, out)
    try:
        _change(out, suffix, change)
        found = check(out)
        load_pack(out)
    except BaseException:
        shutil.rmtree(out)
        raise
    return found


def _change(out: Path, suffix: str, change: Change) -> None:
    head = read_head(out)
    limits = change(out, head)
    separator = "." if "+" in str(head["version"]) else "+"
    head["version"] = f"{head['version']}{separator}{suffix}"
    write_head(out, head)
    with np.load(out / "reference.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["answers"] = reference_answers(load_pack(out).network, arrays)
    np.savez_compressed(out / "reference.npz", **arrays)
    facts = read_facts(out)
    facts["version"] = head["version"]
    facts["limits"] = [*facts["limits"], *limits]
    shutil.rmtree(out / "figures", ignore_errors=True)
    write_card(out, facts, figures=None)


def read_head(folder: Path) -> dict[str, Any]:
    """Return the parsed pack.yaml of a pack."""
    head: dict[str, Any] = yaml.safe_load((folder / "pack.yaml").read_text("utf-8"))
    return head


def write_head(folder: Path, head: dict[str, Any]) -> None:
    """Write pack.yaml."""
    text = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    (folder / "pack.yaml").write_text(text, "utf-8")


def add_limits(folder: Path, limits: list[str]) -> None:
    """Add sentences to what the card of a pack says of its limits."""
    facts = read_facts(folder)
    facts["limits"] = [*facts["limits"], *limits]
    write_card(folder, facts, figures=None)
