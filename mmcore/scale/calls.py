"""What a model server is asked and answers, in one version that both sides name.

    POST /v1/packs/<digest of the pack>/<call>    a message with ``case`` and the call's arguments
    GET  /v1/packs                                which packs there are, as JSON

An answer is a message with status 200, or JSON ``{"error": kind, "facts": {...}}``: 422 for what
the model itself refuses, 400 for a message that is none, 401 without the token, 404 for a pack that
is not there, 413 for one that is too large, 503 with ``Retry-After`` while all replicas are busy.
"""

import inspect
import json
from dataclasses import replace
from enum import StrEnum
from typing import Any, get_type_hints

from mmcore import errors
from mmcore.errors import MessageFormatError, MMCoreError
from mmcore.records import Case, Patient
from mmcore.scale.wire import from_json, to_json

VERSION = "v1"
MESSAGE = "application/vnd.consilium.message"
MAX_MESSAGE_BYTES = 2**30

_SENT: tuple[type[MMCoreError], ...] = (
    errors.NothingToScoreError,
    errors.NonFiniteResultError,
    errors.LedgerNotAdditiveError,
    errors.UnknownTargetError,
    errors.UnknownMethodError,
    errors.MethodNotApplicableError,
)
_BY_NAME = {kind.__name__: kind for kind in _SENT}


class Call(StrEnum):
    """What can be asked of a model: the methods of ``mmcore.serve.scorer.Scorer``."""

    PREDICT = "predict"
    EXPLAIN = "explain"
    EXPLAIN_WITH = "explain_with"
    NOT_APPLICABLE = "not_applicable"


def without_names(case: Case) -> Case:
    """Return the case as it is sent: what a model reads, and nothing else that names the patient.

    Name, number, birth date, accession numbers and names of files stay here; no model reads them.
    """
    return replace(
        case,
        patient=Patient(sex=case.patient.sex, age_years=case.patient.age_years),
        studies=tuple(replace(s, accession_number=None, description="") for s in case.studies),
        files=(),
        notices=(),
        contradictions=(),
    )


def refusal(error: MMCoreError) -> bytes:
    """Return an error of the model as JSON; one that is not foreseen by its kind alone."""
    kind = type(error)
    facts: dict[str, object] = {}
    if kind in _SENT:
        names = inspect.signature(kind).parameters
        facts = {name: to_json(getattr(error, name), where=name) for name in names}
    return json.dumps({"error": kind.__name__, "facts": facts}).encode()


def refused(body: bytes) -> MMCoreError:
    """Return the error that ``refusal`` was given. Raises ``MessageFormatError``."""
    try:
        document: dict[str, Any] = json.loads(body)
        kind, facts = _BY_NAME[document["error"]], dict(document["facts"])
        hints = get_type_hints(kind.__init__)
        given = {name: from_json(hints[name], value, where=name) for name, value in facts.items()}
        return kind(**given)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MessageFormatError(where="error", problem="not one of ours") from error
