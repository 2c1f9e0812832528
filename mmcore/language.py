"""Words in the reader's language: English in the code, other languages from message files.

A sentence is written once, in English, where it is needed: ``say("{n} files", n=3)``. What comes
back is that English string, and it remembers how it was made. So records, logs and result documents
hold English whatever a reader prefers, and a page or PDF asks for another language at the moment it
is drawn: ``translate(text, "zh-Hans")``.

Message files are gettext catalogues, ``assets/locale/<language>/*.po``: translators have editors
for them, and ``tests/architecture/test_messages.py`` finds by Babel what is not translated yet.
"""

import re
import string
from collections.abc import Iterable, Mapping
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Self

ENGLISH = "en"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", "zh-Hans": "简体中文"}
"""What may be chosen, as its readers write it. BCP 47."""

LOCALE = Path(__file__).resolve().parent.parent / "assets" / "locale"


_PLAIN_FORMAT = re.compile(r"\+?,?(?:\.\d)?[a-z%]?")
_TWO_STOPS = re.compile(r"。[.。]")
# Full-width punctuation brings its own space.
_AFTER_WIDE = re.compile(r"([\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f]) +")


class Text(str):
    """An English string made by ``say``, which knows its template and the values put into it.

    It behaves as the plain string that it is. Slicing, ``+`` and the like give plain strings, that
    can not be translated: use ``joined``, ``lowered``, ``capitalised`` and ``sentence``.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, object]

    def __new__(cls, english: str, template: str, values: Mapping[str, object]) -> Self:
        """Return ``english`` with what it was made of."""
        made = super().__new__(cls, english)
        made.template, made.values = template, values
        return made

    def __reduce__(self) -> tuple[type["Text"], tuple[str, str, Mapping[str, object]]]:
        """Copy and pickle whole."""
        return type(self), (str.__str__(self), self.template, dict(self.values))


def say(template: str, /, **values: object) -> Text:
    """Return ``template`` with ``values`` put in, as ``str.format`` does, ready to be translated.

    ``template`` must be a literal, for the message files are made from the source. A value that is
    itself a ``Text`` is translated with it; any other string is data and stays as it is. Without
    values braces mean nothing.
    """
    return Text(template.format(**values) if values else template, template, values)


def filled(text: Text, **values: object) -> Text:
    """Return a text that was said without values, as in a table, with its values put in."""
    return Text(text.template.format(**values), text.template, values)


def word(name: str) -> Text:
    """Return a fixed name written elsewhere, such as a finding's in a pack, to be looked up.

    Use it where such a name goes into a sentence; ``say`` is for what stands in the code.
    """
    return name if isinstance(name, Text) else Text(name, name, {})


def joined(texts: Iterable[str], separator: str = " ") -> Text:
    """Return ``texts`` one after another; the separator is translated too (``", "`` to "、")."""
    parts = list(texts)
    names = [f"part{i}" for i in range(len(parts))]
    return Text(
        separator.join(parts),
        "{separator}".join(f"{{{name}}}" for name in names),
        {**dict(zip(names, parts, strict=True)), "separator": word(separator)},
    )


def lowered(text: str) -> str:
    """Return ``text`` in lower case, for the inside of a sentence; a ``Text`` if it is one."""
    return _recased(text, text.lower())


def capitalised(text: str) -> str:
    """Return ``text`` with a capital first; still a ``Text`` if it is one."""
    return _recased(text, text[:1].upper() + text[1:])


def sentence(text: str) -> str:
    """Return ``text`` with a capital first and a full stop last; "" for nothing."""
    words = capitalised(text.strip() if not isinstance(text, Text) else text)
    if not words or words.endswith((".", "!", "?")):
        return words
    return say("{words}.", words=words)


def translate(text: str, language: str) -> str:
    """Return ``text`` in ``language``; in English where the message files do not know it.

    A plain string is looked up as a message without values, so fixed words may be passed as they
    are. Raises ``KeyError`` for a language that is none of ``LANGUAGES``.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    if language == ENGLISH:
        return str(text)
    messages = catalogue(language)
    if not isinstance(text, Text):
        return messages.get(text, text)
    template = messages.get(text.template)
    if template is None and not any(isinstance(v, Text) for v in text.values.values()):
        return str(text)
    if not text.values:
        return template if template is not None else str(text)
    values = {
        name: translate(value, language) if isinstance(value, Text) else value
        for name, value in text.values.items()
    }
    written = (text.template if template is None else template).format(**values)
    return _AFTER_WIDE.sub(r"\1", _TWO_STOPS.sub("。", written))


def to_plain(text: str) -> object:
    """Return a text as JSON values, for another process; a plain string as it is."""
    if not isinstance(text, Text):
        return text
    values = {name: _plain_value(value) for name, value in text.values.items()}
    return {"english": str(text), "template": text.template, "values": values}


def from_plain(value: object) -> str:
    """Return what ``to_plain`` was given.

    Raises ``ValueError`` for anything else, and for a template that reaches into its values: the
    other process may have been taken over by the file that it reads.
    """
    if isinstance(value, str):
        return value
    match value:
        case {"english": str(english), "template": str(template), "values": dict(given)}:
            parsed = list(string.Formatter().parse(template)) if given else []
            fields = {name for _, name, _, _ in parsed if name is not None}
            if not all(_PLAIN_FORMAT.fullmatch(spec) for _, _, spec, _ in parsed if spec):
                raise ValueError("a template formats its values in another way than ours")
            values = {
                str(name): from_plain(one) if isinstance(one, str | dict) else one
                for name, one in given.items()
            }
            if not fields <= values.keys():
                raise ValueError("a template names values that it does not have")
            if not all(type(one) in (str, Text, int, float) for one in values.values()):
                raise ValueError("a text holds strings and numbers alone")
            return Text(english, template, values)
    raise ValueError("not a text")


def _plain_value(value: object) -> object:
    if isinstance(value, str):
        return to_plain(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return every translated message of a language by its English, from all its files."""
    from babel.messages.pofile import read_po  # only readers of another language pay for it

    messages: dict[str, str] = {}
    for path in sorted((LOCALE / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                if isinstance(message.id, str) and message.id and message.string:
                    messages[message.id] = str(message.string)
    return messages


def _recased(text: str, english: str) -> str:
    return Text(english, text.template, text.values) if isinstance(text, Text) else english
