"""The audit as FHIR R4 AuditEvents (HL7 FHIR R4, 6.4), in Bundles, for a site's audit repository.

Types and subtypes are of DICOM PS3.16, CID 400 and of HL7's own code system where they have one.
Nobody is named: agents are accounts by their id, patients are cases by their digest.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from itertools import islice
from typing import Any

from mmcore.audit.chain import Entry
from mmcore.results.fhir_check import check_bundle

PER_BUNDLE = 500
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_HL7 = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_OWN = "urn:consilium:audit"
_KINDS: Mapping[str, tuple[str, str, str, str]] = {
    "kept": (_DCM, "110107", "Import", "C"),
    "opened": (_DCM, "110103", "DICOM Instances Accessed", "R"),
    "closed": (_DCM, "110103", "DICOM Instances Accessed", "R"),
    "image shown": (_DCM, "110103", "DICOM Instances Accessed", "R"),
    "answer seen": (_DCM, "110112", "Query", "R"),
    "others' readings shown": (_DCM, "110112", "Query", "R"),
    "shown": (_DCM, "110112", "Query", "R"),
    "revealed": (_DCM, "110112", "Query", "R"),
    "decided": (_DCM, "110110", "Patient Record", "U"),
    "report written": (_DCM, "110110", "Patient Record", "C"),
    "signed": (_DCM, "110110", "Patient Record", "U"),
    "addendum": (_DCM, "110110", "Patient Record", "U"),
    "co-signed": (_DCM, "110110", "Patient Record", "U"),
    "exported": (_DCM, "110106", "Export", "R"),
    "backed up": (_DCM, "110106", "Export", "R"),
    "put back from a backup": (_DCM, "110107", "Import", "C"),
    "moved to another database": (_DCM, "110106", "Export", "R"),
    "de-identified files taken out": (_DCM, "110106", "Export", "R"),
    "removed": (_DCM, "110110", "Patient Record", "U"),
    "restored": (_DCM, "110110", "Patient Record", "U"),
    "deleted": (_DCM, "110105", "DICOM Study Deleted", "D"),
    "expired": (_DCM, "110105", "DICOM Study Deleted", "D"),
    "signed in": (_DCM, "110114", "User Authentication", "E"),
    "signed out": (_DCM, "110114", "User Authentication", "E"),
    "site changed": (_DCM, "110113", "Security Alert", "U"),
    "not allowed": (_DCM, "110113", "Security Alert", "E"),
    "audit used": (_DCM, "110101", "Audit Log Used", "R"),
    "sign-in refused": (_DCM, "110114", "User Authentication", "E"),
    "locked": (_DCM, "110114", "User Authentication", "E"),
    "unlocked": (_DCM, "110114", "User Authentication", "E"),
    "people changed": (_DCM, "110113", "Security Alert", "U"),
}
"""By kind: code system, code and words of the type, and what was done (FHIR's action)."""
_SUBTYPES: Mapping[str, tuple[str, str]] = {
    "signed in": ("110122", "Login"),
    "signed out": ("110123", "Logout"),
    "people changed": ("110137", "User Security Attributes Changed"),
    "not allowed": ("110132", "Use of Restricted Function"),
    "site changed": ("110129", "Security Configuration"),
}
_REFUSED = ("sign-in refused", "not allowed")
_SERIOUS_FAILURE, _SUCCESS = "8", "0"  # HL7 AuditEvent outcome


def bundles(entries: Iterable[Entry], *, site: str = "consilium") -> Iterator[dict[str, Any]]:
    """Yield Bundles of AuditEvents, each checked. site: how the site calls this installation."""
    rest = iter(entries)
    while some := list(islice(rest, PER_BUNDLE)):
        bundle = {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": some[-1].at.astimezone(UTC).isoformat(),
            "entry": [
                {"fullUrl": f"urn:consilium:audit:{entry.hash}", "resource": event(entry, site)}
                for entry in some
            ],
        }
        check_bundle(bundle)
        yield bundle


def zipped(entries: Iterable[Entry], *, site: str = "consilium") -> bytes:
    """Return a zip with a file for each Bundle, the same for the same entries."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, bundle in enumerate(bundles(entries, site=site), start=1):
            archive.writestr(zipfile.ZipInfo(file_name(number)), text_of(bundle))
    return packed.getvalue()


def file_name(number: int) -> str:
    """Return the name of the file of a Bundle, counted from 1."""
    return f"audit-{number:05}.json"


def text_of(bundle: Mapping[str, Any]) -> str:
    """Return a Bundle as the text of its file."""
    return json.dumps(bundle, ensure_ascii=False, indent=1)


def event(entry: Entry, site: str) -> dict[str, Any]:
    """Return one entry as an AuditEvent."""
    system, code, words, action = _KINDS.get(entry.kind, (_HL7, "object", "Object", "E"))
    made: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "type": {"system": system, "code": code, "display": words},
        "subtype": [{"system": _OWN, "code": _code(entry.kind), "display": entry.kind}],
        "action": action,
        "recorded": entry.at.astimezone(UTC).isoformat(),
        "outcome": _SERIOUS_FAILURE if entry.kind in _REFUSED else _SUCCESS,
        "agent": [_agent(entry)],
        "source": {"site": site, "observer": {"display": "Consilium"}},
        "entity": _entities(entry),
    }
    if entry.kind in _SUBTYPES:
        subcode, display = _SUBTYPES[entry.kind]
        made["subtype"].insert(0, {"system": _DCM, "code": subcode, "display": display})
    return made


def _agent(entry: Entry) -> dict[str, Any]:
    who = entry.actor or "the program"
    agent: dict[str, Any] = {
        "who": {"identifier": {"system": "urn:consilium:account", "value": who}},
        "requestor": bool(entry.actor),
    }
    if entry.roles:
        agent["role"] = [{"text": role} for role in entry.roles.split()]
    return agent


def _entities(entry: Entry) -> list[dict[str, Any]]:
    """Return what it was about, and the place of the entry in the chain."""
    details = [
        {
            "type": name,
            "valueString": value if isinstance(value, str) else json.dumps(value, sort_keys=True),
        }
        for name, value in sorted(entry.details.items())
    ]
    details += [
        {"type": "sequence", "valueString": str(entry.seq)},
        {"type": f"{entry.method} of this entry", "valueString": entry.hash},
        {"type": "hash of the entry before", "valueString": entry.previous},
    ]
    made: list[dict[str, Any]] = [{"name": "entry of the audit", "detail": details}]
    if entry.case_digest:
        digest = {"system": "urn:consilium:case", "value": entry.case_digest}
        made.append({"name": "case", "what": {"identifier": digest}})
    if entry.pack_name:
        pack = {"system": "urn:consilium:pack", "value": entry.pack_name}
        made.append({"name": "model", "what": {"identifier": pack}})
    return made


def _code(kind: str) -> str:
    return kind.replace(" ", "-").replace("'", "")
