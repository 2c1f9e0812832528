"""The words of an HTML text, with scripts, styles and every address left out."""

from html.parser import HTMLParser

from mmcore.intake.documents.text_flow import TextFlow

_UNSEEN = frozenset({"script", "style", "head", "template", "noscript", "object", "iframe", "svg"})
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "figcaption",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "thead",
        "tr",
        "ul",
        "caption",
        "title",
    ]
)


def html_to_text(markup: str) -> str:
    """Return what a reader of ``markup`` would see, one line per block.

    Raises ``FileRefusedError`` (TOO_LARGE).
    """
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return str(reader.flow)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.flow = TextFlow()
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block or a cell, or something that is not seen."""
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag in _BLOCKS:
            self.flow.line()

    def handle_endtag(self, tag: str) -> None:
        """End what begins and ends lines; a stray end of something unseen is ignored."""
        if self._unseen:
            if tag in self._unseen:
                del self._unseen[self._unseen.index(tag) :]
            return
        if tag in ("td", "th"):
            self.flow.tab()
        elif tag in _BLOCKS:
            self.flow.line()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take <br/> for what it is; an empty element hides nothing."""
        if tag in _BLOCKS:
            self.flow.line()

    def handle_data(self, data: str) -> None:
        """Take words that are seen."""
        if not self._unseen:
            self.flow.add(data)
