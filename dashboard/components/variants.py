"""What in a gene panel moved a finding: every variant with its genotype and its contribution."""

from dashboard import evidence
from dashboard.components.evidence import bar, withheld
from dashboard.language import ours, t
from dashboard.markup import element, show, table
from mmcore.records import Case, Parts
from mmcore.wording import NO_CLAIM, copies_text, effect_text

MOST_ROWS = 60


def variants_view(case: Case, parts: Parts | None, *, scale: str) -> None:
    """Draw the called variants, strongest contribution first, and what the other loci add."""
    if not case.variants:
        show(element("p", t("The case holds no gene panel."), cls="co-muted"))
        return
    if parts is not None and not parts.passed:
        withheld(parts)
    is_shown = parts is not None and parts.passed
    items = parts.items if parts is not None and is_shown else ()
    found = evidence.of_variants(case.variants, items)
    rest = [item for item in items if not item.where]
    moved = [abs(signed) for _, signed in found if signed is not None]
    top = max(evidence.FULL_STRENGTH_FROM, *moved, *(abs(i.signed) for i in rest), 0.0)
    rows: list[tuple[str, ...]] = [
        (
            variant.gene or "—",
            variant.variant_id,
            t(copies_text(variant.copies)),
            ours(effect_text(variant)) or t("not stated"),
            bar(signed, top) if is_shown else "—",
        )
        for variant, signed in found[:MOST_ROWS]
    ]
    rows += [("", ours(item.what), "", "", bar(item.signed, top)) for item in rest]
    if not rows:
        show(element("p", t("The panel reports no variant at any locus."), cls="co-muted"))
    else:
        headers = (t("Gene"), t("Variant"), t("Genotype"), t("Effect as the file states it"),
                   t("Contribution ({scale})", scale=scale))  # fmt: skip
        caption = t("Variants with their contributions")
        show(table(headers, rows, caption=caption, cls="co-variants"))
    if len(found) > MOST_ROWS:
        n = len(found) - MOST_ROWS
        more = t("{n:,} further variants moved it less or not at all.", n=n)
        show(element("p", more, cls="co-muted"))
    show(element("p", t(NO_CLAIM), cls="co-muted", data_testid="no-claim"))
