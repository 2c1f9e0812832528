"""A result document signed and added to: what it says then, and the proof that it still says it.

The signature holds the digest of the document as it was signed; each addendum that of everything
before it; each co-signature that of the document with its signature and the addenda that it covers.
A document that no longer agrees with them is refused where it is read. That is no
cryptographic signature: who alters a document can make its digests anew, and then it differs from
the one in the store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mmcore.errors import ReportSignedError
from mmcore.records import (
    MOST_ADDENDA,
    MOST_CONCLUSION,
    MOST_COSIGNATURES,
    Addendum,
    Cosignature,
    Signature,
)
from mmcore.report.canonical import document_digest
from mmcore.report.case_document import Document
from mmcore.report.node import Node

_SIGNATURE, _ADDENDA, _COSIGNATURES = "signature", "addenda", "cosignatures"


@dataclass(frozen=True, slots=True)
class Signed:
    """Who stands for a document, all None or empty for a draft. addenda, cosignatures: in order."""

    signature: Signature | None = None
    addenda: tuple[Addendum, ...] = ()
    cosignatures: tuple[Cosignature, ...] = ()


def sign(
    document: Mapping[str, object],
    *,
    name: str,
    account: str | None,
    at: datetime,
    asks_cosignature: bool = False,
) -> Document:
    """Return the document with a signature. at: with its time zone.

    asks_cosignature: it is preliminary until somebody else signs it too. Raises
    ``ReportSignedError`` if it has one, and ``ValueError`` for a name that is none.
    """
    if _SIGNATURE in document:
        raise ReportSignedError
    case = document["case"]
    assert isinstance(case, dict)  # of a result document
    made = Signature(
        name.strip(), account, at, document_digest(document), case["digest"], asks_cosignature
    )
    return {**document, _SIGNATURE: signature_document(made)}


def add(
    document: Mapping[str, object], *, text: str, name: str, account: str | None, at: datetime
) -> Document:
    """Return a signed document with one more addendum. at: with its time zone.

    Raises ``ValueError`` for a document without a signature, an empty text or name, and for more
    addenda than ``MOST_ADDENDA``.
    """
    if _SIGNATURE not in document:
        raise ValueError("only a signed report has addenda")
    before = document.get(_ADDENDA, [])
    assert isinstance(before, list)  # of a result document
    if len(before) >= MOST_ADDENDA:
        raise ValueError(f"a report has at most {MOST_ADDENDA} addenda")
    made = Addendum(text.strip(), name.strip(), account, at, document_digest(_alone(document)))
    return {**document, _ADDENDA: [*before, addendum_document(made)]}


def cosign(document: Mapping[str, object], *, name: str, account: str, at: datetime) -> Document:
    """Return a signed document with one more co-signature. at: with its time zone.

    Raises ``ValueError`` for a draft, for the account that signed it, for one that has co-signed
    all that is in it, and for more co-signatures than ``MOST_COSIGNATURES``.
    """
    signature, before = document.get(_SIGNATURE), document.get(_COSIGNATURES, [])
    addenda = document.get(_ADDENDA, [])
    if signature is None:
        raise ValueError("only a signed report is co-signed")
    assert isinstance(signature, dict)  # of a result document, as the others
    assert isinstance(before, list)
    assert isinstance(addenda, list)
    if signature["account"] == account:
        raise ValueError("nobody co-signs their own report")
    if any(one["account"] == account and one["addenda"] == len(addenda) for one in before):
        raise ValueError("it is co-signed by this account already")
    if len(before) >= MOST_COSIGNATURES:
        raise ValueError(f"a report has at most {MOST_COSIGNATURES} co-signatures")
    digest = document_digest(_alone(document))
    made = Cosignature(name.strip(), account, at, len(addenda), digest)
    return {**document, _COSIGNATURES: [*before, cosignature_document(made)]}


def unsigned(document: Mapping[str, object]) -> Document:
    """Return the document as it was signed."""
    after = (_SIGNATURE, _ADDENDA, _COSIGNATURES)
    return {name: value for name, value in document.items() if name not in after}


def awaits_cosignature(document: Mapping[str, Any]) -> bool:
    """Return whether a document asks for a co-signature and has none for all that is in it."""
    signature = document.get(_SIGNATURE)
    if signature is None or not signature.get("asks_cosignature"):
        return False
    added = len(document.get(_ADDENDA, ()))
    return all(one["addenda"] != added for one in document.get(_COSIGNATURES, ()))


def _alone(document: Mapping[str, object]) -> Document:
    """Return the document without its co-signatures, which nothing else is about."""
    return {name: value for name, value in document.items() if name != _COSIGNATURES}


def signature_document(signature: Signature) -> Document:
    """Return a signature as plain values."""
    made: Document = {
        "name": signature.name,
        "account": signature.account,
        "signed_at": signature.signed_at.isoformat(),
        "document_digest": signature.document_digest,
        "case_digest": signature.case_digest,
    }
    return made | ({"asks_cosignature": True} if signature.asks_cosignature else {})


def cosignature_document(cosignature: Cosignature) -> Document:
    """Return a co-signature as plain values."""
    return {
        "name": cosignature.name,
        "account": cosignature.account,
        "cosigned_at": cosignature.cosigned_at.isoformat(),
        "addenda": cosignature.addenda,
        "document_digest": cosignature.document_digest,
    }


def addendum_document(addendum: Addendum) -> Document:
    """Return an addendum as plain values."""
    return {
        "text": addendum.text,
        "name": addendum.name,
        "account": addendum.account,
        "added_at": addendum.added_at.isoformat(),
        "follows": addendum.follows,
    }


def signed_in(root: Node) -> Signed:
    """Return who stands for a whole document, checked against everything that they stand for.

    Raises ``ResultFormatError`` where the document was altered after it was signed.
    """
    signed, added = root.maybe_field(_SIGNATURE), root.maybe_field(_ADDENDA)
    cosigned = root.maybe_field(_COSIGNATURES)
    if signed.is_null:
        if not added.is_null:
            raise added.error("only a signed report has addenda")
        if not cosigned.is_null:
            raise cosigned.error("only a signed report is co-signed")
        return Signed()
    document: Document = {name: node.value for name, node in root.members().items()}
    so_far = unsigned(document)
    signature = _signature(signed)
    if signature.document_digest != _digest(so_far, root):
        raise signed.error("the document was altered after it was signed")
    if signature.case_digest != root.field("case").field("digest").text():
        raise signed.error("another case was signed")
    so_far[_SIGNATURE] = signed.value
    states = [so_far]
    addenda: list[Addendum] = []
    for node in () if added.is_null else added.items():
        addendum = _addendum(node)
        if addendum.follows != _digest(states[-1], root):
            raise node.error("the document was altered before this was added")
        addenda.append(addendum)
        listed = states[-1].get(_ADDENDA, [])
        assert isinstance(listed, list)  # made below
        states.append({**states[-1], _ADDENDA: [*listed, node.value]})
    if len(addenda) > MOST_ADDENDA:
        raise added.error(f"more than {MOST_ADDENDA} addenda")
    nodes = () if cosigned.is_null else cosigned.items()
    if len(nodes) > MOST_COSIGNATURES:
        raise cosigned.error(f"more than {MOST_COSIGNATURES} co-signatures")
    cosignatures = tuple(_covering(node, states, signature, root) for node in nodes)
    return Signed(signature, tuple(addenda), cosignatures)


def _covering(
    node: Node, states: Sequence[Document], signature: Signature, root: Node
) -> Cosignature:
    """Return a co-signature, checked against the state of the document that it covers."""
    made = _cosignature(node)
    if made.account == signature.account:
        raise node.error("nobody co-signs their own report")
    if made.addenda >= len(states):
        raise node.error("it covers more addenda than there are")
    if made.document_digest != _digest(states[made.addenda], root):
        raise node.error("the document was altered after it was co-signed")
    return made


def conclusion_in(root: Node) -> str:
    """Return the reader's own conclusion, "" where the document has none."""
    node = root.maybe_field("conclusion")
    if node.is_null:
        return ""
    if not 0 < len(node.text()) <= MOST_CONCLUSION:
        raise node.error(f"expected 1 to {MOST_CONCLUSION} characters")
    return node.text()


