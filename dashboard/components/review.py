"""What the review page composes: image, findings and ledger on one screen, evidence below."""

from typing import Any

import streamlit as st

from dashboard import (
    auditing,
    charts,
    desks,
    formatting,
    inputs,
    key_images,
    messages,
    people,
    reading,
    services,
    signing,
    state,
    viewer,
)
from dashboard.attention import Finding
from dashboard.components import captions, evidence, labs, ledger, methods, note
from dashboard.components.findings import findings_list, findings_table, gate_note, set_note
from dashboard.components.key_images import key_images_list
from dashboard.components.recording import recording_view
from dashboard.components.regions import regions_list
from dashboard.components.switches import switches_panel
from dashboard.components.variants import variants_view
from dashboard.components.waiting import empty_state, wait_for
from dashboard.evidence import is_worth_a_map
from dashboard.jobs import Job
from dashboard.language import say, t, word
from dashboard.markup import element, for_label, show
from dashboard.state import CaseWork
from dashboard.viewer import Overlay, stacks
from mmcore.errors import LedgerNotAdditiveError, NothingToScoreError
from mmcore.gate.suitability import choose_image
from mmcore.records import Explanation, Instance, Modality, Parts
from mmcore.wording import short_name


def is_ready(work: CaseWork, job: Job[Any], what: str) -> bool:
    """Return whether a case's job has a result, kept with the case; else draw how far it is.

    ``what`` it does, in English: translated when it is drawn, and part of the keys.
    """
    if not wait_for(job, what, key=f"{work.case.digest[:16]}-{what}"):
        is_final = isinstance(job.error, NothingToScoreError)  # trying again finds no more inputs
        if job.error and not is_final and st.button(t("Try again"), key=f"again-{what}"):
            services.forget(work, job)
            st.rerun()
        return False
    services.collect(work)
    return True


@people.fragment()
def image_panel(work: CaseWork, overlay: Overlay) -> None:
    """Draw the viewer for the image the model looked at, or another one the reader picks.

    What the viewer sends back draws this panel anew, not the page.
    """
    if not work.case.instances:
        empty_state(say("No image in this case"), messages.NO_IMAGE_MORE, icon="▣")
        return
    seen = work.seen.image
    instance = _pick(work, seen)
    auditing.image_seen(work, instance)
    stack = viewer.stack_of(work.case, instance)
    desk = reading.desk(work)

    def keep(kept: dict[str, Any]) -> None:
        desk.viewer = kept

    def add(picture: viewer.Picture) -> None:
        key_images.add(work, picture, overlay)

    left = None if signing.is_signed(work) else key_images.left(work)
    sender = viewer.Sender(viewer.kept_of(desk.viewer), left, work.number_of_message, keep, add)
    key = f"image-{work.case.digest[:16]}"
    viewer.show(work.case, stack, overlay, sender, seen=seen, key=key)
    key_images_list(work)
    desks.save(work)  # the page itself is not run again


def image_caption(
    work: CaseWork, finding: Finding | None, explanation: Explanation | None, overlay: Overlay
) -> None:
    """Draw below the image what its map says of the chosen finding.

    While the map of another method is shown, nothing that was said and tested of ours.
    """
    if finding is None or explanation is None:
        return
    if overlay.method:
        words = t(
            "Sentences, tests, places and regions are of our own map, not of that by {method}. "
            "Choose ours as the method to see them with it.",
            method=t(overlay.method),
        )  # fmt: skip
        show(element("p", words, cls="co-note caution", data_testid="not-of-method"))
        return
    captions.of_part(Modality.IMAGE, finding.prediction, explanation, work.case)
    parts = explanation.parts.get(Modality.IMAGE)
    if parts is not None and parts.passed and is_worth_a_map(parts):
        regions_list(parts, scale=formatting.scale_of(finding.prediction))
        if parts.places:
            words = t(
                "A region has the name of the place that holds most of it and may reach beyond it. "
                "Its share is of all regions, for and against; the shares in the sentence above "
                "count each cell of the map where it lies, for or against alone."
            )
            show(element("p", words, cls="co-muted", data_testid="regions-and-places"))


