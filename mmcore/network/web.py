"""DICOMweb as the one who asks: QIDO-RS, WADO-RS and STOW-RS. DICOM PS3.18.

The door to dicomweb-client. Queries and stores are its own; a study is fetched over its session as
the bytes that the server sends, since nothing of another system is decoded outside the decoding
process.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session
from pydicom import dcmread

from mmcore.errors import PeerError
from mmcore.language import say
from mmcore.network.found import Query, StudyFound, newest_first
from mmcore.network.multipart import MultipartError, parts
from mmcore.network.peers import Peer, Web
from mmcore.results.records import Made

MAX_ANSWERS = 500
MAX_STUDY_BYTES = 4 * 2**30
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})
_FIELDS = ("StudyDescription", "NumberOfStudyRelatedInstances", "ModalitiesInStudy")
_BUSY = range(0xA700, 0xA800)


def find(peer: Peer, query: Query) -> tuple[StudyFound, ...]:
    """Return the studies that match, newest first. Raises ``PeerError``."""
    filters = {
        "PatientID": query.patient_id,
        "PatientName": query.patient_name,
        "AccessionNumber": query.accession_number,
        "StudyInstanceUID": query.study_uid,
        "StudyDate": query.date,
        "ModalitiesInStudy": query.modality,
    }
    with _client(peer) as client:
        found = client.search_for_studies(
            search_filters={name: value for name, value in filters.items() if value},
            fields=list(_FIELDS),
            limit=MAX_ANSWERS,
        )
    return newest_first(_study(one) for one in found)


def fetch(peer: Peer, study_uid: str) -> tuple[bytes, ...]:
    """Return every instance of a study as DICOM files. Raises ``PeerError``."""
    with (
        _client(peer) as client,
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
            answer = client.store_instances([dcmread(io.BytesIO(made.data))])
            failed = answer.get("FailedSOPSequence") or ()
            if failed:
                code = int(failed[0].get("FailureReason") or 0)
                problem = say("did not take an object, reason {code}", code=f"{code:04X}")
                raise PeerError(peer=peer.name, problem=problem, may_pass=code in _BUSY)
            taken = answer.get("ReferencedSOPSequence") or ()
            if made.sop_instance_uid not in {str(i.ReferencedSOPInstanceUID) for i in taken}:
                problem = say("did not say that it has taken an object")
                raise PeerError(peer=peer.name, problem=problem, may_pass=False)
            yield made


@contextmanager
def _client(peer: Peer) -> Iterator[DICOMwebClient]:
    """Give a client, and turn what libraries raise into words without a patient."""
    where = _where(peer)
    session = create_session()
    session.trust_env = False  # no .netrc, no proxy: only what the peers file says
    if where.ca:
        session.verify = where.ca
    if where.secret is not None:
        secret = where.secret.read(peer.name)
        if where.user:
            session.auth = (where.user, secret)
        else:
            session.headers["Authorization"] = f"Bearer {secret}"
    try:
        client = DICOMwebClient(url=where.url, session=session, timeout=peer.timeout)
        client.set_http_retry_params(retry=False)  # the outbox tries again, and says so
        yield client
    except requests.HTTPError as error:
        raise _answered(peer, error) from None  # its text holds the address that was asked
    except requests.RequestException as error:
        is_tls = isinstance(error, requests.exceptions.SSLError)
        problem = say("can not be reached")
        if is_tls:
            problem = say("its certificate is not believed")
        raise PeerError(peer=peer.name, problem=problem, may_pass=not is_tls) from None
    except (MultipartError, ValueError, KeyError) as error:
        problem = say("gave an answer that is not DICOMweb ({kind})", kind=type(error).__name__)
        raise PeerError(peer=peer.name, problem=problem, may_pass=False) from None
    finally:
        session.close()


def _where(peer: Peer) -> Web:
    if peer.web is None:
        problem = say("has no DICOMweb address in the peers file")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False)
    return peer.web


def _answered(peer: Peer, error: requests.HTTPError) -> PeerError:
    code = 0 if error.response is None else error.response.status_code
    words = {
        401: say("did not accept our sign-in"),
        403: say("does not allow what was asked"),
        404: say("does not have what was asked for"),
    }
    problem = words.get(code, say("answered with HTTP status {code}", code=code))
    return PeerError(peer=peer.name, problem=problem, may_pass=code in _MAY_PASS)


def _study(answer: dict[str, Any]) -> StudyFound:
    """Return a study from the DICOM JSON Model, PS3.18 F."""

    def values(tag: str) -> list[Any]:
        found = answer.get(tag, {}).get("Value") or []
        return [one.get("Alphabetic", "") if isinstance(one, dict) else one for one in found]

    def text(tag: str) -> str:
        found = values(tag)
        return str(found[0])[:200] if found and found[0] is not None else ""

    count = text("00201208")
    return StudyFound(
        study_uid=text("0020000D"),
        date=text("00080020"),
        description=text("00081030"),
        accession_number=text("00080050"),
        patient_id=text("00100020"),
        patient_name=text("00100010"),
        modalities=tuple(str(one) for one in values("00080061")),
        instances=int(count) if count.isdigit() else None,
    )
