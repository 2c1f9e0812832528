"""DIMSE as the one who asks: C-ECHO, C-STORE, C-FIND, C-GET and C-MOVE. DICOM PS3.7 and PS3.4.

The door to pynetdicom, with ``listen.py``. Datasets that arrive are kept as bytes; what is decoded
here are the few attributes of query answers.
"""

import io
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import build_context, build_role

from mmcore.errors import MMCoreError, PeerError
from mmcore.intake.dicom.attributes import quietly
from mmcore.language import Text, say
from mmcore.network.bounds import Bounds
from mmcore.network.found import Query, StudyFound, newest_first, plain
from mmcore.network.messages import part10
from mmcore.network.peers import Dimse, Peer, Tls
from mmcore.network.syntaxes import STORED_CLASSES, TRANSFER_SYNTAXES
from mmcore.results.records import Made

_VERIFICATION = "1.2.840.10008.1.1"
_STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
_STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"
_PENDING = (0xFF00, 0xFF01)
_SUCCESS, _PARTLY = 0x0000, 0xB000
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
_TAKEN = (0xB000, 0xB006, 0xB007, 0x0111)
"""Warnings, and "duplicate SOP instance": our UIDs follow from what an object says, so that the
peer has this very one."""
_TRANSIENT = 0x02  # PS3.8 9.3.4: rejected-transient, such as a local limit
MAX_ANSWERS = 500
MAX_STUDY_BYTES, MAX_INSTANCES = 4 * 2**30, 20_000
_MAX_ANSWER_BYTES = 64 * 2**20
_PATIENCE = 20
"""Timeouts without anything new after which a peer that still answers is given up."""


def echo(peer: Peer) -> None:
    """Ask whether the peer answers. Raises ``PeerError``."""
    with _association(peer, [build_context(_VERIFICATION)]) as association:
        status = association.send_c_echo()
        _check(peer, status, "C-ECHO")


