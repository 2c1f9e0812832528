"""The choice of another method for the map, for comparison with our own."""

import streamlit as st

from dashboard import services
from dashboard.components.waiting import wait_for
from dashboard.markup import element, show
from dashboard.services import Comparison
from dashboard.state import CaseWork
from dashboard.viewer import Overlay
from mmcore.wording import signed_text

OURS = "Ours"


def compared(work: CaseWork, overlay: Overlay) -> Overlay:
    """Draw the selector; return ``overlay``, or the map of the method that was chosen instead.

    Nothing is computed until somebody chooses. While it is, our own map stays.
    """
    choices = services.methods()
    chosen = st.selectbox(
        "Method of the map", [OURS, *choices], format_func=lambda name: choices.get(name, name),
        key=f"method-{work.case.digest[:16]}-{overlay.target}",
        help="Other methods are for comparison. They are slower or say less, and are not tested.",
    )  # fmt: skip
    if chosen == OURS:
        return overlay
    job = services.compare(work, overlay.target, chosen)
    waiting = f"{work.case.digest[:16]}-method-{chosen}"
    if job is None or not wait_for(job, f"Attributing by {choices[chosen]}", key=waiting):
        return overlay
    comparison = job.result
    assert comparison is not None  # done without error
    _told(choices[chosen], comparison)
    _not_applicable(choices, comparison)
    if comparison.result is None:
        return overlay
    parts = comparison.result.parts
    if not parts.passed:
        return Overlay(overlay.target, overlay.display, None, f"No map: {parts.reason}.")
    return Overlay(overlay.target, overlay.display, parts)


def _told(display: str, comparison: Comparison) -> None:
    """Say that the map is another's, how well it adds up, and what it cost beside ours."""
    if comparison.result is None:
        words = f"{display} does not apply here: {comparison.reason}. The map is ours."
    else:
        rows = [("Ours", comparison.ours), (display, comparison.result)]
        costs = "; ".join(
            f"{name}: {signed_text(r.parts.completeness_error, decimals=3)} log-odds, "
            f"{r.seconds:.1f} s, {r.forwards} passes forward and {r.backwards} back"
            for name, r in rows
        )
        words = (
            f"For comparison only: this map is by {display} and was not tested. "
            f"Completeness error and cost in the image encoder. {costs}."
        )
    show(element("p", words, cls="co-note caution", data_testid="method-note"))


def _not_applicable(choices: dict[str, str], comparison: Comparison) -> None:
    refused = {choices[name]: why for name, why in comparison.not_applicable.items() if why}
    if refused:
        items = [element("li", f"{name}: {why}") for name, why in refused.items()]
        show(
            element(
                "details",
                element("summary", "Methods that do not apply here"),
                element("ul", *items),
                data_testid="method-refusals",
            )
        )
