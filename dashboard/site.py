"""The pages there are, one list for entrypoint, header and links, and what the site has set."""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import streamlit as st

from mmcore.errors import ConfigError
from mmcore.language import LANGUAGES, say
from mmcore.people import Action
from mmcore.records import ReadingMode

READING = "CONSILIUM_READING"
LANGUAGE = "CONSILIUM_LANGUAGE"
TRIAGE = "CONSILIUM_TRIAGE"
SCORING = "CONSILIUM_SCORING"
WATCH = "CONSILIUM_WATCH"
DEID_KEY_FILE = "CONSILIUM_DEID_KEY_FILE"
FOLDER = Path(__file__).resolve().parent.parent / "pages"
_PAGES = {
    "worklist": (say("Worklist"), "checklist"),
    "intake": (say("Cases"), "folder_open"),
    "review": (say("Review"), "radiology"),
    "report": (say("Report"), "description"),
    "cosign": (say("Co-sign"), "signature"),
    "models": (say("Models"), "neurology"),
    "bench": (say("Bench"), "target"),
    "deidentify": (say("De-identify"), "shield_person"),
    "admin": (say("Admin"), "admin_panel_settings"),
}
_NEEDS = {
    "worklist": Action.OPEN,
    "intake": Action.OPEN,
    "review": Action.OPEN,
    "report": Action.OPEN,
    "cosign": Action.COSIGN,
    "deidentify": Action.DEIDENTIFY,
    "admin": Action.SEE_FIGURES,
}
"""What somebody must be allowed to do to see a page."""
_NOT_IN_HEADER = ("deidentify", "cosign", "admin")
"""Reached from a case, from the list of work, and from the menu of who is here."""


def page(stem: str) -> Any:
    """Return one page by the name of its file; links to it translate its title."""
    title, icon = _PAGES[stem]
    return st.Page(
        FOLDER / f"{stem}.py", title=title, icon=f":material/{icon}:", default=stem == "worklist"
    )


def pages(may: Callable[[Action], bool]) -> list[Any]:
    """Return the pages of somebody who may do these things; nobody else reaches the others."""
    return [page(stem) for stem in _open_to(may)]


def header_pages(may: Callable[[Action], bool]) -> list[Any]:
    """Return those of them that the header links to, in its order."""
    return [page(stem) for stem in _open_to(may) if stem not in _NOT_IN_HEADER]


def _open_to(may: Callable[[Action], bool]) -> list[str]:
    """Return the pages in the order of the header; who opens no cases begins at Admin."""
    found = [stem for stem in _PAGES if stem not in _NEEDS or may(_NEEDS[stem])]
    return found if may(Action.OPEN) else sorted(found, key=lambda stem: stem != "admin")


def reading_mode() -> ReadingMode:
    """Return when readers of this site see the model's answer; concurrent unless it is set.

    Raises ``ConfigError`` for any other word: a misspelt one must not show what it should hide.
    """
    word = os.environ.get(READING, "").strip()
    if not word:
        return ReadingMode.CONCURRENT
    try:
        return ReadingMode(word)
    except ValueError as error:
        known = ", ".join(mode.value for mode in ReadingMode)
        raise ConfigError(key=READING, problem=f"not one of {known}") from error


class Triage(StrEnum):
    """What the list of work shows of a model's answer before a reader may see it."""

    NOTHING = "nothing"
    FLAG = "flag"  # that something is called present, not what
    ORDER = "order"  # the order in which to look, without a mark


def triage() -> Triage:
    """Return what is shown of an answer that is still hidden; nothing unless it is set.

    Raises ``ConfigError`` for any other word, as ``reading_mode`` does.
    """
    word = os.environ.get(TRIAGE, "").strip()
    try:
        return Triage(word) if word else Triage.NOTHING
    except ValueError as error:
        known = ", ".join(one.value for one in Triage)
        raise ConfigError(key=TRIAGE, problem=f"not one of {known}") from error


def scores_by_itself() -> bool:
    """Return whether cases are scored in the background as they come in; yes unless it is set.

    Raises ``ConfigError`` for a word that is neither.
    """
    word = os.environ.get(SCORING, "").strip() or "by itself"
    if word not in ("by itself", "when asked"):
        raise ConfigError(key=SCORING, problem="neither 'by itself' nor 'when asked'")
    return word == "by itself"


def watched_folder() -> Path | None:
    """Return the folder whose new files this server keeps as cases, or ``None`` for none."""
    path = os.environ.get(WATCH, "").strip()
    return Path(path).expanduser() if path else None


def language() -> str | None:
    """Return the language that this site has set for readers who choose none, or ``None``.

    Raises ``ConfigError`` for one that is none of ``mmcore.language.LANGUAGES``.
    """
    word = os.environ.get(LANGUAGE, "").strip()
    if word and word not in LANGUAGES:
        raise ConfigError(key=LANGUAGE, problem=f"not one of {', '.join(LANGUAGES)}")
    return word or None


def deid_key_file() -> Path | None:
    """Return where the site keeps the key of its pseudonyms, or ``None`` if it has set none."""
    path = os.environ.get(DEID_KEY_FILE, "").strip()
    return Path(path) if path else None
