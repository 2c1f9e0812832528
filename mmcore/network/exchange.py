"""One peer, whichever way it speaks: DIMSE where it has that, else DICOMweb; FHIR for Bundles.

pynetdicom, requests and pydicom load with the first call.
"""

from collections.abc import Iterator, Sequence

from mmcore.errors import PeerError
from mmcore.language import say
from mmcore.network.found import Query, StudyFound, is_uid
from mmcore.network.peers import Peer
from mmcore.results.records import Kind, Made


def store(peer: Peer, objects: Sequence[Made]) -> Iterator[Made]:
    """Send objects; yield each as soon as the peer has taken it. Raises ``PeerError``."""
    dicom = [made for made in objects if made.kind is not Kind.FHIR]
    if dicom and peer.dimse is not None:
        from mmcore.network import dimse

        yield from dimse.store(peer, dicom)
    elif dicom:
        from mmcore.network import web

        yield from web.store(peer, dicom)
    for made in objects:
        if made.kind is Kind.FHIR:
            from mmcore.network import fhir_server

            fhir_server.store(peer, made)
            yield made


def find(peer: Peer, query: Query) -> tuple[StudyFound, ...]:
    """Return the studies that match, newest first.

    Raises ``PeerError``, and ``ValueError`` for a query that asks for everything.
    """
    if query.is_open:
        raise ValueError("a query names at least one thing that is looked for")
    if peer.dimse is not None:
        from mmcore.network import dimse

        return dimse.find(peer, query)
    from mmcore.network import web

    return web.find(peer, query)


def fetch(peer: Peer, study_uid: str) -> tuple[bytes, ...]:
    """Return every instance of a study as DICOM files.

    Raises ``PeerError``, also for a UID that is none: a peer may answer a query with anything.
    """
    if not is_uid(study_uid):
        problem = say("names a study by what is no UID")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False)
    if peer.dimse is not None:
        from mmcore.network import dimse

        return dimse.get(peer, study_uid)
    from mmcore.network import web

    return web.fetch(peer, study_uid)


def echo(peer: Peer) -> None:
    """Ask whether the peer answers us, in every way that it speaks. Raises ``PeerError``."""
    if peer.dimse is not None:
        from mmcore.network import dimse

        dimse.echo(peer)
    if peer.web is not None:
        from mmcore.network import web

        web.find(peer, Query(study_uid="1.2.3"))
    if peer.fhir is not None:
        from mmcore.network import fhir_server

        fhir_server.echo(peer)
