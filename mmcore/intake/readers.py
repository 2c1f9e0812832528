"""Readers of further kinds of file, for modalities that Consilium does not know.

A module of somebody else declares its modality and registers a reader for it; what the reader makes
of a file lands in ``Case.attachments`` and is shown in the file list under the reader's own word.
See docs/bring-your-own-model.md, "Adding a modality: intake".
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.parts import AttachmentPart, Identity
from mmcore.language import say
from mmcore.records import Modality, Patient

BUILT_IN_KINDS = frozenset(
    {"dicom", "note", "observations", "recording", "variants", "archive", "unknown"}
)


class Read(Protocol):
    """What turns the bytes of a file into the content that the model side of a modality expects."""

    def __call__(self, data: bytes, *, digest: str) -> object:
        """Return the content of ``data``, whose SHA-256 is ``digest``.

        Raises ``FileRefusedError`` for a file that can not be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reader:
    """How files of one further kind are recognised and read.

    kind: a word for the file list, such as "ecg". claims: whether (name, bytes) is such a file; by
        content, as names lie. whose: whom the content says it is about, for the check that all
        files of a case are of one patient.
    """

    modality: Modality
    kind: str
    claims: Callable[[str, bytes], bool]
    read: Read
    whose: Callable[[Any], Identity]


_READERS: dict[str, Reader] = {}
_LOCK = threading.Lock()


def register_reader(
    modality: Modality, *, kind: str, claims: Callable[[str, bytes], bool], read: Read,
    whose: Callable[[Any], Identity] = lambda _: Identity(),
) -> Reader:  # fmt: skip
    """Have files that ``claims`` recognises read by ``read``, from now on, in every case.

    Raises ``ValueError`` if the kind is one of Consilium's own or taken by another reader.
    """
    reader = Reader(modality, kind, claims, read, whose)
    with _LOCK:
        if kind in BUILT_IN_KINDS or not kind.strip():
            raise ValueError(f"{kind!r} can not be the kind of a further reader")
        if kind in _READERS:
            raise ValueError(f"there is a reader for {kind!r} already; unregister it first")
        _READERS[kind] = reader
    return reader


def unregister_reader(kind: str) -> None:
    """Forget the reader of a kind, if there is one."""
    with _LOCK:
        _READERS.pop(kind, None)


def find_reader(name: str, data: bytes) -> Reader | None:
    """Return the first registered reader that claims the file; one that fails claims nothing."""
    for reader in tuple(_READERS.values()):
        try:
            if reader.claims(name, data):
                return reader
        except Exception:  # noqa: BLE001 - somebody else's code must not cost a file
            continue
    return None


def read_attachment(reader: Reader, data: bytes, *, digest: str) -> AttachmentPart:
    """Return what the reader makes of the file.

    Raises ``FileRefusedError``, also with CORRUPT for whatever else the reader raised.
    """
    try:
        content = reader.read(data, digest=digest)
        identity = reader.whose(content)
    except FileRefusedError:
        raise
    except Exception as error:
        # The message of a foreign error may quote the file, so only its type is said.
        words = say("the file could not be read ({error})", error=type(error).__name__)
        raise FileRefusedError(RefusalCode.CORRUPT, words) from error
    patient = Patient(min(identity.patient_ids, default=None), identity.name, identity.birth_date)
    return AttachmentPart(reader.modality, digest, content, identity, patient)
