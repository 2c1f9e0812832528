"""A preview of the report, drawn from the very document that is filed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from dashboard import formatting, messages
from dashboard.attention import Finding, attention_for
from dashboard.components.intake import SEXES
from dashboard.components.ledger import ledger_level
from dashboard.components.report_reader import reader
from dashboard.language import ours, t
from dashboard.markup import Markup, element, join, show, table
from mmcore import wording
from mmcore.errors import RefusalCode
from mmcore.records import (
    FileVerdict,
    GateVerdict,
    Modality,
    SourceFile,
    TargetGate,
    TargetPrediction,
)
from mmcore.wording import person_name

_TOP = 3


def preview(document: Mapping[str, Any]) -> None:
    """Draw the document as a sheet: whose it is, every finding, what is withheld, which files."""
    gates = {gate["target"]: gate for gate in document["gate"]}
    show(
        element(
            "article",
            _head(document),
            *_conclusion(document),
            _findings(document, gates),
            *(
                _why(target, document["missing"])
                for target in document["targets"]
                if gates[target["name"]]["verdict"] != GateVerdict.WITHHELD
                and target["contributions"]
            ),
            *reader(document),
            *_key_images(document),
            _files(document),
            *_addenda(document),
            element("p", t(messages.RESEARCH_USE), " ", t(messages.SAYS_NOT), cls="co-muted"),
            cls="co-sheet",
            data_testid="report-preview",
        )
    )


def _head(document: Mapping[str, Any]) -> Markup:
    case, pack = document["case"], document["pack"]
    patient = case["patient"]
    facts = [
        (t("Patient"), person_name(patient["name"]) or t("not stated")),
        (t("Patient ID"), patient["id"] or t("not stated")),
        (t("Born"), patient["birth_date"] or t("not stated")),
        (t("Age, sex"), _age_and_sex(patient)),
        *_study(case),
        (t("Model"), f"{pack['name']} {pack['version']}"),
        (t("Case digest"), case["digest"][:16]),
        (t("Model digest"), pack["digest"][:16]),
    ]
    question = case.get("question")
    if question is not None:
        facts.append((t("Question"), question["text"]))
    items = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    told = [one["words"] for one in case.get("contradictions", ())]
    notices = [*told, *case["notices"], *document["notices"]]
    return element(
        "header",
        element("h2", t("Case report")),
        _status(document),
        element("dl", *items, cls="co-facts"),
        *(element("div", t(notice), cls="co-note caution") for notice in notices),
    )


def _age_and_sex(patient: Mapping[str, Any]) -> str:
    years, sex = patient["age_years"], patient["sex"]
    age = t("not stated") if years is None else t("{years:.0f} years", years=years)
    return t(", ").join((age, t(SEXES[sex]) if sex else t("sex unknown")))


def _study(case: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what was examined and when: the first study, and the image that stands for the case."""
    for study in case["studies"][:1]:
        yield t("Study"), study["description"] or t("not stated")
        yield t("Study began"), _moment(study["started_at"])
    image = case["key_image"]
    if image is not None:
        names = ("dicom_modality", "body_part", "view_position", "laterality")
        yield t("Image"), t(", ").join(image[name] for name in names if image[name])
        yield t("Acquired"), _moment(image["acquired_at"])


def _moment(given: str | None) -> str:
    """Return a time as the file states it; midnight to the second is a day without a clock."""
    if given is None:
        return t("not stated")
    at = datetime.fromisoformat(given)
    return f"{at:%Y-%m-%d}" if at.time() == time() else f"{at:%Y-%m-%d %H:%M}"


def _status(document: Mapping[str, Any]) -> Markup:
    """Return whether the report is a draft, preliminary or final, and by whom."""
    signature = document.get("signature")
    if signature is None:
        words, tone = t("Draft: nobody has signed it."), "caution"
    elif _awaits_cosignature(document):
        words = t("Preliminary: signed by {name}, {time}. A co-signature is awaited.",
                  name=signature["name"], time=_at(signature["signed_at"]))  # fmt: skip
        tone = "caution"
    else:
        words = t("Final: signed by {name}, {time}.", name=signature["name"],
                  time=_at(signature["signed_at"]))  # fmt: skip
        tone = "good"
    badges: list[Markup | str] = [element("span", words, cls=f"co-badge {tone}")]
    added = len(document.get("addenda", ()))
    if added:
        badges += [" ", element("span", t("Addenda: {n}", n=added), cls="co-badge caution")]
    is_signed = str(signature is not None).lower()
    return element("p", *badges, data_testid="report-status", data_signed=is_signed)


