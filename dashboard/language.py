"""The reader's language on every page: the one way words reach the screen."""

from dashboard import state
from mmcore.language import Text, say, translate


def t(text: str, /, **values: object) -> str:
    """Return ``text`` in the reader's language, with ``values`` put in as ``say`` does.

    ``text`` is a literal, or what ``say`` made elsewhere, or the name of a finding from a pack.
    """
    if values:
        return translate(say(text, **values), state.language())
    return translate(text, state.language())


__all__ = ["Text", "say", "t"]
