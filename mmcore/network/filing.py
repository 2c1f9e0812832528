"""A result into the outbox: the objects of the kinds that a PACS takes, for one peer."""

from collections.abc import Collection, Iterable, Sequence

from mmcore.network.outbox import Outbox
from mmcore.network.parcels import Parcel
from mmcore.network.peers import find_peer, site_peers
from mmcore.report import Document, document_digest
from mmcore.report.template import template_of
from mmcore.results.make import make_results
from mmcore.results.records import Display, Earlier, Kind

DICOM_KINDS = tuple(kind for kind in Kind if kind is not Kind.FHIR)


def file_result(
    outbox: Outbox,
    peer: str,
    document: Document,
    files: Iterable[bytes],
    *,
    kinds: Collection[Kind] | None = None,
    displays: Sequence[Display] = (),
) -> Parcel:
    """Make the objects of a result and put them into the outbox.

    files: of the case. kinds: those of ``DICOM_KINDS`` that are wanted, all by default. displays:
    as in ``make_results``; the PDF is drawn with the site's template. Raises ``PeerConfigError``
    for a peer that this site does not have, ``NoStudyError``, ``ResultFormatError``,
    ``ReportTemplateError`` and ``StoreUnavailableError``.
    """
    find_peer(site_peers(), peer)
    wanted = [kind for kind in DICOM_KINDS if kinds is None or kind in kinds]
    digest = document_digest(document)
    case = document["case"]
    case_digest = str(case["digest"]) if isinstance(case, dict) else ""
    made = make_results(
        document, files, kinds=wanted, displays=displays,
        earlier=_last_report(outbox, peer, case_digest, digest), template=template_of(),
    )  # fmt: skip
    return outbox.put(
        peer,
        made,
        case_digest=case_digest,
        document_digest=digest,
        is_signed="signature" in document,
    )


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
