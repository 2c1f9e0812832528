"""The list of the image's regions beside its map: pointing at one shows the other."""

from dashboard.components.evidence import bar, mark
from dashboard.evidence import FULL_STRENGTH_FROM
from dashboard.formatting import share
from dashboard.language import ours, t
from dashboard.markup import element, join, show
from dashboard.viewer import MOST_MARKERS
from mmcore.records import Parts


def regions_list(parts: Parts, *, scale: str) -> None:
    """Draw the regions that the viewer marks, in its order, and what is left of the image's sum.

    The rows carry the numbers of the viewer's markers, by which its script knows them.
    """
    places = [item for item in parts.items if len(item.where) >= 2]
    items = places[:MOST_MARKERS]
    if not items:
        return
    mass = sum(abs(item.signed) for item in parts.items) or 1.0
    others = places[MOST_MARKERS:] + [item for item in parts.items if len(item.where) < 2]
    rest = float(sum(item.signed for item in others))
    top = max(FULL_STRENGTH_FROM, abs(rest), *(abs(item.signed) for item in items))
    rows = [
        element(
            "tr",
            element("th", ours(item.what), mark(item.mark), scope="row"),
            element("td", bar(item.signed, top)),
            element("td", share(abs(item.signed) / mass)),
            cls="co-region",
            data_region=number,
            data_testid=f"region-{number}",
            tabindex="0",
        )
        for number, item in enumerate(items, 1)
    ]
    if others and abs(rest) >= 0.005:
        rows.append(
            element(
                "tr",
                element("th", t("all else together"), scope="row"),
                element("td", bar(rest, top)),
                element("td", share(sum(abs(item.signed) for item in others) / mass)),
                data_testid="region-rest",
            )
        )
    moved = t("Contribution ({scale})", scale=scale)
    headers = (t("Region of the image"), moved, t("Share of all regions"))
    head = element("tr", *(element("th", words, scope="col") for words in headers))
    show(
        element(
            "details",
            element("summary", t("Regions of the image")),
            element(
                "table",
                element("caption", t("Regions of the image, strongest first"), cls="co-hidden"),
                element("thead", head),
                element("tbody", join(*rows)),
                cls="co-table co-phrases",
            ),
            open="open",
            data_testid="regions",
        )
    )
