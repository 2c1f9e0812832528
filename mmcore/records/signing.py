"""Who stands for a report: its signature, and what was added after it."""

import re
from dataclasses import dataclass
from datetime import datetime

MOST_NAME = 200
"""Characters of a signer's name."""
MOST_CONCLUSION = 4000
"""Characters of a reader's own conclusion, and of one addendum."""
MOST_ADDENDA = 50

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Signature:
    """A reader's name under a result; from then on it is final.

    name: as the account says, or as it was typed. account: its identifier, None where nobody signs
    in. signed_at: with its time zone. document_digest: SHA-256 of the result document as it was
    signed, without signature and addenda. case_digest: of the case.
    """

    name: str
    account: str | None
    signed_at: datetime
    document_digest: str
    case_digest: str

    def __post_init__(self) -> None:
        _check(self.name, self.signed_at, (self.document_digest, self.case_digest))


@dataclass(frozen=True, slots=True)
class Addendum:
    """What was added to a signed report, which itself stays as it was.

    follows: SHA-256 of the result document as it stood before, signature and earlier addenda
    included. The others as in ``Signature``.
    """

    text: str
    name: str
    account: str | None
    added_at: datetime
    follows: str

    def __post_init__(self) -> None:
        _check(self.name, self.added_at, (self.follows,))
        if not 0 < len(self.text.strip()) <= len(self.text) <= MOST_CONCLUSION:
            raise ValueError(f"an addendum has 1 to {MOST_CONCLUSION} characters")


def _check(name: str, at: datetime, digests: tuple[str, ...]) -> None:
    if not 0 < len(name.strip()) <= len(name) <= MOST_NAME:
        raise ValueError(f"a name has 1 to {MOST_NAME} characters")
    if at.tzinfo is None:
        raise ValueError("a time needs its zone")
    if not all(_DIGEST.fullmatch(digest) for digest in digests):
        raise ValueError("a digest has 64 hexadecimal digits")
