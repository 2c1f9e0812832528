"""One peer, whichever way it speaks: DIMSE where it has that, else DICOMweb.

pynetdicom, requests and pydicom load with the first call.
"""

from collections.abc import Iterator, Sequence

from mmcore.network.found import Query, StudyFound
from mmcore.network.peers import Peer
from mmcore.results.records import Made


def store(peer: Peer, objects: Sequence[Made]) -> Iterator[Made]:
    """Send objects; yield each as soon as the peer has taken it. Raises ``PeerError``."""
    if peer.dimse is not None:
        from mmcore.network import dimse

        return dimse.store(peer, objects)
    from mmcore.network import web

    return web.store(peer, objects)


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
    """Return every instance of a study as DICOM files. Raises ``PeerError``."""
    if peer.dimse is not None:
        from mmcore.network import dimse

        return dimse.get(peer, study_uid)
    from mmcore.network import web

    return web.fetch(peer, study_uid)


def echo(peer: Peer) -> None:
    """Ask whether the peer answers us. Raises ``PeerError``."""
    if peer.dimse is not None:
        from mmcore.network import dimse

        dimse.echo(peer)
        return
    from mmcore.network import web

    web.find(peer, Query(study_uid="1.2.3"))
