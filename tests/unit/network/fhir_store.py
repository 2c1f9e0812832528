"""A small FHIR R4 server for tests: takes valid transactions whole, and does what they ask for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mmcore.results.fhir_check import references
from tests.unit.network.served import send, served

TYPE = "application/fhir+json"
Resource = dict[str, Any]


class RefusedError(Exception):
    """What a server answers to a Bundle that it does not take."""

    def __init__(self, status: int, code: str, words: str = "") -> None:
        super().__init__(words or code)
        self.status, self.code, self.words = status, code, words


@dataclass
class FhirStore:
    """Resources by kind and id. problem: what every POST is refused with, while it is set."""

    kept: dict[str, Resource] = field(default_factory=dict)
    problem: RefusedError | None = None
    version: str = "4.0.1"
    posts: int = 0
    tokens: list[str | None] = field(default_factory=list)

    def of(self, kind: str) -> list[Resource]:
        return [one for where, one in self.kept.items() if where.startswith(f"{kind}/")]

    def answer(self, asked: BaseHTTPRequestHandler, body: bytes) -> None:
        self.tokens.append(asked.headers.get("Authorization"))
        if asked.path.endswith("/metadata"):
            said = {"resourceType": "CapabilityStatement", "fhirVersion": self.version}
            send(asked, json.dumps(said).encode(), Content_Type=TYPE)
            return
        self.posts += 1
        try:
            said = self._taken(asked, body)
        except RefusedError as refusal:
            issue = {"severity": "error", "code": refusal.code, "diagnostics": str(refusal)}
            said = {"resourceType": "OperationOutcome", "issue": [issue]}
            send(asked, json.dumps(said).encode(), status=refusal.status, Content_Type=TYPE)
        else:
            send(asked, json.dumps(said).encode(), Content_Type=TYPE)

    def _taken(self, asked: BaseHTTPRequestHandler, body: bytes) -> Resource:
        if self.problem is not None:
            raise self.problem
        if asked.headers["Content-Type"] != TYPE or asked.path != "/base":
            raise RefusedError(415, "not-supported")
        return self._transaction(json.loads(body))

    def _transaction(self, bundle: Resource) -> Resource:
        """Do all of a transaction or nothing. FHIR R4 3.1.0.11.2."""
        _validate("Bundle", bundle)
        if bundle["type"] != "transaction":
            raise RefusedError(422, "business-rule")
        places, statuses = {}, []
        for entry in bundle["entry"]:
            _validate(entry["resource"]["resourceType"], entry["resource"])
            places[entry["fullUrl"]], status = self._place(entry)
            statuses.append(status)
        fresh = dict(self.kept)
        for entry, status in zip(bundle["entry"], statuses, strict=True):
            resource = json.loads(json.dumps(entry["resource"]))
            for one in references(resource):
                if one not in places:
                    raise RefusedError(404, "not-found")
            if status != "200 OK" or entry["request"]["method"] == "PUT":
                fresh[places[entry["fullUrl"]]] = resource
        self.kept = fresh
        entries = [{"response": {"status": status}} for status in statuses]
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}

    def _place(self, entry: Resource) -> tuple[str, str]:
        """Return where an entry's resource goes, and with which status."""
        request, kind = entry["request"], entry["resource"]["resourceType"]
        wanted = urlsplit(request["url"])
        query = wanted.query if request["method"] == "PUT" else request.get("ifNoneExist", "")
        if wanted.path != kind or not query:
            raise RefusedError(400, "invalid", "without a condition a resend makes a second one")
        found = [where for where, one in self.kept.items()
                 if where.startswith(f"{kind}/") and _matches(one, query)]  # fmt: skip
        if len(found) > 1:
            raise RefusedError(412, "multiple-matches")
        return (found[0], "200 OK") if found else (f"{kind}/{entry['fullUrl']}", "201 Created")


def _matches(resource: Resource, query: str) -> bool:
    """Whether a resource has what is searched for by identifier or tag. FHIR R4 3.1.1.5.4."""
    ((name, (value,)),) = parse_qs(query, strict_parsing=True).items()
    system, _, code = value.partition("|")
    if name == "identifier":
        held = [(one.get("system"), one["value"]) for one in resource.get("identifier", [])]
    else:
        assert name == "_tag"
        tags = resource.get("meta", {}).get("tag", [])
        held = [(one.get("system"), one["code"]) for one in tags]
    return (system, code) in held


def _validate(kind: str, resource: Resource) -> None:
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    try:
        model.model_validate(resource)
    except ValueError as error:
        raise RefusedError(422, "invalid", str(error)) from error


@contextmanager
def fhir_store() -> Iterator[tuple[str, FhirStore]]:
    """Run a server; give its base and what it keeps."""
    store = FhirStore()
    with served(store.answer) as url:
        yield url, store
