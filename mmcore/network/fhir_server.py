"""FHIR R4 as the one who writes: a transaction, POSTed to the base of a server. FHIR R4 3.1.0.11.

A transaction is taken whole or not at all, and its references are resolved by the server. Reports
and Observations in it are conditional updates and its Provenance a conditional create, so that the
same Bundle sent again makes nothing twice (decision 0041).
"""

import json
import re
from typing import Any

import requests

from mmcore.errors import PeerError
from mmcore.language import say
from mmcore.network.found import plain
from mmcore.network.http import MAY_PASS, session
from mmcore.network.peers import Peer, Web
from mmcore.results.records import Made

_TYPE = "application/fhir+json"
_VERSION = "4.0"
_CONFLICT, _SEVERAL = 409, 412
_CODE = re.compile(r"[a-z-]{1,32}")
_MOST_CODES = 5


def store(peer: Peer, made: Made) -> None:
    """Send a Bundle; when this returns the server has taken all of it. Raises ``PeerError``."""
    where = _where(peer)
    # A conflict is two writers at one moment, which passes.
    with session(peer, where, standard="FHIR", may_pass=MAY_PASS | {_CONFLICT}) as opened:
        response = opened.post(
            where.url,
            data=made.data,
            headers={"Content-Type": _TYPE, "Accept": _TYPE, "Prefer": "return=minimal"},
            timeout=peer.timeout,
        )
        _check_refusal(peer, response)
        response.raise_for_status()
        wanted = len(json.loads(made.data)["entry"])
        if not _has_taken(response.json(), wanted):
            problem = say("did not say that it has taken every resource")
            raise PeerError(peer=peer.name, problem=problem, may_pass=False)


def echo(peer: Peer) -> None:
    """Ask whether the server answers us and speaks R4. Raises ``PeerError``."""
    where = _where(peer)
    with session(peer, where, standard="FHIR") as opened:
        response = opened.get(
            f"{where.url}/metadata", headers={"Accept": _TYPE}, timeout=peer.timeout
        )
        response.raise_for_status()
        stated = response.json()
        version = plain(stated["fhirVersion"])
        if stated["resourceType"] != "CapabilityStatement" or not version.startswith(_VERSION):
            problem = say("speaks FHIR {version}, and we write R4", version=version)
            raise PeerError(peer=peer.name, problem=problem, may_pass=False)


def _where(peer: Peer) -> Web:
    if peer.fhir is None:
        problem = say("has no FHIR address in the peers file")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False)
    return peer.fhir


def _check_refusal(peer: Peer, response: requests.Response) -> None:
    """Say why a server will not take a Bundle: by the codes of its issues, never by its words."""
    if response.status_code == _SEVERAL:
        problem = say("has several resources where there should be one of ours")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False)
    if response.status_code not in (400, 404, 410, 422):
        return
    codes = ", ".join(_codes(response)) or str(response.status_code)
    problem = say("did not take the report ({codes})", codes=codes)
    raise PeerError(peer=peer.name, problem=problem, may_pass=False)


def _codes(response: requests.Response) -> list[str]:
    try:
        issues = response.json()["issue"]
        found = [str(issue["code"]) for issue in issues[:_MOST_CODES]]
    except (ValueError, KeyError, TypeError):
        return []
    return [code for code in found if _CODE.fullmatch(code)]


def _has_taken(answer: Any, wanted: int) -> bool:
    entries = answer["entry"]
    is_answer = (answer["resourceType"], answer["type"]) == ("Bundle", "transaction-response")
    statuses = [str(entry["response"]["status"]) for entry in entries]
    return is_answer and len(statuses) == wanted and all(s.startswith("2") for s in statuses)
