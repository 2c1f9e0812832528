"""The reader's language on every page: the one way words reach the screen."""

from dashboard import state
from mmcore.language import Text, say, translate, word


def t(text: str, /, **values: object) -> str:
    """Return ``text`` in the reader's language, with ``values`` put in as ``say`` does.

    ``text`` is a literal, or what ``say`` made elsewhere, or the name of a finding from a pack.
    """
    if values:
        return translate(say(text, **values), state.language())
    return translate(text, state.language())


def ours(text: str) -> str:
    """Return what ``say`` made in the reader's language, and anything else as it is.

    For evidence, that is either our words or those of a patient's file.
    """
    return t(text) if isinstance(text, Text) else text


__all__ = ["Text", "ours", "say", "t", "word"]
