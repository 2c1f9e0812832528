"""The logical structure of a PDF (ISO 32000-1, 14.7 and 14.8): what is read aloud, in which order.

Everything on a page is either the content of one structure element or an artifact, which is not
read: rules, shades, and the head and foot that every page repeats.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas

Kind = Literal["Document", "Sect", "H1", "H2", "P", "Figure", "Table", "TR", "TH", "TD"]


@dataclass(slots=True, eq=False)
class _Element:
    """One element; ``marks`` are the page and the number of its content there."""

    kind: Kind
    number: int
    parent: "_Element | None"
    alternative: str = ""
    kids: list["_Element"] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the name of its object in the file."""
        return f"Structure{self.number}"


class Tags:
    """The structure of one document while it is drawn on a canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._count = 0
        self._root = self._new("Document", None)
        self._open = self._root
        self._pages: list[list[_Element]] = [[]]
        self._is_marking = False

    @contextmanager
    def group(self, kind: Kind) -> Iterator[None]:
        """Put what is drawn inside the block under one element; nested blocks nest."""
        before = self._open
        self._open = self._new(kind, before)
        yield
        self._open = before

    def section(self) -> None:
        """Begin a section, which ends with the next one."""
        if self._open.parent is None or self._open.kind == "Sect":
            self._open = self._new("Sect", self._root)

    @contextmanager
    def content(self, kind: Kind, alternative: str = "") -> Iterator[None]:
        """Mark what is drawn inside the block as one element; inside another it belongs to that.

        alternative: what is read aloud instead, of a figure.
        """
        if self._is_marking:
            yield
            return
        made = self._new(kind, self._open, alternative)
        marked = self._pages[-1]
        made.marks.append((len(self._pages) - 1, len(marked)))
        with self._marked(f"/{kind} <</MCID {len(marked)}>> BDC"):
            marked.append(made)
            yield

    @contextmanager
    def artifact(self) -> Iterator[None]:
        """Mark what is drawn inside the block as not read; inside content it belongs to that."""
        if self._is_marking:
            yield
            return
        with self._marked("/Artifact BMC"):
            yield

    def next_page(self) -> None:
        """Note that what follows is on another page; called after each page was shown."""
        page = self._canvas._doc.Pages.pages[-1]
        page.__NoDefault__ = [*page.__NoDefault__, "StructParents", "Tabs"]
        page.StructParents = len(self._pages) - 1
        page.Tabs = pdfdoc.PDFName("S")
        self._pages.append([])

    def write(self) -> None:
        """Write the structure into the document; called once, after the last page was shown."""
        document = self._canvas._doc
        root: Any = pdfdoc.PDFDictionary({"Type": pdfdoc.PDFName("StructTreeRoot")})
        root["K"] = pdfdoc.PDFArray([self._write(self._root, "StructureRoot")])
        parents: list[Any] = []
        for number, marked in enumerate(self._pages[:-1]):
            references = [pdfdoc.PDFObjectReference(element.name) for element in marked]
            parents += [number, document.Reference(pdfdoc.PDFArray(references))]
        tree = pdfdoc.PDFDictionary({"Nums": pdfdoc.PDFArray(parents)})
        root["ParentTree"] = document.Reference(tree)
        root["ParentTreeNextKey"] = len(self._pages) - 1
        document.Reference(root, "StructureRoot")
        document.Catalog.StructTreeRoot = pdfdoc.PDFObjectReference("StructureRoot")
        document.Catalog.MarkInfo = pdfdoc.PDFDictionary({"Marked": "true"})

    def _new(self, kind: Kind, parent: _Element | None, alternative: str = "") -> _Element:
        made = _Element(kind, self._count, parent, alternative)
        self._count += 1
        if parent is not None:
            parent.kids.append(made)
        return made

    @contextmanager
    def _marked(self, opening: str) -> Iterator[None]:
        self._is_marking = True
        self._canvas.addLiteral(opening)
        yield
        self._canvas.addLiteral("EMC")
        self._is_marking = False

    def _write(self, element: _Element, parent: str) -> Any:
        """Write an element and all below it; return its reference."""
        document = self._canvas._doc
        made: Any = pdfdoc.PDFDictionary(
            {
                "Type": pdfdoc.PDFName("StructElem"),
                "S": pdfdoc.PDFName(element.kind),
                "P": pdfdoc.PDFObjectReference(parent),
            }
        )
        kids: list[Any] = [self._write(kid, element.name) for kid in element.kids]
        for page, mark in element.marks:
            made["Pg"] = pdfdoc.PDFObjectReference(f"Page{page + 1}")
            kids.append(mark)
        if kids:
            made["K"] = pdfdoc.PDFArray(kids)
        if element.alternative:
            made["Alt"] = pdfdoc.PDFString(element.alternative)
        return document.Reference(made, element.name)
