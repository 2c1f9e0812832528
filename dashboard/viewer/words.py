"""The viewer's own words: English in its scripts, other languages sent with the message."""

import re
from functools import cache
from pathlib import Path

from mmcore.language import ENGLISH, catalogue

SOURCE = Path(__file__).resolve().parent
_WORD = re.compile(r'\bt\(\s*"((?:[^"\\]|\\.)*)"')


@cache
def words() -> tuple[str, ...]:
    """Return every text that the viewer's scripts say, in English."""
    scripts = (path.read_text("utf-8") for path in sorted(SOURCE.glob("*.js")))
    return tuple(dict.fromkeys(word for script in scripts for word in _WORD.findall(script)))


@cache
def words_in(language: str) -> dict[str, str]:
    """Return the words in another language by their English; empty for English itself."""
    if language == ENGLISH:
        return {}
    known = catalogue(language)
    return {word: known[word] for word in words() if word in known}