def store(peer: Peer, objects: Sequence[Made]) -> Iterator[Made]:
    """Send objects in one association; yield each as soon as the peer has taken it.

    Raises ``PeerError`` at the first that was not taken; those yielded before stay delivered.
    """
    classes = sorted({made.sop_class_uid for made in objects})
    contexts = [build_context(uid, ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
                for uid in classes]  # fmt: skip
    with _association(peer, contexts) as association:
        accepted = {context.abstract_syntax for context in association.accepted_contexts}
        for made in objects:
            if made.sop_class_uid not in accepted:
                name = UID(made.sop_class_uid).name
                problem = say("does not take objects of the kind {name}", name=name)
                raise PeerError(peer=peer.name, problem=problem, may_pass=False)
            try:
                status = association.send_c_store(dcmread(io.BytesIO(made.data)))
            except (RuntimeError, ValueError) as error:
                raise _lost(peer) from error
            _check(peer, status, "C-STORE", taken=_TAKEN)
            yield made


def find(peer: Peer, query: Query) -> tuple[StudyFound, ...]:
    """Return the studies that match, newest first. Raises ``PeerError``."""
    found = []
    with quietly(), _association(peer, [build_context(_STUDY_FIND)]) as association:
        ends = time.monotonic() + _PATIENCE * peer.timeout
        for status, answer in association.send_c_find(_identifier(query), _STUDY_FIND):
            _check_time(peer, ends)
            if status and status.Status in _PENDING and answer is not None:
                found.append(_study(answer))
                if len(found) > MAX_ANSWERS:
                    problem = say("more than {n} studies match; ask for fewer", n=MAX_ANSWERS)
                    raise PeerError(peer=peer.name, problem=problem, may_pass=False)
            else:
                _check(peer, status, "C-FIND")
    return newest_first(found)


def get(peer: Peer, study_uid: str) -> tuple[bytes, ...]:
    """Return a whole study as DICOM files, fetched by C-GET. Raises ``PeerError``."""
    received: list[bytes] = []
    problems: list[Text] = []
    bounds = Bounds(seconds=peer.timeout)
    left, ends = MAX_STUDY_BYTES, time.monotonic() + _PATIENCE * peer.timeout

    def keep(event: evt.Event) -> int:
        nonlocal left, ends
        bounds.is_over(event)
        data = part10(event)
        if len(data) > left or len(received) == MAX_INSTANCES:
            problems.append(say("the study is larger than 4 GB or 20,000 instances"))
            return 0xA700
        received.append(data)
        left -= len(data)
        ends = time.monotonic() + _PATIENCE * peer.timeout
        return _SUCCESS

    contexts = [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in STORED_CLASSES]
    roles = [build_role(uid, scp_role=True) for uid in STORED_CLASSES]
    handlers = [(evt.EVT_C_STORE, keep)]
    wanted = [build_context(_STUDY_GET), *contexts]
    with _association(peer, wanted, roles=roles, handlers=handlers, bounds=bounds) as association:
        for status, _ in association.send_c_get(_of_study(study_uid), _STUDY_GET):
            _check_time(peer, ends)
            if problems:
                raise PeerError(peer=peer.name, problem=problems[0], may_pass=False)
            if not status or status.Status not in _PENDING:
                _check_whole(peer, status)
                _check(peer, status, "C-GET")
    if problems:
        raise PeerError(peer=peer.name, problem=problems[0], may_pass=False)
    return tuple(received)


def move(peer: Peer, study_uid: str, *, to: str) -> int:
    """Have the peer send a study to the AE title ``to``; return how many instances it sent.

    The listener (``python -m mmcore listen``) of that title must run, and the peer must know where.
    Raises ``PeerError``.
    """
    sent = 0
    with _association(peer, [build_context(_STUDY_MOVE)]) as association:
        ends = time.monotonic() + _PATIENCE * peer.timeout
        for status, _ in association.send_c_move(_of_study(study_uid), to, _STUDY_MOVE):
            _check_time(peer, ends)
            if status and "NumberOfCompletedSuboperations" in status:
                before, sent = sent, int(status.NumberOfCompletedSuboperations)
                if sent > before:
                    ends = time.monotonic() + _PATIENCE * peer.timeout
            if not status or status.Status not in _PENDING:
                _check_whole(peer, status)
                _check(peer, status, "C-MOVE")
    return sent


@contextmanager
def _association(
    peer: Peer,
    contexts: Sequence[Any],
    *,
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Sequence[Any] = (),
    bounds: Bounds | None = None,
) -> Iterator[Association]:
    """Give an association, ended at once when anything goes wrong; whatever that is, as ours."""
    where = _where(peer)
    bounds = bounds or Bounds(seconds=peer.timeout, most=_MAX_ANSWER_BYTES)
    entity = AE(ae_title=where.our_ae_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = peer.timeout
    entity.connection_timeout = min(peer.timeout, 10.0)
    refusals: list[A_ASSOCIATE_RJ] = []

    def note(event: evt.Event) -> None:
        if isinstance(event.pdu, A_ASSOCIATE_RJ):
            refusals.append(event.pdu)

    association = entity.associate(
        where.host,
        where.port,
        contexts=list(contexts),
        ae_title=where.ae_title,
        ext_neg=list(roles),
        evt_handlers=[*handlers, *bounds.handlers, (evt.EVT_PDU_RECV, note)],
        tls_args=None if where.tls is None else (_tls_context(peer, where.tls), where.host),
    )
    if not association.is_established:
        raise _refused(peer, association, refusals)
    try:
        yield association
    except MMCoreError:
        association.abort()
        raise
    except Exception as error:  # noqa: BLE001 - what a decoded answer raises may name a patient
        association.abort()
        problem = say("gave an answer that is not DICOM ({kind})", kind=type(error).__name__)
        raise PeerError(peer=peer.name, problem=problem, may_pass=False) from None
    finally:
        if association.is_established:
            association.release()


def _tls_context(peer: Peer, tls: Tls) -> ssl.SSLContext:
    """Return the context of a client: the other side's certificate is always checked."""
    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:  # also what is no certificate
        problem = say("has a certificate or key in the peers file that can not be used")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False) from error
    return context


def _where(peer: Peer) -> Dimse:
    if peer.dimse is None:
        problem = say("has no DIMSE address in the peers file")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False)
    return peer.dimse


