"""Several versions of one resource in a document: the last one counts, and what it withdraws goes.

A resource is the same by its id, its full URL, or a business identifier and its code, since all
results of one order may share a number. HL7 FHIR R4: Resource.id,
Meta.versionId, Meta.lastUpdated, DocumentReference.relatesTo.
"""

from collections.abc import Iterator, Sequence

from mmcore.intake.fhir_bundle import Entry
from mmcore.intake.moments import parse_iso
from mmcore.intake.result_status import Standing, of_fhir
from mmcore.intake.site_clock import instant

VERSIONED = frozenset({"Observation", "DiagnosticReport", "DocumentReference"})

_RANK = {Standing.FINAL: 1, Standing.CORRECTED: 2, Standing.WITHDRAWN: 3}


def latest_versions(entries: Sequence[Entry]) -> tuple[list[Entry], int]:
    """Return the entries without versions that a later one replaced, and how many those were."""
    latest: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        for name in _names(entry):
            known = latest.get(name)
            if known is None or _version(entry) >= _version(known):
                latest[name] = entry
    gone = _replaced_documents(entries)
    kept = [
        entry
        for entry in entries
        if entry.kind not in VERSIONED
        or (
            all(latest[name] is entry for name in _names(entry))
            and f"{entry.kind}/{entry.resource.get('id', '')}" not in gone
            and (not entry.full_url or entry.full_url not in gone)
        )
    ]
    return kept, len(entries) - len(kept)


def _names(entry: Entry) -> Iterator[tuple[str, str]]:
    if entry.kind not in VERSIONED:
        return
    own = entry.resource.get("id")
    if isinstance(own, str) and own:
        yield entry.kind, f"id {own}"
    elif entry.full_url:
        yield entry.kind, f"url {entry.full_url}"
    found = entry.resource.get("identifier")
    for identifier in found if isinstance(found, list) else ():
        if not isinstance(identifier, dict):
            continue
        system, value = identifier.get("system"), identifier.get("value")
        # Without its system a number may be that of anything.
        if isinstance(system, str) and isinstance(value, str) and system and value:
            yield entry.kind, f"number {system} {value} {entry.resource.get('code')}"


def _version(entry: Entry) -> tuple[str, int, int, int]:
    """Return what orders versions: when, which number, corrections after what they correct."""
    meta = entry.resource.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    number = str(meta.get("versionId") or "")
    has_number = number.isascii() and number.isdigit() and len(number) < 10
    updated = parse_iso(str(meta.get("lastUpdated") or ""))
    return (
        instant(updated.at).isoformat() if updated else "",
        int(number) if has_number else 0,
        _RANK.get(of_fhir(entry.resource.get("status")), 0),
        entry.number,
    )


def _replaced_documents(entries: Sequence[Entry]) -> frozenset[str]:
    gone = set()
    for entry in entries:
        related = entry.resource.get("relatesTo") if entry.kind == "DocumentReference" else None
        for relation in related if isinstance(related, list) else ():
            target = relation.get("target") if isinstance(relation, dict) else None
            code = relation.get("code") if isinstance(relation, dict) else None
            if isinstance(code, dict):  # R5 codes it
                found = code.get("coding")
                codes = [c.get("code") for c in found or () if isinstance(c, dict)]
            else:
                codes = [code]
            reference = target.get("reference") if isinstance(target, dict) else None
            if "replaces" in codes and isinstance(reference, str):
                gone.add(reference)
    return frozenset(gone)
