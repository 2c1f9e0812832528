"""Reports as they are filed: the pages of a PDF, and one target of a document."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pypdf

from mmcore.records import GateVerdict, PartItem, Result, TargetGate
from mmcore.report import render_pdf, result_document
from tests.unit.report.factories import (
    IMAGE,
    NOTE,
    make_case,
    make_explanation,
    make_result,
    make_target,
)

SCHEMA = json.loads(Path("docs/result.schema.json").read_text(encoding="utf-8"))
WITHHELD = TargetGate("pneumonia", GateVerdict.WITHHELD, "The view is lateral.", IMAGE)


def pages_of(result: Result) -> list[str]:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(result_document(result))))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def text_of(result: Result) -> str:
    return " ".join(pages_of(result))


def named(name: str) -> Result:
    case = make_case()
    return make_result(case=replace(case, patient=replace(case.patient, name=name)))


def with_note_item(what: str) -> Result:
    explanation = make_explanation(make_target())
    part = replace(explanation.parts[NOTE], items=(PartItem(what, (0, 16), 0.47),))
    parts = dict(explanation.parts) | {NOTE: part}
    return make_result(explanations={"pneumonia": replace(explanation, parts=parts)})


def target_of(result: Result, name: str = "pneumonia") -> dict:
    document = result_document(result)
    return next(t for t in document["targets"] if t["name"] == name)
