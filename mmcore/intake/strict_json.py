"""JSON in which every value means one thing, checked before any schema library sees it.

Python's parser takes NaN, lets the last of two equal keys win, turns 1e400 into infinity and
recurses once per bracket; each of these is refused here.
"""

import json
import math
import re
from typing import Any

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import say

MAX_DEPTH = 64
MAX_DIGITS = 18

# Possessive, so that a long string costs no memory; one that is not closed ends with the text, so
# that its other quotes do not each begin it anew.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def parse_json(text: str) -> Any:  # JSON has no static type
    """Return the parsed document.

    Raises ``FileRefusedError`` with TOO_DEEP, DUPLICATE_KEY, NON_FINITE, BAD_NUMBER or BAD_TEXT.
    """
    _check_depth(text)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        raise FileRefusedError(
            RefusalCode.BAD_TEXT,
            say("the JSON is not complete or not valid at line {line}", line=error.lineno),
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    if "\\u" in text:  # only escapes can smuggle in what the decoder of the bytes has refused
        _check_strings(text, document)
    return document


def _check_depth(text: str) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        token = match[0]
        if token in ("[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise _too_deep()
        elif token in ("]", "}"):
            depth -= 1


def _too_deep() -> FileRefusedError:
    return FileRefusedError(
        RefusalCode.TOO_DEEP,
        say("the JSON is nested more than {max_depth} levels deep", max_depth=MAX_DEPTH),
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise FileRefusedError(RefusalCode.DUPLICATE_KEY, say("the JSON states one key twice"))
    return found


def _constant(_: str) -> float:
    raise FileRefusedError(RefusalCode.NON_FINITE, say("the JSON holds NaN or an infinity"))


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise FileRefusedError(
            RefusalCode.NON_FINITE, say("the JSON holds a number beyond all range")
        )
    return value


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise FileRefusedError(
            RefusalCode.BAD_NUMBER,
            say("the JSON holds a number of {digits:,} digits", digits=len(digits)),
        )
    return int(digits)


def _check_strings(text: str, document: Any) -> None:
    try:
        clean = json.dumps(document, ensure_ascii=False)
        clean.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FileRefusedError(
            RefusalCode.BAD_TEXT, say("the JSON holds half of a character")
        ) from error
    if "\\u0000" in clean:
        raise FileRefusedError(RefusalCode.BAD_TEXT, say("the JSON holds NUL characters"))
