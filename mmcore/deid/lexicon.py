"""Names of people and towns in many languages, and words that are these and something else too.

The lists are those of the package Faker (MIT), which makes invented people for tests of some
ninety regions; they hold about 45,000 names and 27,000 places in Latin letters. The door to it.
"""

# ruff: noqa: RUF001 - an apostrophe has two forms

import importlib
import pkgutil
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mmcore.deid.allowed import vocabulary
from mmcore.deid.note_names import COMMON_NAMES, NOT_NAMES

_NAMES = re.compile(r"(first|last|middle)_(?:romanized_)?names?|surname|given")
_PLACES = re.compile(r"^cit(y|ies)(_names?)?|^large_cities|^towns?")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f'’ -]{3,40}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]{2,8}")
# Surnames that a finding, a device or a scale is known by; people only where more says so.
_EPONYMS = frozenset(
    """
    addison alzheimer apgar assmann baker bankart barrett barthel behcet bence billroth biot bird
    bochdalek boerhaave borg bourneville braden bristol broviac bruce brugada burkitt caplan charcot
    cheyne child cobb colles coombs crohn cushing doppler dressler duke ebstein eisenmenger
    ewing fallot felty fleischner foley fontan framingham ganong ganz geneva ghon giemsa glasgow
    gleason goodpasture gram graves groshong hampton harris hartmann hashimoto heimlich heller
    hickman hill hodgkin holter horner hounsfield ivemark jefferson jones kaposi karnofsky
    kartagener kawasaki kerley kussmaul levine light lisfranc lown macleod mallory marfan mobitz
    monod morgagni morse neelsen nissen norton paget pancoast parkinson poland potter pugh ranke
    ranson rasmussen raynaud sachs salter schatzki scheuermann schmorl simon sjogren smith still
    stokes swan swyer takayasu tietze trendelenburg troisier turner valsalva venturi virchow wegener
    weiss wells wenckebach westermark whipple white wilms wilson wolff yankauer zenker ziehl
    boston paris chicago tokyo vancouver philadelphia lyme jude
    """.split()  # noqa: SIM905 - words read best as words
)
_TIMES = frozenset(
    """
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed weds thu thur thurs fri sat
    sun today tomorrow yesterday morning evening tonight
    """.split()  # noqa: SIM905
)
_SHORT = frozenset(
    """
    cap cath alb ana ida ali mac ros ted sam pam pat kay ray hep neb ivy amp lev sal ben van
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words in lower case without accents.

    names: parts of people's names. towns: whole. chinese_towns: of two characters and more. usual:
    words that a capital alone does not make a name.
    """

    names: frozenset[str]
    towns: frozenset[str]
    chinese_towns: frozenset[str]
    usual: frozenset[str]


def plain(word: str) -> str:
    """Return a word in lower case without accents and without a genitive."""
    kept = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
    return kept.removesuffix("'s")


@cache
def lexicon() -> Lexicon:
    """Return the words, read once in about half a second."""
    names = {
        part
        for name in _values("person", _NAMES)
        if _LATIN.fullmatch(name)
        for part in re.split(r"[ '’-]", plain(name))
    }
    places = set(_values("address", _PLACES))
    towns = {plain(place) for place in places if _LATIN.fullmatch(place)}
    chinese = {p for p in _values("address", _PLACES, "zh_") if _CHINESE.fullmatch(p)}
    return Lexicon(
        names=frozenset(name for name in names if len(name) >= 3),
        towns=frozenset(town for town in towns if len(town) >= 4),
        chinese_towns=frozenset(p.removesuffix("市") for p in chinese if p[-1] != "市" or p[2:]),
        usual=_usual(),
    )


def _usual() -> frozenset[str]:
    lines = Path(__file__).with_name("ordinary.txt").read_text("utf-8").splitlines()
    ordinary = {word for line in lines if not line.startswith("#") for word in line.split()}
    terms = {word.lower() for word in vocabulary()}
    return frozenset(ordinary | terms | NOT_NAMES | COMMON_NAMES | _EPONYMS | _TIMES | _SHORT)


def _values(kind: str, wanted: re.Pattern[str], region: str = "") -> Iterator[str]:
    package = importlib.import_module(f"faker.providers.{kind}")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith(region):
            continue
        provider = importlib.import_module(f"{package.__name__}.{module.name}").Provider
        for name in dir(provider):
            if wanted.search(name):
                yield from _texts(getattr(provider, name))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple | set):
        for item in value:
            yield from _texts(item)
