"""Who stands for a report: its signature, and what was added after it."""

import re
from dataclasses import dataclass
from datetime import datetime

MOST_NAME = 200
"""Characters of a signer's name."""
MOST_CONCLUSION = 4000
"""Characters of a reader's own conclusion, and of one addendum."""
MOST_ADDENDA = 50
MOST_COSIGNATURES = 20

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Signature:
    """A reader's name under a result; from then on it is final.

    name: as the account says, or as it was typed. account: its identifier, None where nobody signs
    in. signed_at: with its time zone. document_digest: SHA-256 of the result document as it was
    signed, without signature and what followed. case_digest: of the case. asks_cosignature: it is
    preliminary until somebody else signs it too.
    """

    name: str
    account: str | None
    signed_at: datetime
    document_digest: str
    case_digest: str
    asks_cosignature: bool = False

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


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A second person's name under a signed report: they have read it and stand for it too.

    account: never that of who signed. addenda: how many there were when it was given, all of which
    it covers. document_digest: SHA-256 of the result document with its signature and those addenda.
    The others as in ``Signature``.
    """

    name: str
    account: str
    cosigned_at: datetime
    addenda: int
    document_digest: str

    def __post_init__(self) -> None:
        _check(self.name, self.cosigned_at, (self.document_digest,))
        if not self.account:
            raise ValueError("who co-signs has an account")
        if not 0 <= self.addenda <= MOST_ADDENDA:
            raise ValueError(f"a report has 0 to {MOST_ADDENDA} addenda")


def _check(name: str, at: datetime, digests: tuple[str, ...]) -> None:
    if not 0 < len(name.strip()) <= len(name) <= MOST_NAME:
        raise ValueError(f"a name has 1 to {MOST_NAME} characters")
    if at.tzinfo is None:
        raise ValueError("a time needs its zone")
    if not all(_DIGEST.fullmatch(digest) for digest in digests):
        raise ValueError("a digest has 64 hexadecimal digits")