def _refused(peer: Peer, association: Association, refusals: Sequence[A_ASSOCIATE_RJ]) -> PeerError:
    """Return what a connection without an association is called.

    refusals: what the peer sent. pynetdicom 3.0.4 forgets it where it looks for the connection
    only once the refusal has ended it, as on a busy machine.
    """
    answer = association.acceptor.primitive
    if refusals and refusals[0].result == _TRANSIENT:
        return PeerError(peer=peer.name, problem=say("is too busy"), may_pass=True)
    if refusals:
        problem = say("refused us; does it know our AE title, and is its own right?")
        return PeerError(peer=peer.name, problem=problem, may_pass=False)
    if association.is_aborted and answer is not None:
        problem = say("accepted nothing of what was proposed")
        return PeerError(peer=peer.name, problem=problem, may_pass=False)
    return PeerError(peer=peer.name, problem=say("can not be reached"), may_pass=True)


def _check_time(peer: Peer, ends: float) -> None:
    if time.monotonic() > ends:
        problem = say("answers without coming to an end")
        raise PeerError(peer=peer.name, problem=problem, may_pass=True)


def _lost(peer: Peer) -> PeerError:
    return PeerError(peer=peer.name, problem=say("the connection was lost"), may_pass=True)


def _check(peer: Peer, status: Dataset, what: str, *, taken: Sequence[int] = ()) -> None:
    """Raise unless a final status is a success. An empty one is a lost connection. PS3.7 C."""
    if not status or "Status" not in status:
        raise _lost(peer)
    code = int(status.Status)
    if code == _SUCCESS or code in taken:
        return
    # The peer's own comment may name a patient.
    may_pass = code in _OUT_OF_RESOURCES or code == 0x0122
    problem = say("answered {what} with status {code}", what=what, code=f"{code:04X}")
    raise PeerError(peer=peer.name, problem=problem, may_pass=may_pass)


def _check_whole(peer: Peer, status: Dataset) -> None:
    """Refuse half a study: some sub-operations failed. PS3.4 C.4.2.1.5 and C.4.3.1.4."""
    if status and status.get("Status") == _PARTLY:
        problem = say("sent only a part of the study")
        raise PeerError(peer=peer.name, problem=problem, may_pass=True)


def _identifier(query: Query) -> Dataset:
    identifier = Dataset()
    if not f"{query.patient_id}{query.patient_name}{query.accession_number}".isascii():
        identifier.SpecificCharacterSet = "ISO_IR 192"  # else letters are sent as others, or "?"
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.PatientID = query.patient_id
    identifier.PatientName = query.patient_name
    identifier.AccessionNumber = query.accession_number
    identifier.StudyInstanceUID = query.study_uid
    identifier.StudyDate = query.date
    identifier.ModalitiesInStudy = query.modality
    identifier.StudyDescription = ""
    identifier.NumberOfStudyRelatedInstances = None
    return identifier


def _of_study(study_uid: str) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study_uid
    return identifier


def _study(answer: Dataset) -> StudyFound:
    def values(keyword: str) -> list[str]:
        try:
            found = answer.get(keyword) or ()
            several = found if isinstance(found, MultiValue | tuple) else (found,)
            return [plain(one) for one in several]
        except Exception:  # noqa: BLE001 - pydicom raises what a conversion raises
            return []

    def text(keyword: str) -> str:
        return next(iter(values(keyword)), "")

    count = text("NumberOfStudyRelatedInstances")
    return StudyFound(
        study_uid=text("StudyInstanceUID"),
        date=text("StudyDate"),
        description=text("StudyDescription"),
        accession_number=text("AccessionNumber"),
        patient_id=text("PatientID"),
        patient_name=text("PatientName"),
        modalities=tuple(values("ModalitiesInStudy")),
        instances=int(count) if count.isdigit() else None,
    )
