"""DICOMweb as the one who asks: QIDO-RS, WADO-RS and STOW-RS. DICOM PS3.18.

The door to dicomweb-client. Queries and stores are its own; a study is fetched over its session as
the bytes that the server sends, since nothing of another system is decoded outside the decoding
process.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset

from mmcore.errors import PeerError
from mmcore.language import say
from mmcore.network.found import Query, StudyFound, newest_first, plain
from mmcore.network.http import MAX_ANSWER_BYTES, session
from mmcore.network.multipart import parts
from mmcore.network.peers import Peer, Web
from mmcore.results.records import Made

MAX_ANSWERS = 500
MAX_STUDY_BYTES = 4 * 2**30
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_FIELDS = ("StudyDescription", "NumberOfStudyRelatedInstances", "ModalitiesInStudy")
_BUSY = range(0xA700, 0xA800)
_DUPLICATE = 0x0111
"""The server has this UID already. Ours follow from what an object says, so it is this very one."""
_CONFLICT = 409
"""HTTP status of a store of which nothing was taken. PS3.18 10.5.3."""


def find(peer: Peer, query: Query) -> tuple[StudyFound, ...]:
    """Return the studies that match, newest first. Raises ``PeerError``."""
    with _client(peer) as client:
        return newest_first(_page(client, query, 0))


def find_all(peer: Peer, query: Query) -> Iterator[StudyFound]:
    """Yield every study that matches, however many there are, as the peer sorts them.

    The modality is looked at here: Orthanc loses count of what it has left out by it. Studies that
    tell none are among the found. Ends where the peer repeats itself. Raises ``PeerError``.
    """
    seen: set[str] = set()
    while True:
        with _client(peer) as client:
            found = _page(client, replace(query, modality=""), len(seen))
        new = [study for study in found if study.study_uid not in seen]
        for study in new:
            if not query.modality or not study.modalities or query.modality in study.modalities:
                yield study
        seen.update(study.study_uid for study in new)
        if not new or len(found) < MAX_ANSWERS:
            return


def _page(client: DICOMwebClient, query: Query, offset: int) -> list[StudyFound]:
    filters = {
        "PatientID": query.patient_id,
        "PatientName": query.patient_name,
        "AccessionNumber": query.accession_number,
        "StudyInstanceUID": query.study_uid,
        "StudyDate": query.date,
        "ModalitiesInStudy": query.modality,
    }
    found = client.search_for_studies(
        search_filters={name: value for name, value in filters.items() if value},
        fields=list(_FIELDS),
        limit=MAX_ANSWERS,
        offset=offset or None,
    )
    return [_study(one) for one in found[:MAX_ANSWERS]]


def fetch(peer: Peer, study_uid: str) -> tuple[bytes, ...]:
    """Return every instance of a study as DICOM files. Raises ``PeerError``."""
    with (
        _client(peer, most=2 * MAX_STUDY_BYTES) as client,
        client._session.get(
            f"{_where(peer).url}/studies/{study_uid}",
            headers={"Accept": _ACCEPT},
            timeout=peer.timeout,
            stream=True,
        ) as response,
    ):
        response.raise_for_status()
        return tuple(
            parts(
                response.iter_content(2**20),
                response.headers.get("Content-Type", ""),
                most=MAX_STUDY_BYTES,
            )
        )


def store(peer: Peer, objects: Sequence[Made]) -> Iterator[Made]:
    """Send objects one by one; yield each as soon as the server has taken it.

    Raises ``PeerError`` at the first that was not taken; those yielded before stay delivered.
    """
    with _client(peer) as client:
        for made in objects:
            try:
                answer = client.store_instances([dcmread(io.BytesIO(made.data))])
            except requests.HTTPError as error:
                if error.response is None or error.response.status_code != _CONFLICT:
                    raise
                answer = Dataset.from_json(error.response.json())
            failed = answer.get("FailedSOPSequence") or ()
            code = int(failed[0].get("FailureReason") or 0) if failed else 0
            if code == _DUPLICATE:
                yield made
                continue
            if failed:
                problem = say("did not take an object, reason {code}", code=f"{code:04X}")
                raise PeerError(peer=peer.name, problem=problem, may_pass=code in _BUSY)
            taken = answer.get("ReferencedSOPSequence") or ()
            if made.sop_instance_uid not in {str(i.ReferencedSOPInstanceUID) for i in taken}:
                problem = say("did not say that it has taken an object")
                raise PeerError(peer=peer.name, problem=problem, may_pass=False)
            yield made


@contextmanager
def _client(peer: Peer, *, most: int = MAX_ANSWER_BYTES) -> Iterator[DICOMwebClient]:
    """Give a client whose answers have at most so many bytes."""
    where = _where(peer)
    with session(peer, where, standard="DICOMweb", most=most) as opened:
        client = DICOMwebClient(url=where.url, session=opened, timeout=peer.timeout)
        client.set_http_retry_params(retry=False)  # the outbox tries again, and says so
        yield client


def _where(peer: Peer) -> Web:
    if peer.web is None:
        problem = say("has no DICOMweb address in the peers file")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False)
    return peer.web


def _study(answer: dict[str, Any]) -> StudyFound:
    """Return a study from the DICOM JSON Model, PS3.18 F."""

    def values(tag: str) -> list[Any]:
        found = answer.get(tag, {}).get("Value") or []
        return [one.get("Alphabetic", "") if isinstance(one, dict) else one for one in found]

    def text(tag: str) -> str:
        found = values(tag)
        return plain(found[0]) if found and found[0] is not None else ""

    count = text("00201208")
    return StudyFound(
        study_uid=text("0020000D"),
        date=text("00080020"),
        description=text("00081030"),
        accession_number=text("00080050"),
        patient_id=text("00100020"),
        patient_name=text("00100010"),
        modalities=tuple(plain(one) for one in values("00080061")),
        instances=int(count) if count.isdigit() else None,
    )
