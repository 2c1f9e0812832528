"""XML as a flat stream of events: no DTD, no entity, no recursion, and nothing is ever fetched.

A document type definition is where every XML attack starts (entity bombs, external entities), and
neither CDA nor WordprocessingML has one, so one alone is reason enough to refuse a file.
"""

from collections.abc import Mapping
from typing import Protocol
from xml.parsers import expat

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import say

MAX_XML_BYTES = 20 * 2**20
MAX_DEPTH = 128
MAX_ELEMENTS = 200_000

_SEPARATOR = "\n"  # can not stand in a name or a namespace


class Listener(Protocol):
    """What hears the events of one document. Names are local, without their prefix."""

    def start(self, name: str, namespace: str, attributes: Mapping[str, str]) -> None:
        """Hear that an element begins; names of ``attributes`` are local too."""

    def end(self, name: str, namespace: str) -> None:
        """Hear that an element ends."""

    def text(self, data: str) -> None:
        """Hear character data, in as many pieces as the parser likes."""


def walk(data: bytes, listener: Listener) -> None:
    """Send every element and text of ``data`` to ``listener``.

    Raises ``FileRefusedError`` with TOO_LARGE, TOO_DEEP, TOO_MANY_ELEMENTS or BAD_XML, and whatever
    the listener raises.
    """
    if len(data) > MAX_XML_BYTES:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE,
            say("the XML has more than {megabytes} MB", megabytes=MAX_XML_BYTES >> 20),
        )
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.buffer_text = True
    bounds = _Bounds()

    def start(name: str, attributes: dict[str, str]) -> None:
        bounds.open()
        namespace, local = _split(name)
        listener.start(local, namespace, {_split(key)[1]: v for key, v in attributes.items()})

    def end(name: str) -> None:
        bounds.depth -= 1
        namespace, local = _split(name)
        listener.end(local, namespace)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = listener.text
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.EntityDeclHandler = _refuse_dtd
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise FileRefusedError(
            RefusalCode.BAD_XML,
            say("the XML is not complete or not valid at line {line}", line=error.lineno),
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that is none
        raise FileRefusedError(
            RefusalCode.BAD_XML, say("the XML is in an encoding that is not read")
        ) from error


class _Bounds:
    def __init__(self) -> None:
        self.depth = self.count = 0

    def open(self) -> None:
        self.depth += 1
        self.count += 1
        if self.depth > MAX_DEPTH:
            raise FileRefusedError(
                RefusalCode.TOO_DEEP,
                say("the XML is nested more than {levels} levels deep", levels=MAX_DEPTH),
            )
        if self.count > MAX_ELEMENTS:
            raise FileRefusedError(
                RefusalCode.TOO_MANY_ELEMENTS,
                say("the XML has more than {count:,} elements", count=MAX_ELEMENTS),
            )


def _refuse_dtd(*_: object) -> None:
    raise FileRefusedError(
        RefusalCode.BAD_XML,
        say("the XML holds a document type definition, which is never read"),
    )


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(_SEPARATOR)
    return namespace, local
