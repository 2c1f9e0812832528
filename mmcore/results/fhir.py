"""The result as FHIR R4: one transaction Bundle that a server takes as it is, again and again.

DiagnosticReport with the PDF, one Observation per finding that may be told, the pack as a Device,
and Provenance. Patient and ImagingStudy are referred to by their identifiers and are never written:
they are the hospital's. Every resource is a conditional update on an identifier made of case and
model, so a later version, such as the signed one, replaces the earlier instead of standing beside
it; Provenance is a conditional create on the document's digest, one for each version. A withheld
finding has no Observation; the conclusion says that it was withheld.
"""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from mmcore import __version__, holding
from mmcore.calls import call_sentence
from mmcore.report import Document, document_digest, render_pdf
from mmcore.report.reading import ReportedResult, ReportedTarget, read_document
from mmcore.report.template import PLAIN, Template
from mmcore.results import codes as said
from mmcore.results.codes import Coded
from mmcore.results.fhir_check import check_bundle
from mmcore.results.records import AI_NOT_VERIFIED, AI_SIGNED, Kind, Made
from mmcore.results.subject import as_of, cosignature_lines, signers, written_at
from mmcore.wording import person_name, set_sentence

Resource = dict[str, Any]
_UCUM = "http://unitsofmeasure.org"
_URI = "urn:ietf:rfc:3986"
_SHA256 = f"{said.SYSTEM}:sha256"
_AI = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
_IMAGING = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "imaging",
            "display": "Imaging",
        }
    ]
}
_REPORT = {
    "coding": [
        {"system": "http://loinc.org", "code": "18748-4", "display": "Diagnostic imaging study"}
    ]
}
_UNKNOWN = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
            "code": "unknown",
            "display": "Unknown",
        }
    ]
}