def _awaits_cosignature(document: Mapping[str, Any]) -> bool:
    from mmcore.report.signing import awaits_cosignature  # brings the PDF with it

    return awaits_cosignature(document)


def _at(moment: str) -> str:
    """Return a time with its zone as it is read."""
    at = datetime.fromisoformat(moment)
    return f"{formatting.clock(at)} {at:%Z}".strip()


def _conclusion(document: Mapping[str, Any]) -> tuple[Markup, ...]:
    """Return what the reader concludes; nothing where they wrote nothing."""
    if "conclusion" not in document:
        return ()
    lines = [element("p", line) for line in document["conclusion"].splitlines() if line.strip()]
    head = element("h3", t("Conclusion of the reader"))
    return (element("section", head, *lines, data_testid="report-conclusion"),)


def _addenda(document: Mapping[str, Any]) -> tuple[Markup, ...]:
    """Return the sign-off and what was added since; nothing of a draft."""
    signature = document.get("signature")
    if signature is None:
        return ()
    facts = [
        (t("Signed by"), signature["name"]),
        (t("Signed at"), _at(signature["signed_at"])),
        (t("Result SHA-256"), signature["document_digest"]),
        (t("Case SHA-256"), signature["case_digest"]),
    ]
    items = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    made = [
        element(
            "section", element("h3", t("Sign-off")), element("dl", *items, cls="co-facts"),
            data_testid="report-signature",
        )
    ]  # fmt: skip
    made += [_cosignature(one) for one in document.get("cosignatures", ())]
    for number, addendum in enumerate(document.get("addenda", ()), start=1):
        lines = [element("p", line) for line in addendum["text"].splitlines() if line.strip()]
        by = t("{name}, {time}", name=addendum["name"], time=_at(addendum["added_at"]))
        head = element("h3", t("Addendum {n}", n=number))
        made.append(
            element("section", head, element("p", by, cls="co-muted"), *lines,
                    data_testid="report-addendum")
        )  # fmt: skip
    return tuple(made)


def _cosignature(given: Mapping[str, Any]) -> Markup:
    facts = [
        (t("Co-signed by"), given["name"]),
        (t("Co-signed at"), _at(given["cosigned_at"])),
        (t("Result SHA-256"), given["document_digest"]),
    ]
    if given["addenda"]:
        facts.append((t("Addenda covered"), str(given["addenda"])))
    items = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return element(
        "section", element("h3", t("Co-signature")), element("dl", *items, cls="co-facts"),
        data_testid="report-cosignature",
    )  # fmt: skip


def _findings(document: Mapping[str, Any], gates: Mapping[str, Any]) -> Markup:
    rows: list[tuple[str, ...]] = []
    for target in document["targets"]:
        gate = gates[target["name"]]
        display = _display(target)
        verdict = GateVerdict(gate["verdict"])
        words, tone = messages.GATE[verdict]
        helps = Modality(gate["helps_most"]) if gate["helps_most"] else None
        badge = element("span", t(words), cls=f"co-badge {tone}")
        why = "" if tone == "good" else t(messages.of_gate(verdict, gate["reason"], helps))
        if verdict is GateVerdict.WITHHELD:
            rows.append((display, "—", "—", "—", element("span", badge, " ", why)))
        else:
            rows.append(
                (
                    display,
                    _called(target, gate),
                    _value(target),
                    _interval(target),
                    element("span", badge, " ", why),
                )
            )
    headers = (
        t("Finding"), t("Called"), t("Model says"), t("90% interval"), t("May it be scored")
    )  # fmt: skip
    drawn = table(headers, rows, caption=t("Findings"))
    sets = dict.fromkeys(wording.set_sentence(one["prediction_set"]) for one in document["targets"])
    told = [element("p", t(words), cls="co-muted") for words in sets if words]
    return join(drawn, *told)


def _called(target: Mapping[str, Any], gate: Mapping[str, Any]) -> str:
    """Return what a target is called, with the threshold that decides it."""
    said, verdict = _prediction(target), GateVerdict(gate["verdict"])
    finding = Finding(said, TargetGate(said.name, verdict), attention_for(said, verdict))
    called = t(messages.called(finding))
    if finding.call is None:
        return called
    point = messages.operating_point(said)
    return t("{called} (operating point {point})", called=called, point=point)


def _display(target: Mapping[str, Any]) -> str:
    display: str = target["display"]
    return t(display)


