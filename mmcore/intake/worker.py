"""Decode images and sound in processes that can be killed, and bring pixels and samples back.

Decoders are C libraries fed with files from anywhere: what goes wrong there must cost one file, not
the server. A worker is kept and reused, so a file costs about ten milliseconds more than decoding
it; it is replaced after a crash, a kill or a timeout.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, Literal, cast

import numpy as np

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.moments import Plain, stated
from mmcore.intake.moments import from_plain as moment_from_plain
from mmcore.intake.note import note_part
from mmcore.intake.parts import Identity, ImagePart, NotePart, Plane, RecordingPart
from mmcore.language import from_plain, say
from mmcore.records import Instance, Patient, PixelArray, Precision, Recording, Window

MAX_FILE_BYTES = 600 * 2**20
WALL_SECONDS_PER_FILE = 40.0
START_SECONDS = 60.0
MAX_WORKERS = 2

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = (
    "import sys; sys.path.insert(0, {root!r}); "
    "from mmcore.intake.decode_process import serve; serve({input}, {output})"
)
# Nothing of the server's environment, only what keeps numerical libraries from starting threads.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
_Request = Literal["dicom", "sound", "document", "deid-inspect", "deid-rewrite", "head"]
_DTYPES = frozenset({"|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<f4"})


class DecodeWorker:
    """One decoding process. Not for two threads at a time."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS_PER_FILE) -> None:
        self._wall_seconds = wall_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._input: IO[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def process_id(self) -> int | None:
        """The running process, or ``None`` before the first file and after a failure."""
        return self._process.pid if self._process else None

    def decode(self, data: bytes, *, digest: str) -> ImagePart:
        """Return the image in ``data``, whose SHA-256 is ``digest``.

        Raises ``FileRefusedError``, also for a file that crashed or outlasted its process
        (DECODE_CRASHED, DECODE_TIMEOUT); the worker is usable again afterwards.
        """
        found, pixels = self._ask("dicom", data)
        return _image_part(found, pixels, digest)

    def decode_recording(self, data: bytes, *, digest: str, title: str) -> RecordingPart:
        """Return the sound in ``data``, called ``title``. Raises as ``decode`` does."""
        found, samples = self._ask("sound", data)
        return _recording_part(found, samples, digest, title)

    def read_document(self, data: bytes, *, digest: str, title: str) -> NotePart:
        """Return the text of a PDF, Word, CDA or HTML document. Raises as ``decode`` does."""
        return note_part(self._answer("document", data), digest=digest, title=title)

    def deidentify(
        self, kind: Literal["deid-inspect", "deid-rewrite"], request: bytes
    ) -> tuple[dict[str, Any], PixelArray]:
        """Return what ``mmcore.deid.dicom_process`` says, and the bytes it wrote.

        Raises as ``decode`` does.
        """
        return self._ask(kind, request)

    def read_head(self, data: bytes) -> dict[str, Any]:
        """Return what ``mmcore.results.dicom_head`` says of a DICOM file. Raises as ``decode``."""
        return self._answer("head", data)

    def _ask(self, kind: _Request, data: bytes) -> tuple[dict[str, Any], PixelArray]:
        """Return what the process found in the file, and the array that goes with it."""
        found = self._answer(kind, data)
        return found, self._array(found)

    def _answer(self, kind: _Request, data: bytes) -> dict[str, Any]:
        """Return what the process found in the file."""
        if len(data) > MAX_FILE_BYTES:
            raise FileRefusedError(
                RefusalCode.TOO_LARGE,
                say("the file is larger than {megabytes} MB", megabytes=MAX_FILE_BYTES >> 20),
            )
        if self._process is None:
            self._start()
        try:
            self._send(kind, data)
            reply = self._receive()
        except FileRefusedError:
            self.close()
            raise
        except (OSError, json.JSONDecodeError) as error:
            refusal = _died(self._running())
            self.close()
            raise refusal from error
        except BaseException:
            # Interrupted between question and answer: the next file must not get this one's.
            self.close()
            raise
        if "refused" in reply:
            code, detail, attribute = reply["refused"]
            raise FileRefusedError(RefusalCode(code), from_plain(detail), attribute=attribute)
        found = cast("dict[str, Any]", reply["found"])
        if "notices" in found:
            found["notices"] = [from_plain(notice) for notice in found["notices"]]
        return found

    def close(self) -> None:
        """End the process, at once."""
        if self._process is not None:
            self._process.kill()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            self._process.wait()
        for file in (self._input, self._output):
            if file is not None:
                file.close()
        self._process = self._input = self._output = None

    def _start(self) -> None:
        # Unlinked files, in memory where the system has such a place.
        memory = Path("/dev/shm")
        folder = memory if os.access(memory, os.W_OK) else None
        self._input = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in close()
        self._output = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        descriptors = (self._input.fileno(), self._output.fileno())
        program = _PROGRAM.format(root=str(_ROOT), input=descriptors[0], output=descriptors[1])
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries quote what they read
            env=_ENVIRONMENT,
            cwd="/",
            pass_fds=descriptors,
            close_fds=True,
        )

    def _send(self, kind: str, data: bytes) -> None:
        process, file = self._running(), cast("IO[bytes]", self._input)
        file.seek(0)
        file.truncate()
        file.write(data)
        file.flush()
        stdin = cast("IO[bytes]", process.stdin)
        stdin.write(b"%s %d\n" % (kind.encode(), len(data)))
        stdin.flush()

    def _receive(self) -> dict[str, Any]:
        process = self._running()
        stdout = cast("IO[bytes]", process.stdout)
        ready, _, _ = select.select([stdout], [], [], self._wall_seconds)
        if not ready:
            raise FileRefusedError(
                RefusalCode.DECODE_TIMEOUT,
                say(
                    "the file was not decoded within {seconds:g} seconds",
                    seconds=self._wall_seconds,
                ),
            )
        line = stdout.readline()
        if not line.endswith(b"\n"):
            raise _died(process)
        return cast("dict[str, Any]", json.loads(line))

    def _array(self, found: dict[str, Any]) -> PixelArray:
        """Read the array, trusting the worker's word on it no further than it can be checked."""
        shape, dtype = tuple(int(side) for side in found["shape"]), found["dtype"]
        file = cast("IO[bytes]", self._output)
        size = os.fstat(file.fileno()).st_size
        n_values = int(np.prod(shape, dtype=np.int64))
        if dtype not in _DTYPES or n_values * np.dtype(dtype).itemsize != size:
            self.close()
            raise _crashed()
        values = np.empty(shape, np.dtype(dtype))
        file.seek(0)
        if file.readinto(values.data.cast("B")) != size:  # type: ignore[attr-defined] # IO lacks it
            self.close()
            raise _crashed()
        values.flags.writeable = False
        os.ftruncate(file.fileno(), 0)
        return values

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise ValueError("the worker is not running")
        return self._process