def fhir_bundle(
    document: Document, *, study_uid: str = "", zone: str = "", template: Template = PLAIN
) -> Made:
    """Return the Bundle as JSON; the same document and template give the same bytes.

    study_uid: of the image's study, "" where the case has none. zone: as in ``written_at``.
    template: of the site, for the PDF. Raises ``ResultFormatError``.
    """
    result, digest = read_document(document), document_digest(document)
    pdf = render_pdf(document, template=template)
    writer = _Writer(document, result, pdf, study_uid, zone)
    bundle = writer.bundle()
    check_bundle(bundle)
    data = json.dumps(bundle, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    return Made(
        kind=Kind.FHIR,
        name=f"{Kind.FHIR}-{digest[:12]}.json",
        data=(data + "\n").encode(),
        media_type="application/fhir+json",
        study_uid=study_uid,
        series_uid=writer.report_url,
    )


class _Writer:
    """The resources of one Bundle, which refer to each other by their ``fullUrl``."""

    def __init__(
        self, document: Document, result: ReportedResult, pdf: bytes, study_uid: str, zone: str
    ) -> None:
        self._result, self._digest = result, document_digest(document)
        self._pdf, self._study_uid = pdf, study_uid
        self._at = written_at(document, result, zone=zone)
        self._speaks_of = as_of(document)
        self._told = [t for t in result.targets if not t.is_withheld]

    @property
    def report_url(self) -> str:
        """What identifies the report, whatever its version."""
        return self._url("DiagnosticReport", "report")

    def bundle(self) -> Resource:
        entries = [
            ("Device", "device", self._device()),
            *(("Observation", t.name, self._observation(t)) for t in self._told),
            ("DiagnosticReport", "report", self._report()),
            ("Provenance", self._digest, self._provenance()),
        ]
        return {
            "resourceType": "Bundle",
            "type": "transaction",
            "timestamp": self._instant(self._at),
            "entry": [self._entry(kind, name, resource) for kind, name, resource in entries],
        }

    def _entry(self, kind: str, name: str, resource: Resource) -> Resource:
        url = self._url(kind, name)
        request: Resource = {"method": "PUT", "url": f"{kind}?identifier={_URI}|{url}"}
        if kind == "Provenance":  # has no identifier, and each version has its own
            none_with = f"_tag={_SHA256}|{self._digest}"
            request = {"method": "POST", "url": kind, "ifNoneExist": none_with}
        return {"fullUrl": url, "resource": resource, "request": request}

    def _url(self, kind: str, name: str) -> str:
        """Return a name that follows from case, model, kind and ``name``."""
        pack = self._result.pack.digest
        about = ("", pack) if kind == "Device" else (self._result.case.digest, pack)
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, chr(0).join((*about, kind, name)))}"

    def _identifier(self, kind: str, name: str) -> list[Resource]:
        return [{"system": _URI, "value": self._url(kind, name)}]

    def _marked(self) -> Resource:
        """Return what says that a model asserts it, and whether a person has signed."""
        signed = self._result.signature is not None
        tag = {"system": said.SYSTEM, "code": "signed" if signed else "not-verified",
               "display": AI_SIGNED if signed else AI_NOT_VERIFIED}  # fmt: skip
        return {"security": [_AI], "tag": [tag]}

    def _subject(self) -> Resource:
        patient = self._result.case.patient
        found: Resource = {"type": "Patient"}
        if patient.patient_id:
            found["identifier"] = {"value": patient.patient_id}
        found["display"] = person_name(patient.name) or "Patient not named"
        return found

    def _study(self) -> list[Resource]:
        if not self._study_uid:
            return []
        identifier = {"system": "urn:dicom:uid", "value": f"urn:oid:{self._study_uid}"}
        return [{"type": "ImagingStudy", "identifier": identifier}]

    def _effective(self) -> Resource:
        """Return the time that the case speaks of; its day alone, since no zone is known."""
        if self._speaks_of is None:
            return {}
        return {"effectiveDateTime": self._speaks_of.date().isoformat()}

    def _device(self) -> Resource:
        pack = self._result.pack
        note = "Research use only."
        if pack.is_simulated:
            note += " Trained on simulated patients alone; it says nothing of a real one."
        return {
            "resourceType": "Device",
            "identifier": self._identifier("Device", "device"),
            "status": "active",
            "manufacturer": "Consilium",
            "serialNumber": pack.digest,
            "deviceName": [{"name": f"Consilium {pack.name}", "type": "model-name"}],
            "version": [
                {"type": {"text": "model pack"}, "value": pack.version},
                {"type": {"text": "software"}, "value": __version__},
            ],
            "note": [{"text": note}],
        }

    def _observation(self, target: ReportedTarget) -> Resource:
        is_finding = target.kind == "finding"
        value = target.probability if is_finding else target.logit
        unit = "1" if is_finding else (target.unit or "1")
        told: Resource = {"dataAbsentReason": _UNKNOWN}
        if value is not None:
            told = {"valueQuantity": _quantity(value, unit)}
        return {
            "resourceType": "Observation",
            "meta": self._marked(),
            "identifier": self._identifier("Observation", target.name),
            "status": "final" if self._result.is_final else "preliminary",
            "category": [_IMAGING],
            "code": _concept(said.finding_code(target), text=target.display),
            "subject": self._subject(),
            **self._effective(),
            "issued": self._instant(self._at),
            **told,
            "note": [{"text": words} for words in self._notes(target)],
            "device": {"reference": self._url("Device", "device")},
            **({"derivedFrom": self._study()} if self._study() else {}),
            "component": list(self._components(target, unit)),
        }

    def _notes(self, target: ReportedTarget) -> Iterator[str]:
        signed = self._result.signature is not None
        yield f"{AI_SIGNED if signed else AI_NOT_VERIFIED}. Research use only."
        yield f"Trust verdict: {target.gate.verdict}. {target.gate.reason}".strip()
        if told := set_sentence(target.prediction_set):
            yield told

    def _components(self, target: ReportedTarget, unit: str) -> Iterator[Resource]:
        if target.interval is not None:
            low, high = target.interval
            yield {
                "code": _concept(said.ours("interval-90", "90 % interval")),
                "valueRange": {"low": _quantity(low, unit), "high": _quantity(high, unit)},
            }
        if target.call is not None and target.operating_point is not None:
            yield {
                "code": _concept(said.POINT),
                "valueQuantity": _quantity(target.operating_point, unit),
            }
            why = call_sentence(target.probability, target.interval, target.operating_point)
            called = _concept(said.CALL[target.call], text=why)
            yield {"code": _concept(said.CALLED), "valueCodeableConcept": called}
        yield {
            "code": _concept(said.TRUST),
            "valueCodeableConcept": _concept(said.VERDICT[target.gate.verdict]),
        }
        ledger = "{logit}" if target.kind == "finding" else unit
        if target.base is not None:
            code = _concept(said.base_code(target))
            yield {"code": code, "valueQuantity": _quantity(target.base, ledger)}
        for one in target.contributions:
            yield {
                "code": _concept(said.contribution_code(target, one.modality)),
                "valueQuantity": _quantity(one.signed, ledger),
            }
        reading = self._result.reading
        held = None if reading is None else holding.presence_of(reading, target.name, target.call)
        if reading is not None and held is not None:
            note = holding.note_on(reading, target.name, target.call)
            presence = _concept(said.PRESENCE[held], text=note)
            yield {"code": _concept(said.READ), "valueCodeableConcept": presence}

    def _report(self) -> Resource:
        result = self._result
        status = "preliminary"
        if result.is_final:
            status = "appended" if result.addenda else "final"
        pdf = base64.b64encode(self._pdf).decode()
        reader = [{"display": name} for name in signers(result)]
        return {
            "resourceType": "DiagnosticReport",
            "meta": self._marked(),
            "identifier": self._identifier("DiagnosticReport", "report"),
            "status": status,
            "category": [_IMAGING],
            "code": _REPORT,
            "subject": self._subject(),
            **self._effective(),
            "issued": self._instant(self._at),
            **({"resultsInterpreter": reader} if reader else {}),
            "result": [{"reference": self._url("Observation", t.name)} for t in self._told],
            **({"imagingStudy": self._study()} if self._study() else {}),
            "conclusion": "\n".join(self._conclusion()),
            "presentedForm": [
                {
                    "contentType": "application/pdf",
                    "language": "en",
                    "data": pdf,
                    "title": f"Consilium case report, document SHA-256 {self._digest}",
                }
            ],
        }

    def _conclusion(self) -> Iterator[str]:
        result = self._result
        yield f"{AI_NOT_VERIFIED if result.signature is None else AI_SIGNED}. Research use only."
        yield from result.notices
        if result.conclusion:
            yield result.conclusion
        for addendum in result.addenda:
            yield f"Addendum of {addendum.name}, {addendum.added_at.isoformat()}: {addendum.text}"
        yield from cosignature_lines(result)
        for target in result.targets:
            if target.is_withheld:
                yield f"{target.display}: withheld. {target.gate.reason}"

    def _provenance(self) -> Resource:
        result = self._result
        targets = [self._url("DiagnosticReport", "report")]
        targets += [self._url("Observation", t.name) for t in self._told]
        agents: list[Resource] = [
            {
                "type": _concept(Coded("assembler", "agent", "Assembler")),
                "who": {"reference": self._url("Device", "device")},
            }
        ]
        agents += [
            {
                "type": _concept(Coded("verifier", "agent", "Verifier")),
                "who": {"display": name},
            }
            for name in signers(result)
        ]
        sources = [{"value": self._digest}, *({"value": f.digest} for f in result.case.files)]
        return {
            "resourceType": "Provenance",
            "meta": {"tag": [{"system": _SHA256, "code": self._digest}]},
            "target": [{"reference": url} for url in targets],
            "recorded": self._instant(self._at),
            "agent": agents,
            "entity": [
                {
                    "role": "source",
                    "what": {"identifier": {"system": _SHA256, **source}},
                }
                for source in sources
            ],
        }

    @staticmethod
    def _instant(moment: datetime) -> str:
        return moment.replace(microsecond=0).isoformat()


def _quantity(value: float, unit: str) -> Resource:
    is_ucum = unit in ("1", "{logit}")
    found: Resource = {"value": value}
    if unit != "1":
        found["unit"] = "log-odds" if unit == "{logit}" else unit
    return found | ({"system": _UCUM, "code": unit} if is_ucum else {})


_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def _concept(code: Coded, *, text: str = "") -> Mapping[str, Any]:
    system = _AGENT if code.scheme == "agent" else code.system
    coding = {"system": system, "code": code.value, "display": code.meaning}
    return {"coding": [coding], **({"text": text} if text else {})}
