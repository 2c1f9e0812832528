"""One result on its way to one peer: what is in it, and how far it got."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from mmcore import language
from mmcore.results.records import Kind

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)


class Standing(StrEnum):
    """Whether a parcel may be sent."""

    SEND = "send"
    HOLD = "hold"  # not now
    WITHDRAW = "withdraw"  # never: what it is about was deleted


class ParcelState(StrEnum):
    """Where a parcel stands."""

    WAITING = "waiting"  # to be sent, or to be tried again
    DELIVERED = "delivered"  # the peer has taken all of it
    REFUSED = "refused"  # the peer will not take it as it is; a person must look
    WITHDRAWN = "withdrawn"  # a person stopped it


@dataclass(frozen=True, slots=True)
class ParcelItem:
    """One object of a parcel, as ``Made`` has it. blob: SHA-256 of its bytes."""

    kind: Kind
    name: str
    blob: str
    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    is_delivered: bool = False
    media_type: str = "application/dicom"


@dataclass(frozen=True, slots=True)
class Parcel:
    """Objects of one result for one peer. Times in UTC.

    id: of peer, document and objects, so no object is in two parcels to one peer. problem: of the
    last attempt, in words that can be translated, without a patient; "" for none. is_signed: the
    reading was signed. signature: digest of the signature, the same whatever was added since; ""
    for none, and in notes of a version that did not keep it.
    """

    id: str
    peer: str
    case_digest: str
    document_digest: str
    is_signed: bool
    created_at: datetime
    changed_at: datetime
    state: ParcelState
    attempts: int
    next_try_at: datetime | None
    problem: str
    items: tuple[ParcelItem, ...]
    signature: str = ""

    @property
    def line(self) -> tuple[str, str]:
        """What is the same for parcels that reach a peer one after the other: peer and case."""
        return self.peer, self.case_digest or self.id

    @property
    def guards_a_report(self) -> bool:
        """Whether a FHIR server took a signed report with it, which nothing else may replace."""
        is_there = any(item.kind is Kind.FHIR and item.is_delivered for item in self.items)
        return bool(self.signature) and is_there

    @property
    def delivered(self) -> int:
        """How many objects the peer has taken."""
        return sum(item.is_delivered for item in self.items)

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be tried now."""
        if self.state is not ParcelState.WAITING:
            return False
        return self.next_try_at is None or self.next_try_at <= now


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: doubled each time, up to an hour."""
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempts - 1, 10)
    return min(LONGEST_WAIT, doubled)


def to_plain(parcel: Parcel) -> dict[str, Any]:
    """Return a parcel as JSON values."""
    return {
        "id": parcel.id,
        "peer": parcel.peer,
        "case_digest": parcel.case_digest,
        "document_digest": parcel.document_digest,
        "is_signed": parcel.is_signed,
        "created_at": parcel.created_at.isoformat(),
        "changed_at": parcel.changed_at.isoformat(),
        "state": str(parcel.state),
        "attempts": parcel.attempts,
        "next_try_at": None if parcel.next_try_at is None else parcel.next_try_at.isoformat(),
        "problem": language.to_plain(parcel.problem),
        "signature": parcel.signature,
        "items": [
            {
                "kind": str(item.kind),
                "name": item.name,
                "blob": item.blob,
                "study_uid": item.study_uid,
                "series_uid": item.series_uid,
                "sop_class_uid": item.sop_class_uid,
                "sop_instance_uid": item.sop_instance_uid,
                "is_delivered": item.is_delivered,
                "media_type": item.media_type,
            }
            for item in parcel.items
        ],
    }


def from_plain(found: Mapping[str, Any]) -> Parcel:
    """Return what ``to_plain`` was given. Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
    again = found["next_try_at"]
    return Parcel(
        id=found["id"],
        peer=found["peer"],
        case_digest=found["case_digest"],
        document_digest=found["document_digest"],
        is_signed=found["is_signed"],
        created_at=datetime.fromisoformat(found["created_at"]),
        changed_at=datetime.fromisoformat(found["changed_at"]),
        state=ParcelState(found["state"]),
        attempts=found["attempts"],
        next_try_at=None if again is None else datetime.fromisoformat(again),
        problem=language.from_plain(found["problem"]),
        signature=found.get("signature", ""),
        items=tuple(ParcelItem(**{**item, "kind": Kind(item["kind"])}) for item in found["items"]),
    )