def _interval(target: Mapping[str, Any]) -> str:
    interval = formatting.interval(
        *target["interval"],
        of_probability=target["probability"] is not None,
        unit_text=formatting.unit(target["unit"]),
    )
    words = t(wording.set_text(target["prediction_set"]))
    return t("; ").join((interval, words)) if words else interval


def _value(target: Mapping[str, Any]) -> str:
    probability, point = target["probability"], target["operating_point"]
    if probability is None:
        return f"{formatting.number(target['logit'])} {formatting.unit(target['unit'])}".strip()
    text = wording.probability_beside(probability, point)[0]
    words = t(wording.probability_words(probability))
    return t("{value}, {words}", value=text, words=words)


def _prediction(target: Mapping[str, Any]) -> TargetPrediction:
    """Return what the document says of a target that is not withheld as the record it came from."""
    low, high = target["interval"]
    return TargetPrediction(
        name=target["name"],
        display=target["display"],
        kind=target["kind"],
        logit=target["logit"],
        probability=target["probability"],
        interval=(low, high),
        operating_point=target["operating_point"],
        unit=target["unit"],
        prediction_set=target["prediction_set"],
    )


def _why(target: Mapping[str, Any], missing: Sequence[str]) -> Markup:
    said = _prediction(target)
    rows = [(t("Starting point"), ledger_level(target["base"], said), "", "", "")]
    for c in target["contributions"]:
        part = target["parts"].get(c["modality"])
        modality = Modality(c["modality"])
        if modality in missing:
            rows.append((t(modality.display), t(messages.NOT_GIVEN), "", "", ""))
            continue
        low, high = map(wording.signed_text, c["band"])
        band = t("{low} to {high}", low=low, high=high)
        band = band.replace(" ", "\N{NO-BREAK SPACE}")  # a sign stays with its number's range
        rows.append(
            (
                t(modality.display),
                wording.signed_text(c["signed"]),
                band,
                formatting.share(c["share"]),
                _evidence(modality, part),
            )
        )
    rows.append((t("This patient"), ledger_level(target["logit"], said), "", "", ""))
    display = _display(target)
    moves = t("Moves the result by ({scale})", scale=formatting.scale_of(said))
    headers = (t("Input"), moves, t("Band"), t("Share"), t("Strongest evidence"))
    return element(
        "section",
        element("h3", display),
        table(headers, rows, caption=t("Contributions to {display}", display=display)),
    )


def _evidence(modality: Modality, part: Mapping[str, Any] | None) -> str:
    if part is None:
        return "—"
    if not part["passed"]:
        return t(messages.of_withheld_part(modality, part["reason"]))
    top = part["top"][:_TOP]
    told = []
    for item in top:
        mark = f" ({t(item['mark'])})" if item["mark"] else ""
        told.append(f"{ours(item['what'])}{mark} {wording.signed_text(item['signed'])}")
    rest = part["sum"] - sum(item["signed"] for item in top)
    if told and abs(rest) >= 0.005:
        told.append(t("all else together {value}", value=wording.signed_text(rest)))
    return t("; ").join(told) or "—"


def _key_images(document: Mapping[str, Any]) -> tuple[Markup, ...]:
    """Return what the reader put in from the screen, as the document holds it."""
    figures = [
        element(
            "figure",
            element(
                "img", src=f"data:image/png;base64,{image['png']}", alt=image["caption"],
                cls="co-picture",
            ),
            element("figcaption", image["caption"]),
            cls="co-key-image",
        )
        for image in document.get("key_images", ())
    ]  # fmt: skip
    if not figures:
        return ()
    head = element("h3", t("Key images"))
    return (element("section", head, *figures, data_testid="report-key-images"),)


def _source(file: Mapping[str, Any]) -> SourceFile:
    """Return what the document says of a file as the record it came from."""
    code = RefusalCode(file["code"]) if file["code"] else None
    return SourceFile(
        file["name"], file["digest"], file["size_bytes"], file["kind"],
        FileVerdict(file["verdict"]), code, file["reason"],
    )  # fmt: skip


def _files(document: Mapping[str, Any]) -> Markup:
    rows = [
        (
            file["name"],
            t(messages.FILE_KIND.get(file["kind"], file["kind"])),
            t(messages.of_verdict(_source(file))[0]),
            file["digest"][:16],
        )
        for file in document["case"]["files"]
    ]
    return element(
        "section",
        element("h3", t("Files")),
        table(
            (t("File"), t("Kind"), t("Verdict"), t("SHA-256 begins")),
            rows,
            caption=t("Source files"),
        ),
    )
