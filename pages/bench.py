"""Bench: whether explanations say what truly drove the output, where that is known."""

import streamlit as st

from dashboard import scorecards, services
from dashboard.components import bench
from dashboard.components.waiting import empty_state
from dashboard.language import say, t

installed = [p for p in services.packs() if scorecards.scorecard(p.name) is not None]
if not installed:
    empty_state(
        say("No scorecard yet"),
        say(
            "Measure a model with: {command}",
            command="python -m mmcore bench --pack NAME --json assets/bench/NAME.json",
        ),
    )
    st.stop()

names = {pack.name: pack.display for pack in installed}
current = services.pack()
default = current.name if current is not None and current.name in names else installed[0].name
chosen = default
if len(installed) > 1:
    chosen = st.segmented_control(
        t("Model"), list(names), default=default, format_func=lambda n: t(names[n]), required=True,
        key="bench-pack",
    ) or default  # fmt: skip
card = scorecards.scorecard(chosen)
if card is not None:
    bench.head(card, next(p for p in installed if p.name == chosen))
    bench.methods(card)
    bench.shares(card)
    bench.release(card)
    bench.command(card)
