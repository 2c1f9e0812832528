"""What readers of another language lack: ``python -m tools.messages`` writes it into the .po files.

With names, such as ``core``, only into those.

Babel finds the messages in the source. Those that are new are added with an empty translation,
those that are gone are dropped; what is translated stays as it is.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from mmcore.language import ENGLISH, LANGUAGES, LOCALE

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS: Mapping[str, tuple[int, ...] | None] = {
    "say": None, "t": None, "word": None, "joined": (2,)
}  # fmt: skip
"""Functions that are given a message, and which of their arguments it is."""
HEADER = """# {name}.po in {language}. What stands between braces is a value: keep it as it is.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Language: {language}\\n"

"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the messages of one .po file come from. patterns: of files, from the root."""

    name: str
    patterns: tuple[str, ...]
    method: str = "python"
    outside: tuple[str, ...] = ()


SOURCES = (
    Source(
        "core",
        ("mmcore/**/*.py",),
        # The command line and model cards are English.
        outside=(
            "mmcore/bench/",
            "mmcore/deid/command",
            "mmcore/evaluate/",
            "mmcore/simulate/",
            "mmcore/train/",
        ),
    ),
    Source("dashboard", ("dashboard/**/*.py", "pages/**/*.py")),
    Source("viewer", ("dashboard/viewer/*.js",), method="javascript"),
)


def messages_of(source: Source, root: Path = ROOT) -> dict[str, list[tuple[str, int]]]:
    """Return every message of a source with the places, file and line, where it stands."""
    found: dict[str, list[tuple[str, int]]] = {}
    for path in _files(source, root):
        name = path.relative_to(root).as_posix()
        with path.open("rb") as file:
            options = {"encoding": "utf-8"}
            for line, message, _, _ in extract(source.method, file, KEYWORDS, (), options):
                if isinstance(message, str) and message:
                    found.setdefault(message, []).append((name, line))
    if source.name == "core":
        for name, message in _names(root):
            found.setdefault(message, []).append((name, 1))
    return found


def po_file(language: str, source: Source) -> Path:
    """Return where the translations of a source into a language are."""
    return LOCALE / language / f"{source.name}.po"


def read_catalogue(language: str, source: Source) -> Catalog:
    """Return the translations of a source; an empty catalogue where there is no file yet."""
    path = po_file(language, source)
    if not path.exists():
        return Catalog(locale=language.replace("-", "_"), charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language.replace("-", "_"), charset="utf-8")


def update(language: str, source: Source) -> int:
    """Bring one .po file to the state of the source; return how many messages lack a translation.

    Nothing is guessed from similar messages: a sentence that is nearly right may be wrong.
    """
    template = Catalog(charset="utf-8")
    for message, places in messages_of(source).items():
        files = sorted({name for name, _ in places})
        template.add(message, locations=[(name, 0) for name in files])
    catalogue = read_catalogue(language, source)
    catalogue.update(template, no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    path = po_file(language, source)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(HEADER.format(name=source.name, language=language).encode())
        write_po(
            file, catalogue, width=100, include_lineno=False, sort_by_file=True, omit_header=True
        )
    return sum(not message.string for message in catalogue if message.id)


def _files(source: Source, root: Path) -> Iterator[Path]:
    for pattern in source.patterns:
        for path in sorted(root.glob(pattern)):
            if not path.relative_to(root).as_posix().startswith(source.outside):
                yield path


def _names(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the names of findings in the embedded packs, and the words of the demonstrations."""
    for path in sorted(root.glob("assets/packs/*/pack.yaml")):
        name = path.relative_to(root).as_posix()
        pack = yaml.safe_load(path.read_text("utf-8"))
        yield name, pack["display"]
        for target in pack["model"]["targets"]:
            yield name, target["display"]
            yield name, target["name"].replace("_", " ")
            if " " in target["unit"]:
                yield name, target["unit"]
    for path in sorted(root.glob("assets/demo/*/demo.yaml")):
        name = path.relative_to(root).as_posix()
        demo = yaml.safe_load(path.read_text("utf-8"))
        yield name, demo["title"]
        yield name, demo["summary"]


if __name__ == "__main__":
    chosen = [source for source in SOURCES if source.name in sys.argv[1:] or not sys.argv[1:]]
    for language in LANGUAGES:
        for source in chosen if language != ENGLISH else ():
            print(f"{po_file(language, source)}: {update(language, source)} to translate")  # noqa: T201 - a command
