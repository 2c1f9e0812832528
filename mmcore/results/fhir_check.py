"""The second door to fhir.resources: what is written is checked before anybody gets it."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from mmcore.errors import ResultFormatError


def check_bundle(bundle: Mapping[str, Any]) -> None:
    """Check every resource against FHIR R4 and every reference inside the Bundle.

    Raises ``ResultFormatError`` with the path at fault, without its value.
    """
    named = [str(entry["fullUrl"]) for entry in bundle["entry"]]
    if len(set(named)) != len(named):
        raise ResultFormatError(where="FHIR Bundle", problem="two entries have one fullUrl")
    for entry in bundle["entry"]:
        kind = str(entry["resource"]["resourceType"])
        _check(kind, entry["resource"])
        for reference in references(entry["resource"]):
            if reference not in named:
                raise ResultFormatError(where=kind, problem="a reference leads out of the Bundle")
    _check("Bundle", bundle)


def references(value: Any) -> Iterator[str]:
    """Yield every literal reference in a resource, at any depth."""
    if isinstance(value, Mapping):
        found = value.get("reference")
        if isinstance(found, str):
            yield found
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _check(kind: str, resource: Mapping[str, Any]) -> None:
    try:
        _model(kind).model_validate(dict(resource))
    except (ValueError, TypeError) as error:
        problems = error.errors() if hasattr(error, "errors") else []
        path = ".".join(str(part) for part in problems[0]["loc"]) if problems else ""
        raise ResultFormatError(where=f"{kind}.{path}", problem="not valid FHIR R4") from error


@cache
def _model(kind: str) -> Any:
    return getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
