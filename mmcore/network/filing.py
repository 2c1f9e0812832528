"""A result into the outbox: the objects of the kinds that a PACS takes, for one peer."""

from collections.abc import Collection, Iterable, Sequence

from mmcore.network.outbox import Outbox
from mmcore.network.parcels import Parcel
from mmcore.network.peers import find_peer, site_peers
from mmcore.report import Document, document_digest
from mmcore.results.make import make_results
from mmcore.results.records import Display, Kind

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
    as in ``make_results``. Raises ``PeerConfigError`` for a peer that this site does not have,
    ``NoStudyError``, ``ResultFormatError`` and ``StoreUnavailableError``.
    """
    find_peer(site_peers(), peer)
    wanted = [kind for kind in DICOM_KINDS if kinds is None or kind in kinds]
    made = make_results(document, files, kinds=wanted, displays=displays)
    case = document["case"]
    return outbox.put(
        peer,
        made,
        case_digest=str(case["digest"]) if isinstance(case, dict) else "",
        document_digest=document_digest(document),
        is_signed="signature" in document,
    )
