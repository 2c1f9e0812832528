"""The documents name what is there: every dependency, command, page, decision and link."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmcore.cli import app

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
IMAGES = DOCS / "images"
DECISIONS = sorted((DOCS / "decisions").iterdir())
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
HEADINGS = ["Status", "Context", "Decision", "Rejected", "Consequences"]
ONE_PAGE = 60  # lines
FURTHER = (
    "requirements-compress.txt",
    "requirements-scale.txt",
    "requirements-private.txt",
    "requirements-federated.txt",
)
PACKAGES = sorted({p.parent for d in ("mmcore", "dashboard") for p in (ROOT / d).rglob("*.py")})

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(document: Path) -> str:
    return _FENCE.sub("", document.read_text("utf-8"))


def dependencies() -> Iterator[str]:
    for file in ("requirements.txt", *FURTHER, "requirements-dev.txt"):
        for line in (ROOT / file).read_text("utf-8").splitlines():
            requirement = line.partition("#")[0].strip()
            if requirement and not requirement.startswith("-"):
                yield re.split(r"[\[=<>~! ;]", requirement)[0]


def commands() -> Iterator[str]:
    for command in app.registered_commands:
        assert command.callback is not None
        yield command.name or command.callback.__name__


def anchors(document: Path) -> set[str]:
    """Return what GitHub makes of the document's headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in _HEADING.findall(prose(document))
    }


def links() -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for target in _LINK.findall(prose(document)):
            if not re.match(r"[a-z]+:", target):
                yield document, target


@pytest.mark.parametrize("dependency", list(dependencies()))
def test_every_dependency_has_its_reason(dependency: str) -> None:
    rows = re.findall(r"^\| `([^`]+)` \| \S", (DOCS / "architecture.md").read_text("utf-8"), re.M)
    assert dependency in rows


def test_no_reason_is_kept_for_a_dependency_that_is_gone() -> None:
    text = (DOCS / "architecture.md").read_text("utf-8").partition("## Why each dependency")[2]
    assert set(re.findall(r"^\| `([^`]+)` \|", text, re.M)) == set(dependencies())


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_every_package_has_its_line_in_the_layout(package: Path) -> None:
    text = (DOCS / "architecture.md").read_text("utf-8")
    if package.parent == ROOT:  # its modules are listed one by one
        for module in package.glob("*.py"):
            if not module.name.startswith("__"):
                assert f"`{name(module)}`" in text
    else:
        assert f"`{name(package)}/`" in text


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_is_documented(command: str) -> None:
    text = "".join(p.read_text("utf-8") for p in (ROOT / "README.md", DOCS / "user-guide.md"))
    assert re.search(rf"python -m mmcore {command}\b", text)


@pytest.mark.parametrize("page", sorted((ROOT / "pages").glob("*.py")), ids=name)
def test_every_page_is_documented(page: Path) -> None:
    assert f"]({name(page)})" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("decision", DECISIONS, ids=name)
def test_a_decision_is_one_page_with_its_five_headings(decision: Path) -> None:
    text = decision.read_text("utf-8")
    number = re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", decision.name)
    assert number is not None
    assert text.startswith(f"# {number[1]} ")
    assert re.findall(r"^## (.+)$", text, re.M) == HEADINGS
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.M))
    assert len(text.splitlines()) <= ONE_PAGE


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(d.name[:4]) for d in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize(("document", "target"), list(links()))
def test_every_link_leads_somewhere(document: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    file = (document.parent / path).resolve() if path else document
    if file.parent == IMAGES and not IMAGES.exists():
        pytest.skip("no screenshot has been taken yet")
    assert file.exists(), f"{name(document)} links to {target}"
    if anchor:
        assert anchor in anchors(file), f"{name(document)} links to {target}"
