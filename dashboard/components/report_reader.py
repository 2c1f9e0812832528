"""What the reader recorded, in the preview of the report: before, decision and after."""

from collections.abc import Mapping
from typing import Any

from dashboard import messages
from dashboard.language import t
from dashboard.markup import Markup, element, table
from mmcore import wording
from mmcore.calls import Call, call_of
from mmcore.holding import after_text


def reader(document: Mapping[str, Any]) -> tuple[Markup, ...]:
    """Return what the reader recorded, as the document holds it; nothing where nobody did."""
    if "reading" not in document:
        return ()
    from mmcore.report.impressions import reading_of  # brings the PDF with it
    from mmcore.report.node import Node

    displays = {target["name"]: target["display"] for target in document["targets"]}
    reading = reading_of(Node(document["reading"]), displays)
    first = {impression.target: impression for impression in reading.impressions}
    calls = {target["name"]: _call(target) for target in document["targets"]}
    rows = []
    for name, display in displays.items():
        decisions = [d for d in reading.decisions if d.target == name]
        if name not in first and not decisions:
            continue
        last = decisions[-1] if decisions else None
        reason = t(wording.REASONS[last.reason]) if last and last.reason else ""
        rows.append(
            (
                t(display),
                t(wording.impression_text(first.get(name))),
                t(messages.RESPONSE[last.response]) if last else t("none yet"),
                t(". ").join(part for part in (reason, last.text if last else "") if part),
                t(after_text(reading, name, calls[name])),
            )
        )
    headers = (t("Finding"), t("Before"), t("Decision"), t("Reason"), t("After"))
    mode = t(wording.MODE_WORDS[reading.mode])
    section = element(
        "section",
        element("h3", t("Reader")),
        element("p", t("Read {mode}.", mode=mode), cls="co-muted"),
        table(headers, rows, caption=t("What the reader recorded")),
        data_testid="reader",
    )
    return (section,)


def _call(target: Mapping[str, Any]) -> Call | None:
    """Return what the model calls a finding; None for a value or no score."""
    if target["called"] is None:
        return None
    low, high = target["interval"]
    return call_of(target["probability"], (low, high), target["operating_point"])
