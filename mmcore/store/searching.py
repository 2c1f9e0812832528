"""Search without reading: names and numbers as fingerprints of the beginnings of their words.

What names a patient may be encrypted, so the database can not look into it. Beside each case lie
keyed fingerprints (``Seal.fingerprint``) of each word of name, patient ID and accession number and
of its beginnings from three letters on; of Chinese, Japanese and Korean writing, of each run of up
to four characters. A search fingerprints what was typed and asks for equal ones. What it costs: who
has the database and no key learns which cases share a beginning, not which (decision 0033).
"""

import re
import unicodedata
from collections.abc import Iterable

from mmcore.store.sealing import Seal

SHORTEST, LONGEST = 3, 12  # letters of a beginning
_RUN = 4  # characters of a run in writing without spaces
_MOST_WORDS = 6  # of one search
_WORD = re.compile(r"[^\W_]+")
_WIDE = "\u2e80"  # from here on scripts are written without spaces


def words_of(text: str) -> list[str]:
    """Return the words of a name or number, free of case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _WORD.findall(plain.casefold())


def indexed(texts: Iterable[str]) -> set[str]:
    """Return everything that finds these texts when it is typed as a word."""
    found: set[str] = set()
    for word in {word for text in texts for word in words_of(text)}:
        if _is_wide(word):
            starts = range(len(word))
            found |= {word[i : i + n] for i in starts for n in range(1, _RUN + 1)}
        else:
            found.add(word[:LONGEST])
            found |= {word[:n] for n in range(SHORTEST, min(len(word), LONGEST))}
    return found


def asked(typed: str) -> list[str]:
    """Return what must be indexed with a case so that it matches what was typed, all of it."""
    found: list[str] = []
    for word in words_of(typed)[:_MOST_WORDS]:
        if _is_wide(word) and len(word) > _RUN:
            found += [word[i : i + _RUN] for i in range(len(word) - _RUN + 1)]
        else:
            found.append(word[:LONGEST])
    return found


def token(seal: Seal, word: str) -> int:
    """Return the fingerprint of a word as the database keeps it: 64 bits, signed."""
    return int.from_bytes(seal.fingerprint(word, of="word")[:8], "big", signed=True)


def _is_wide(word: str) -> bool:
    return any(letter >= _WIDE for letter in word)