def _digest(document: Document, root: Node) -> str:
    try:
        return document_digest(document)
    except (TypeError, ValueError) as error:
        raise root.error("something in it is no JSON value") from error


def _signature(node: Node) -> Signature:
    asks = node.maybe_field("asks_cosignature")
    try:
        return Signature(
            name=node.field("name").text(),
            account=node.field("account").maybe_text(),
            signed_at=_moment(node.field("signed_at")),
            document_digest=node.field("document_digest").text(),
            case_digest=node.field("case_digest").text(),
            asks_cosignature=not asks.is_null and asks.flag(),
        )
    except ValueError as error:
        raise node.error(str(error)) from error


def _addendum(node: Node) -> Addendum:
    try:
        return Addendum(
            text=node.field("text").text(),
            name=node.field("name").text(),
            account=node.field("account").maybe_text(),
            added_at=_moment(node.field("added_at")),
            follows=node.field("follows").text(),
        )
    except ValueError as error:
        raise node.error(str(error)) from error


def _cosignature(node: Node) -> Cosignature:
    try:
        return Cosignature(
            name=node.field("name").text(),
            account=node.field("account").text(),
            cosigned_at=_moment(node.field("cosigned_at")),
            addenda=node.field("addenda").count(),
            document_digest=node.field("document_digest").text(),
        )
    except ValueError as error:
        raise node.error(str(error)) from error


def _moment(node: Node) -> datetime:
    moment = node.maybe_time()
    if moment is None:
        raise node.error("expected a time with its zone")
    return moment
