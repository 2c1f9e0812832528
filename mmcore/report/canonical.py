"""The canonical form of a document, which its digest is taken of."""

import hashlib
import json
from collections.abc import Mapping


def canonical(document: Mapping[str, object]) -> bytes:
    """Return the document as JSON with sorted keys, without spaces, in ASCII."""
    text = json.dumps(dict(document), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def document_digest(document: Mapping[str, object]) -> str:
    """Return the SHA-256 of the document in its canonical form."""
    return hashlib.sha256(canonical(document)).hexdigest()