def _crashed() -> FileRefusedError:
    return FileRefusedError(
        RefusalCode.DECODE_CRASHED,
        say("the decoder broke down on this file; nothing else was lost"),
    )


def _died(process: "subprocess.Popen[bytes]") -> FileRefusedError:
    """Tell the kernel's CPU limit from a crash by the signal that ended the process."""
    try:
        status = process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        return _crashed()
    if status == -signal.SIGXCPU:
        return FileRefusedError(
            RefusalCode.DECODE_TIMEOUT,
            say("decoding the file took more time than one file may have"),
        )
    return _crashed()


class _Pool:
    """At most ``MAX_WORKERS`` workers, shared by every session of the server."""

    def __init__(self) -> None:
        self._slots = threading.Semaphore(MAX_WORKERS)
        self._lock = threading.Lock()
        self._idle: list[DecodeWorker] = []

    @contextlib.contextmanager
    def borrow(self) -> Iterator[DecodeWorker]:
        with self._slots:
            with self._lock:
                worker = self._idle.pop() if self._idle else DecodeWorker()
            try:
                yield worker
            finally:
                with self._lock:
                    self._idle.append(worker)

    def close(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop().close()


POOL = _Pool()
atexit.register(POOL.close)


def decode_dicom(data: bytes, *, digest: str) -> ImagePart:
    """Return the image in ``data``, decoded in a process of the shared pool.

    Raises ``FileRefusedError``.
    """
    with POOL.borrow() as worker:
        return worker.decode(data, digest=digest)


def decode_recording(data: bytes, *, digest: str, title: str) -> RecordingPart:
    """Return the sound in ``data``, decoded in a process of the shared pool.

    Raises ``FileRefusedError``.
    """
    with POOL.borrow() as worker:
        return worker.decode_recording(data, digest=digest, title=title)


def read_document(data: bytes, *, digest: str, title: str) -> NotePart:
    """Return the text of a document, taken in a process of the shared pool.

    Raises ``FileRefusedError``.
    """
    with POOL.borrow() as worker:
        return worker.read_document(data, digest=digest, title=title)


def deidentify_dicom(
    kind: Literal["deid-inspect", "deid-rewrite"], request: bytes
) -> tuple[dict[str, Any], PixelArray]:
    """Have a process of the shared pool inspect or rewrite a file; see ``DecodeWorker``."""
    with POOL.borrow() as worker:
        return worker.deidentify(kind, request)


def read_head(data: bytes) -> dict[str, Any]:
    """Have a process of the shared pool read the header of a DICOM file; see ``DecodeWorker``."""
    with POOL.borrow() as worker:
        return worker.read_head(data)


def close_workers() -> None:
    """End the idle decoding processes; the next file starts a new one."""
    POOL.close()


def _image_part(image: dict[str, Any], pixels: PixelArray, digest: str) -> ImagePart:
    """Build the records from the worker's JSON."""
    birth_date = date.fromisoformat(image["birth_date"]) if image["birth_date"] else None
    spacing = image["spacing_mm"]
    orientation = image["patient_orientation"]
    acquired_at, precision = _time(image["acquired_at"])
    instance = Instance(
        digest=digest,
        sop_instance_uid=image["sop_instance_uid"],
        sop_class_uid=image["sop_class_uid"],
        dicom_modality=image["dicom_modality"],
        pixels=pixels,
        is_inverted=image["is_inverted"],
        value_unit=image["value_unit"],
        bits_stored=image["bits_stored"],
        windows=tuple(Window(*window) for window in image["windows"]),
        spacing_mm=(spacing[0], spacing[1]) if spacing else None,
        body_part=image["body_part"],
        view_position=image["view_position"],
        laterality=image["laterality"],
        patient_orientation=(orientation[0], orientation[1]) if orientation else None,
        acquired_at=acquired_at,
        precision=precision,
        instance_number=image["instance_number"],
        transfer_syntax_uid=image["transfer_syntax_uid"],
        decoder=image["decoder"],
        notices=tuple(image["notices"]),
    )
    patient = Patient(
        patient_id=image["patient_id"],
        name=image["patient_name"],
        birth_date=birth_date,
        sex=image["sex"],
        age_years=image["age_years"],
    )
    ids = frozenset({patient.patient_id}) if patient.patient_id else frozenset()
    return ImagePart(
        instance=instance,
        identity=Identity(ids, patient.name, birth_date, patient.sex),
        patient=patient,
        study_uid=image["study_uid"],
        series_uid=image["series_uid"],
        study_description=image["study_description"],
        series_description=image["series_description"],
        series_number=image["series_number"],
        study_started_at=moment_from_plain(image["study_started_at"]),
        accession_number=image["accession_number"],
        position_mm=image["position_mm"],
        planes=tuple(_plane(plane) for plane in image["planes"]),
    )


def _plane(plane: dict[str, Any]) -> Plane:
    spacing = plane["spacing_mm"]
    return Plane(
        position_mm=plane["position_mm"],
        acquired_at=moment_from_plain(plane["acquired_at"]),
        spacing_mm=(spacing[0], spacing[1]) if spacing else None,
        windows=tuple(Window(*window) for window in plane["windows"]),
    )


def _recording_part(
    found: dict[str, Any], samples: PixelArray, digest: str, title: str
) -> RecordingPart:
    """Build the records from the worker's JSON."""
    recorded_at, precision = _time(found["recorded_at"])
    recording = Recording(
        digest=digest,
        samples=samples.astype(np.float32, copy=False),
        sample_rate_hz=found["sample_rate_hz"],
        recorded_at=recorded_at,
        precision=precision,
        title=title,
        notices=tuple(found["notices"]),
    )
    ids = frozenset(found["patient_ids"])
    birth_date = date.fromisoformat(found["birth_date"]) if found["birth_date"] else None
    return RecordingPart(
        recording=recording,
        identity=Identity(ids, found["patient_name"], birth_date),
        patient=Patient(min(ids, default=None), found["patient_name"], birth_date),
    )


def _time(plain: Plain | None) -> tuple[datetime | None, Precision]:
    return stated(moment_from_plain(plain))
