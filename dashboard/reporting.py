"""The report of a case: written anew while it is a draft, drawn as it was signed after that."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dashboard import jobs, reading, services, signing, state
from dashboard.jobs import Job, Tell
from dashboard.language import say, word
from dashboard.state import CaseWork
from mmcore.language import ENGLISH
from mmcore.records import Explanation, GateVerdict, Prediction, Result

if TYPE_CHECKING:
    from mmcore.serve.scorer import Scorer


def write(work: CaseWork) -> Job[Any] | None:
    """Start or find the report of a case; None without a pack.

    A signed one is drawn as it was signed, without any model. A draft is written: every shown
    target is explained, then come the document and its PDF; it holds what the reader has recorded,
    put in and concluded by now. Raises ``StoreError``, and ``ResultFormatError`` for a signed
    report that is not what was signed any more.
    """
    document = signing.signed(work)
    return _draft(work) if document is None else _signed(work, document)


def _signed(work: CaseWork, document: dict[str, Any]) -> Job[Any]:
    language = state.language()

    def task(tell: Tell) -> tuple[None, dict[str, Any], bytes, dict[str, Explanation]]:
        from mmcore.report import render_pdf
        from mmcore.report.template import template_of

        tell(0.0, say("Setting the pages"))
        return None, document, render_pdf(document, language, template_of()), {}

    if work.kept is not None:
        work.kept.document = document  # the journal knows that it was written
    if "report" not in work.jobs:
        work.jobs["report"] = jobs.start(task)
    return work.jobs["report"]


def _draft(work: CaseWork) -> Job[Any] | None:
    desk, language = reading.desk(work), state.language()
    read, pictures, conclusion = desk.reading, desk.key_images, desk.conclusion

    def task(
        engine: "Scorer", tell: Tell
    ) -> tuple[Prediction, dict[str, Any], bytes, dict[str, Explanation]]:
        from mmcore.errors import LedgerNotAdditiveError
        from mmcore.report import render_pdf, result_document
        from mmcore.report.template import template_of
        from mmcore.serve.scoring import withhold

        prediction = work.prediction or engine.predict(work.case)
        known = dict(work.explanations)
        shown = [g.target for g in prediction.gate if g.verdict is not GateVerdict.WITHHELD]
        for index, target in enumerate(shown):
            name = word(prediction.target(target).display)
            doing = say(
                "Explaining {display} ({n} of {all})", display=name, n=index + 1, all=len(shown)
            )
            tell(index / len(shown), doing)
            if target not in known:
                try:
                    known[target] = engine.explain(work.case, target)
                except LedgerNotAdditiveError as error:
                    prediction = withhold(prediction, target, reason=error.words)
        tell(1.0, say("Setting the pages"))
        explanations = {target: known[target] for target in shown if target in known}
        result = Result(work.case, prediction, explanations, read, pictures, conclusion)
        document = dict(result_document(result))
        return prediction, document, render_pdf(document, language, template_of()), explanations

    return services.started(work, "report", task)


def file_name(document: Mapping[str, Any], suffix: str) -> str:
    """Return a download name that is unique to the report and holds nothing of the patient.

    Unique because Streamlit may tell large downloads of equal length apart by name only.
    """
    used, language, case = document["pack"], state.language(), document["case"]["digest"]
    name = f"{case[:16]}-{used['name']}-{used['version']}-{used['digest'][:8]}"
    if "signature" in document:
        added = len(document.get("addenda", ()))
        name += f"-signed-{added}" if added else "-signed"
        if cosigned := len(document.get("cosignatures", ())):
            name += f"-cosigned-{cosigned}"
    is_translated = suffix == "pdf" and language != ENGLISH
    return f"consilium-{name}{f'-{language}' if is_translated else ''}.{suffix}"
