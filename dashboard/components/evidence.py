"""Pieces that the evidence of every modality shares: reasons, items, tables and bars."""

from collections.abc import Sequence

from dashboard import evidence, messages
from dashboard.language import ours, t
from dashboard.markup import Markup, element, join, show, table
from mmcore import wording
from mmcore.records import Modality, PartItem, Parts


def withheld(parts: Parts) -> None:
    """Draw why a part's evidence is not shown."""
    show(
        element(
            "div",
            element("strong", t("Withheld.")),
            " ",
            t(messages.of_withheld_part(parts.modality, parts.reason)),
            cls="co-note withheld",
            data_testid=f"withheld-{parts.modality}",
            role="note",
        )
    )


def items_view(modality: Modality, held: str, parts: Parts | None, *, scale: str) -> None:
    """Draw the evidence of a modality that has no view of its own: its items, as they are."""
    if not held:
        words = t("The case has {absent}.", absent=t(modality.absent))
        show(element("p", words, cls="co-muted"))
        return
    show(element("p", t("The case holds {held}.", held=held), cls="co-muted"))
    if parts is None:
        return
    if not parts.passed:
        withheld(parts)
        return
    caption = t("{display} with its contributions", display=t(modality.display))
    contributions_table([("", item) for item in parts.items], caption=caption, scale=scale)


def contributions_table(rows: Sequence[tuple[str, PartItem]], *, caption: str, scale: str) -> None:
    """Draw items with their contributions; each row may have a number on a map.

    scale: what contributions are measured in, in the reader's language.
    """
    top = max(evidence.FULL_STRENGTH_FROM, *(abs(item.signed) for _, item in rows), 0.0)
    cells: list[tuple[str, ...]] = [
        (
            join(
                element("b", f"{number} ", cls="co-number") if number else "",
                ours(item.what),
                mark(item.mark),
            ),
            bar(item.signed, top),
        )
        for number, item in rows
    ]
    headers = (t("Where"), t("Contribution ({scale})", scale=scale))
    show(table(headers, cells, caption=caption, cls="co-phrases"))


def bar(signed: float | None, strongest: float) -> Markup:
    """Return a contribution as a small bar with its number, or that the model did not use it."""
    if signed is None:
        return element("span", t("not used"), cls="co-muted")
    way = "for" if signed > 0 else "against"
    width = 50 * abs(signed) / strongest
    side = "left:50%" if signed > 0 else f"left:{50 - width:.1f}%"
    return join(
        element(
            "span",
            element("i", cls=way, style=f"{side};width:{width:.1f}%"),
            cls="co-diverging",
            aria_hidden="true",
        ),
        element("span", wording.signed_text(signed), cls=f"co-signed {way}"),
    )


def mark(words: str) -> Markup:
    """Return what must be known of an item as a badge beside it; nothing for no mark."""
    return join(" ", element("span", t(words), cls="co-badge caution")) if words else join()
