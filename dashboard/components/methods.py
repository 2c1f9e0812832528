"""The choice of another method for the map, for comparison with our own."""

from dataclasses import replace

import streamlit as st

from dashboard import services
from dashboard.components.waiting import wait_for
from dashboard.language import say, t, word
from dashboard.markup import element, show
from dashboard.services import Comparison
from dashboard.state import CaseWork
from dashboard.viewer import Overlay
from mmcore.wording import signed_text

OURS = say("Ours")


def compared(work: CaseWork, overlay: Overlay) -> Overlay:
    """Draw the selector; return ``overlay``, or the map of the method that was chosen instead.

    Nothing is computed until somebody chooses. While it is, our own map stays.
    """
    choices = services.methods()
    chosen = st.selectbox(
        t("Method of the map"), [OURS, *choices],
        format_func=lambda name: t(choices.get(name, OURS)),
        key=f"method-{work.case.digest[:16]}-{overlay.target}",
        help=t(
            "Other methods are for comparison. They are slower or say less, and are not tested."
        ),
    )  # fmt: skip
    if chosen == OURS:
        return overlay
    job = services.compare(work, overlay.target, chosen)
    waiting = f"{work.case.digest[:16]}-method-{chosen}"
    what = say("Attributing by {method}", method=word(choices[chosen]))
    if job is None or not wait_for(job, what, key=waiting):
        return overlay
    comparison = job.result
    assert comparison is not None  # done without error
    _told(t(choices[chosen]), comparison, overlay.scale or t("log-odds"))
    _not_applicable(choices, comparison)
    if comparison.result is None:
        return overlay
    parts = comparison.result.parts
    if not parts.passed:
        words = say("No map: {reason}.", reason=parts.reason)
        return replace(overlay, parts=None, message=words, method=choices[chosen])
    return replace(overlay, parts=parts, method=choices[chosen])


def _told(display: str, comparison: Comparison, scale: str) -> None:
    """Say that the map is another's, how well it adds up, and what it cost beside ours."""
    if comparison.result is None:
        words = t(
            "{method} does not apply here: {reason}. The map is ours.",
            method=display, reason=comparison.reason,
        )  # fmt: skip
    else:
        rows = [(t(OURS), comparison.ours), (display, comparison.result)]
        costs = [
            t(
                "{method}: {error} {scale}, {seconds:.1f} s, {forwards} passes forward and "
                "{backwards} back",
                method=name, scale=scale,
                error=signed_text(r.parts.completeness_error, decimals=3),
                seconds=r.seconds, forwards=r.forwards, backwards=r.backwards,
            )
            for name, r in rows
        ]  # fmt: skip
        words = t(
            "For comparison only: this map is by {method} and was not tested. It can not go into "
            "the report, which holds our own map. Completeness error of the map that is drawn, and "
            "cost, in the image encoder. {costs}.",
            method=display, costs=t("; ").join(costs),
        )  # fmt: skip
    show(element("p", words, cls="co-note caution", data_testid="method-note"))


def _not_applicable(choices: dict[str, str], comparison: Comparison) -> None:
    refused = {choices[name]: why for name, why in comparison.not_applicable.items() if why}
    if refused:
        items = [
            element("li", t("{method}: {reason}", method=t(name), reason=why))
            for name, why in refused.items()
        ]
        show(
            element(
                "details",
                element("summary", t("Methods that do not apply here")),
                element("ul", *items),
                data_testid="method-refusals",
            )
        )
