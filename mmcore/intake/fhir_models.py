"""The door to fhir.resources: which release of FHIR a document is of, and whether a part is valid.

The library's own default is R5; its R4B modules are the release that matches R4.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any, Literal

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import say

Resource = dict[str, Any]
Kind = Literal["Observation", "Patient", "DocumentReference", "DiagnosticReport", "Binary"]

# Narrative and foreign content are neither read nor shown, so they are not parsed either.
_IGNORED_KEYS = frozenset({"text", "contained", "extension", "modifierExtension", "meta"})
_MAX_PROFILES = 20
# What R5 brought and R4 does not know. HL7 FHIR R5, "changes since R4" of each resource.
_ONLY_R5 = {
    "Observation": ("triggeredBy", "instantiatesCanonical", "instantiatesReference",
                    "bodyStructure"),
    "DocumentReference": ("version", "basedOn", "bodySite", "modality", "attester"),
    "DiagnosticReport": ("note", "supportingInfo", "composition"),
}  # fmt: skip


class Release(StrEnum):
    """The releases of FHIR that are read."""

    R4 = "R4"
    R5 = "R5"


def release_of(resources: Sequence[Resource]) -> Release:
    """Return the release that resources are of: as one states it, else by what only R5 has.

    Nothing in a bundle has to say its release, and most of R4 is valid R5; so without a sign of R5
    it is R4, and ``validate`` tries the other before it gives up.
    """
    for resource in resources:
        stated = resource.get("fhirVersion")
        if isinstance(stated, str) and stated[:2] in ("4.", "5."):
            return Release.R5 if stated.startswith("5.") else Release.R4
        meta = resource.get("meta")
        profiles = meta.get("profile") if isinstance(meta, dict) else None
        for profile in profiles[:_MAX_PROFILES] if isinstance(profiles, list) else ():
            if isinstance(profile, str) and ("/fhir/5." in profile or profile.endswith("|5.0.0")):
                return Release.R5
    is_new = any(key in r for r in resources for key in _ONLY_R5.get(r["resourceType"], ()))
    return Release.R5 if is_new else Release.R4


def validate(resource: Resource, kind: Kind, release: Release = Release.R4) -> Release:
    """Check one resource and return the release it is valid in, ``release`` if it can be.

    Raises ``FileRefusedError`` (BAD_FHIR) with the path of the first problem in ``release``.
    """
    plain = {key: value for key, value in resource.items() if key not in _IGNORED_KEYS}
    first: Exception | None = None
    for candidate in sorted(Release, key=lambda other: other is not release):
        try:
            _model(kind, candidate).model_validate(plain)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            first = first or error
        else:
            return candidate
    raise FileRefusedError(
        RefusalCode.BAD_FHIR,
        say("a {kind} is not valid FHIR {release}", kind=kind, release=str(release)),
        attribute=_where(first, kind),
    ) from first


@cache
def _model(kind: Kind, release: Release) -> Any:
    # Imported here: most cases hold no FHIR, and the models cost a quarter of a second.
    folder = "fhir.resources.R4B" if release is Release.R4 else "fhir.resources"
    return getattr(import_module(f"{folder}.{kind.lower()}"), kind)


def _where(error: Exception | None, kind: str) -> str:
    """Return the path of the first problem; pydantic's message itself would quote the value."""
    problems = error.errors() if error is not None and hasattr(error, "errors") else []
    path = [part for part in problems[0]["loc"] if isinstance(part, str)] if problems else []
    return ".".join([kind, *path])


def codings(resource: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the codings of a CodeableConcept; empty if it is none."""
    concept = resource.get(key)
    found = concept.get("coding") if isinstance(concept, dict) else None
    return [coding for coding in found if isinstance(coding, dict)] if found else []
