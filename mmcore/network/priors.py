"""A study of a peer together with earlier ones of the same patient, to be read as one case."""

from collections.abc import Iterator

from mmcore.network import exchange
from mmcore.network.found import Query, StudyFound
from mmcore.network.peers import Peer

MOST_PRIORS = 10


def priors_of(peer: Peer, study: StudyFound, *, most: int) -> tuple[StudyFound, ...]:
    """Return the latest studies before ``study`` of the same patient with a modality in common.

    Only where the peer states the very same patient ID: a name, or the beginning of a number, may
    be somebody else's. Raises ``PeerError``.
    """
    if not study.patient_id or most < 1:
        return ()
    found = exchange.find(peer, Query(patient_id=study.patient_id))
    earlier = [
        one
        for one in found
        if one.patient_id == study.patient_id
        and one.study_uid != study.study_uid
        and one.date
        and one.date <= study.date
        and set(one.modalities) & set(study.modalities)
    ]
    return tuple(earlier[: min(most, MOST_PRIORS)])


def fetch_all(peer: Peer, studies: tuple[StudyFound, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield every instance of ``studies`` with a name for display. Raises ``PeerError``."""
    for number, study in enumerate(studies):
        kind = f"prior{number}" if number else "study"
        for n, data in enumerate(exchange.fetch(peer, study.study_uid), start=1):
            yield f"{kind}-{n:04d}.dcm", data
