"""A result into the outbox: the objects of the kinds that a peer takes, for one peer."""

from collections.abc import Callable, Collection, Iterable, Sequence

from mmcore.errors import NothingToFileError, SignedReportFiledError
from mmcore.network.outbox import Outbox
from mmcore.network.parcels import Parcel, ParcelState
from mmcore.network.peers import Peer, find_peer, site_peers
from mmcore.report import Document, document_digest
from mmcore.report.template import template_of
from mmcore.results.make import make_results
from mmcore.results.records import Display, Earlier, Kind, Made

DICOM_KINDS = tuple(kind for kind in Kind if kind is not Kind.FHIR)


def file_result(
    outbox: Outbox,
    peer: str,
    document: Document,
    files: Iterable[bytes],
    *,
    kinds: Collection[Kind] | None = None,
    displays: Sequence[Display] = (),
    tell: Callable[[str], None] = lambda case_digest: None,
) -> Parcel:
    """Make the objects of a result and put them into the outbox.

    files: of the case. kinds: those that are wanted of what the peer takes, all by default.
    displays: as in ``make_results``; the PDF is drawn with the site's template. tell: called with
    the digest of the case before anything can be sent, to write that down. Raises
    ``PeerConfigError`` for a peer that this site does not have, ``NothingToFileError``,
    ``SignedReportFiledError``, ``NoStudyError``, ``ResultFormatError``, ``ReportTemplateError`` and
    ``StoreUnavailableError``.
    """
    wanted = [k for k in taken_by(find_peer(site_peers(), peer)) if kinds is None or k in kinds]
    digest = document_digest(document)
    case = document["case"]
    case_digest = str(case["digest"]) if isinstance(case, dict) else ""
    made = make_results(
        document, files, kinds=wanted, displays=displays,
        earlier=_last_report(outbox, peer, case_digest, digest), template=template_of(),
    )  # fmt: skip
    if not made:
        raise NothingToFileError(peer=peer)
    signature = _signature(document)
    _refuse_to_replace(outbox, peer, made, signature)
    tell(case_digest)
    return outbox.put(
        peer, made, case_digest=case_digest, document_digest=digest,
        is_signed="signature" in document, signature=signature,
    )  # fmt: skip


def taken_by(peer: Peer) -> tuple[Kind, ...]:
    """Return the kinds of objects that a peer takes."""
    dicom = DICOM_KINDS if peer.takes_dicom else ()
    return (*dicom, Kind.FHIR) if peer.fhir is not None else dicom


def _signature(document: Document) -> str:
    """Return the digest of the signature, "" for a draft; addenda leave it as it is."""
    found = document.get("signature")
    return document_digest(found) if isinstance(found, dict) else ""


def _refuse_to_replace(outbox: Outbox, peer: str, objects: Sequence[Made], signature: str) -> None:
    """Refuse a FHIR report that would replace a signed one, which only its addenda may.

    DICOM objects of several versions lie beside each other; of a FHIR report the last one counts.
    """
    replaced = {made.series_uid for made in objects if made.kind is Kind.FHIR}
    for parcel in outbox.parcels():
        is_held = parcel.state in (ParcelState.WAITING, ParcelState.DELIVERED)
        is_other = parcel.signature not in ("", signature)
        reports = {i.series_uid for i in parcel.items if i.kind is Kind.FHIR}
        if parcel.peer == peer and is_held and is_other and reports & replaced:
            raise SignedReportFiledError(peer=peer)


def _last_report(outbox: Outbox, peer: str, case_digest: str, digest: str) -> Earlier | None:
    """Return the structured report of the case that the peer took last, of another version."""
    for parcel in outbox.parcels():
        if (parcel.peer, parcel.case_digest) != (peer, case_digest):
            continue
        for item in parcel.items:
            is_report = item.kind is Kind.SR and item.is_delivered
            if is_report and parcel.document_digest != digest:
                return Earlier(
                    item.study_uid, item.series_uid, item.sop_class_uid, item.sop_instance_uid
                )
    return None
