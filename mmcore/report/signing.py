"""A result document signed and added to: what it says then, and the proof that it still says it.

The signature holds the digest of the document as it was signed; each addendum that of everything
before it. A document that no longer agrees with them is refused where it is read. That is no
cryptographic signature: who alters a document can make its digests anew, and then it differs from
the one in the store.
"""

from collections.abc import Mapping
from datetime import datetime

from mmcore.errors import ReportSignedError
from mmcore.records import MOST_ADDENDA, MOST_CONCLUSION, Addendum, Signature
from mmcore.report.canonical import document_digest
from mmcore.report.case_document import Document
from mmcore.report.node import Node

_SIGNATURE, _ADDENDA = "signature", "addenda"


def sign(
    document: Mapping[str, object], *, name: str, account: str | None, at: datetime
) -> Document:
    """Return the document with a signature. at: with its time zone.

    Raises ``ReportSignedError`` if it has one, and ``ValueError`` for a name that is none.
    """
    if _SIGNATURE in document:
        raise ReportSignedError
    case = document["case"]
    assert isinstance(case, dict)  # of a result document
    made = Signature(name.strip(), account, at, document_digest(document), case["digest"])
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
    made = Addendum(text.strip(), name.strip(), account, at, document_digest(document))
    return {**document, _ADDENDA: [*before, addendum_document(made)]}


def unsigned(document: Mapping[str, object]) -> Document:
    """Return the document as it was signed."""
    return {name: value for name, value in document.items() if name not in (_SIGNATURE, _ADDENDA)}


def signature_document(signature: Signature) -> Document:
    """Return a signature as plain values."""
    return {
        "name": signature.name,
        "account": signature.account,
        "signed_at": signature.signed_at.isoformat(),
        "document_digest": signature.document_digest,
        "case_digest": signature.case_digest,
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


def signature_in(root: Node) -> tuple[Signature | None, tuple[Addendum, ...]]:
    """Return signature and addenda of a whole document, checked against everything before them.

    Raises ``ResultFormatError`` where the document was altered after it was signed.
    """
    signed, added = root.maybe_field(_SIGNATURE), root.maybe_field(_ADDENDA)
    if signed.is_null:
        if not added.is_null:
            raise added.error("only a signed report has addenda")
        return None, ()
    document: Document = {name: node.value for name, node in root.members().items()}
    so_far = unsigned(document)
    signature = _signature(signed)
    if signature.document_digest != _digest(so_far, root):
        raise signed.error("the document was altered after it was signed")
    if signature.case_digest != root.field("case").field("digest").text():
        raise signed.error("another case was signed")
    so_far[_SIGNATURE] = signed.value
    addenda: list[Addendum] = []
    for node in () if added.is_null else added.items():
        addendum = _addendum(node)
        if addendum.follows != _digest(so_far, root):
            raise node.error("the document was altered before this was added")
        addenda.append(addendum)
        listed = so_far.get(_ADDENDA, [])
        assert isinstance(listed, list)  # made below
        so_far[_ADDENDA] = [*listed, node.value]
    if len(addenda) > MOST_ADDENDA:
        raise added.error(f"more than {MOST_ADDENDA} addenda")
    return signature, tuple(addenda)


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
    try:
        return Signature(
            name=node.field("name").text(),
            account=node.field("account").maybe_text(),
            signed_at=_moment(node.field("signed_at")),
            document_digest=node.field("document_digest").text(),
            case_digest=node.field("case_digest").text(),
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


def _moment(node: Node) -> datetime:
    moment = node.maybe_time()
    if moment is None:
        raise node.error("expected a time with its zone")
    return moment
