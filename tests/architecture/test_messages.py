"""Every message of the source has its translation, and every translation its message."""

import ast
import string
from functools import cache
from pathlib import Path

import pytest

from mmcore.language import ENGLISH, LANGUAGES, say, translate
from tools.messages import SOURCES, Source, messages_of, read_catalogue

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [language for language in LANGUAGES if language != ENGLISH]
BOTH = [pytest.param(a, b, id=f"{a}-{b.name}") for a in OTHERS for b in SOURCES]
DEFINED = "mmcore/language.py"
"""Where ``say`` itself is written."""


@cache
def in_source(source: Source) -> dict[str, list[tuple[str, int]]]:
    return messages_of(source)


@cache
def translations(language: str, source: Source) -> dict[str, str]:
    catalogue = read_catalogue(language, source)
    return {str(m.id): str(m.string) for m in catalogue if m.id and m.string and not m.fuzzy}


def fields(message: str) -> list[tuple[str, str, str]]:
    """Return the values that a message takes, each with its format; none where it takes none."""
    try:
        parsed = list(string.Formatter().parse(message))
    except ValueError:
        return []
    return sorted((name, spec or "", how or "") for _, name, spec, how in parsed if name)


@pytest.mark.parametrize(("language", "source"), BOTH)
def test_every_message_is_translated(language: str, source: Source) -> None:
    known = translations(language, source)
    lacking = [f"{p[0][0]}: {m}" for m, p in in_source(source).items() if m not in known]
    assert not lacking, "`make messages` writes them into the .po file:\n" + "\n".join(lacking)


@pytest.mark.parametrize(("language", "source"), BOTH)
def test_no_translation_is_of_a_message_that_is_gone(language: str, source: Source) -> None:
    catalogue = read_catalogue(language, source)
    assert not catalogue.obsolete
    gone = [m for m in translations(language, source) if m not in in_source(source)]
    assert not gone, "`make messages` drops them:\n" + "\n".join(gone)


@pytest.mark.parametrize(("language", "source"), BOTH)
def test_a_translation_takes_the_values_of_its_message(language: str, source: Source) -> None:
    wrong = []
    for message, translated in translations(language, source).items():
        if fields(message) != fields(translated):
            wrong.append(f"{message} -> {translated}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", OTHERS)
def test_one_message_has_one_translation_in_all_files(language: str) -> None:
    """The files are read as one catalogue, in which the last would win."""
    meant: dict[str, set[str]] = {}
    for source in SOURCES:
        for message, translated in translations(language, source).items():
            meant.setdefault(message, set()).add(translated)
    assert not {message: found for message, found in meant.items() if len(found) > 1}


def test_a_message_is_a_literal_that_tools_can_find() -> None:
    unseen = []
    for path in [*sorted((ROOT / "mmcore").rglob("*.py")), *sorted((ROOT / "pages").glob("*.py"))]:
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "say"
                and name != DEFINED
                and not isinstance(node.args[0], ast.Constant)
            ):
                unseen.append(f"{name}:{node.lineno}")
    assert not unseen


def test_a_changed_message_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "mmcore").mkdir()
    (tmp_path / "mmcore" / "new.py").write_text('WORDS = say("entirely " "new {n:.2f}", n=1)\n')
    found = messages_of(SOURCES[0], tmp_path)
    assert found == {"entirely new {n:.2f}": [("mmcore/new.py", 1)]}
    assert fields("entirely new {n:.2f}") == [("n", ".2f", "")]
    assert translate(say("entirely new {n:.2f}", n=1), "zh-Hans") == "entirely new 1.00"