def notices(work: CaseWork) -> None:
    """Draw what must be known about the case before any number of it is believed."""
    told = [*(one.sentence for one in work.case.contradictions), *work.case.notices]
    if work.prediction is not None and reading.is_revealed(work):
        told += work.prediction.notices
        told += [messages.of_missing(modality) for modality in work.prediction.missing]
    for seen in (work.seen.image, work.seen.recording):
        told += seen.notices if seen is not None else ()
    if told:
        items = [element("li", t(notice)) for notice in dict.fromkeys(told)]
        show(element("ul", *items, cls="co-note caution co-notices", data_testid="notices"))


def findings_panel(work: CaseWork, findings: tuple[Finding, ...]) -> None:
    """Draw the findings; choosing one is remembered with the case."""
    auditing.answer_seen(work)
    show(
        element(
            "h2", t("Findings"), element("small", t("what needs attention first")),
            cls="co-panel-title", id="co-findings", tabindex="-1",
        )
    )  # fmt: skip
    chosen = findings_list(findings, work.target, key=work.case.digest[:16])
    if chosen is not None and chosen != work.target:
        work.target = chosen
        st.rerun()


def explanation_panel(work: CaseWork, finding: Finding) -> Explanation | None:
    """Draw the ledger of the chosen finding, or why there is none; return it when it is there."""
    show(
        element(
            "h2", t("Why: {display}", display=t(finding.prediction.display)),
            element("small", t("what moved the model, and how far")), cls="co-panel-title",
        )
    )  # fmt: skip
    gate_note(finding)
    if finding.is_withheld:
        return None
    target = finding.prediction
    job = services.explain(work, target.name)
    if job is not None and isinstance(job.error, LedgerNotAdditiveError):
        services.withhold(work, target.name, job.error)
        st.rerun()
    what = say("Explaining {display}", display=word(target.display))
    if job is None or not is_ready(work, job, what):
        return None
    explanation = work.explanations[target.name]
    alike = [
        e
        for name, e in work.explanations.items()
        if work.prediction is not None and work.prediction.target(name).kind == target.kind
    ]
    ledger.contradiction(explanation, target)
    ledger.ledger_chart(
        explanation,
        target,
        extent=charts.ledger_extent(alike) if state.session().has_fixed_scale else None,
        missing=_missing(work),
        key=f"ledger-{work.case.digest[:16]}-{target.name}",
    )
    set_note(finding)
    given = [m for m in explanation.modalities if m not in _missing(work)]
    if given:
        switches_panel(work, explanation, target, given)
    return explanation


def overlay_of(work: CaseWork, finding: Finding | None, explanation: Explanation | None) -> Overlay:
    """Return what may lie over the image for a finding, or the words for why nothing does."""
    if work.prediction is not None and not reading.is_revealed(work):
        return Overlay("", "", None, messages.NOT_YET_MAP)
    if finding is None:
        scoring = work.jobs.get("predict")
        if scoring is not None and not scoring.is_done:
            return Overlay("", "", None, messages.NO_MODEL_MAP, is_pending=True)
        return Overlay("", "", None, messages.NOT_SCORED_MAP)
    name, display = finding.prediction.name, finding.prediction.display
    if finding.is_withheld:
        words = say("No map: {display} is withheld.", display=word(display))
        return Overlay(name, display, None, words)
    if explanation is None:
        words = say("The map for {display} is being worked out.", display=word(display))
        return Overlay(name, display, None, words, is_pending=True)
    parts = explanation.parts.get(Modality.IMAGE)
    if parts is None:
        is_unread = bool(work.case.instances) and work.seen.image is None
        words = messages.OTHER_IMAGE if is_unread else messages.NO_PART_MAP
        return Overlay(name, display, None, words)
    if not parts.passed:
        words = messages.of_withheld_part(Modality.IMAGE, parts.reason)
        return Overlay(name, display, None, words)
    if not is_worth_a_map(parts):
        words = messages.too_little_to_place(Modality.IMAGE, display)
        return Overlay(name, display, None, words)
    scale = formatting.scale_of(finding.prediction)
    return methods.compared(work, Overlay(name, display, parts, scale=scale))


def details(
    work: CaseWork,
    findings: tuple[Finding, ...],
    finding: Finding | None,
    explanation: Explanation | None,
) -> None:
    """Draw the evidence inside each modality and the same numbers as tables, below the rest.

    Before the model's answer may be shown: what the case holds, as it is.
    """
    parts = explanation.parts if explanation is not None else {}
    told = _told(work)
    names = [t(short_name(modality)) for modality in told]
    if not reading.is_revealed(work):
        for modality, tab in zip(told, st.tabs(names) if names else (), strict=True):
            with tab:
                _evidence(work, modality, None, None)
        return
    *inside, numbers = st.tabs([*names, t("Numbers")])
    for modality, tab in zip(told, inside, strict=True):
        with tab:
            _evidence(work, modality, parts.get(modality), finding)
            if finding is not None and explanation is not None:
                captions.of_part(modality, finding.prediction, explanation, work.case)
    with numbers:
        session = state.session()
        fixed = st.toggle(
            t("Same axis for all findings"), value=session.has_fixed_scale, key="fixed-scale"
        )
        if fixed != session.has_fixed_scale:
            session.has_fixed_scale = fixed
            st.rerun()
        if finding is not None and explanation is not None:
            ledger.ledger_tables(explanation, finding.prediction, _missing(work))
        findings_table(findings)


def _told(work: CaseWork) -> list[Modality]:
    """Return the modalities with a tab: what the case holds or the model reads, but the image."""
    prediction = work.prediction
    read = (*prediction.present, *prediction.missing) if prediction is not None else ()
    has_view = [m for m in Modality if m is not Modality.IMAGE]
    return [m for m in has_view if m in read or inputs.held(work.case, m)]


def _evidence(
    work: CaseWork, modality: Modality, parts: Parts | None, finding: Finding | None
) -> None:
    display = finding.prediction.display if finding is not None else ""
    scale = formatting.scale_of(finding.prediction) if finding is not None else t("log-odds")
    match modality:
        case Modality.NOTE:
            note.note_view(work.case, work.seen.note, parts, scale=scale)
        case Modality.OBSERVATIONS:
            labs.observations_view(work.case, parts, scale=scale)
        case Modality.RECORDING:
            recording_view(work.case, work.seen.recording, parts, display, scale=scale)
        case Modality.VARIANTS:
            variants_view(work.case, parts, scale=scale)
        case _:
            evidence.items_view(modality, inputs.held(work.case, modality), parts, scale=scale)


def _missing(work: CaseWork) -> tuple[Modality, ...]:
    return work.prediction.missing if work.prediction is not None else ()


def _pick(work: CaseWork, seen: Instance | None) -> Instance:
    """Return the instance to draw; with several series the reader chooses."""
    firsts = [(s, s.instances[0]) for study in work.case.studies for s in study.series]
    default = seen or choose_image(work.case.instances)[0] or work.case.instances[0]
    if len(firsts) < 2:
        return default
    options = [first.digest for _, first in firsts]
    told = stacks.labels(work.case, [series.instances for series, _ in firsts])
    labels = dict(zip(options, told, strict=True))
    home = next(
        first.digest for s, first in firsts if any(i.digest == default.digest for i in s.instances)
    )
    chosen = st.pills(
        t("Series"), options, default=home, format_func=lambda d: for_label(labels[d]),
        required=True, key=f"series-{work.case.digest[:16]}-{home[:16]}",
    )  # fmt: skip
    if seen is not None:
        words = t("The model read: {label}", label=labels[home])
        show(element("p", words, cls="co-muted", data_testid="series-read"))
    if chosen == home:
        return default
    return next(first for _, first in firsts if first.digest == chosen)
