"""The inside of the decoding process: limits first, then one file after the other.

Everything here runs in a process that holds no patient but the one whose file it decodes, has an
empty environment, no way to a socket, another program or a file, and is killed without regret.
The parent speaks JSON lines over the standard streams; bytes go through two unlinked files.
"""

import contextlib
import json
import mmap
import os
import resource
import sys
from typing import Any, BinaryIO

from mmcore.language import say, to_plain

ADDRESS_SPACE_BYTES = 2 * 2**30
CPU_SECONDS_PER_FILE = 20

_DENIED_EVENTS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn",
     "os.spawn", "os.remove", "os.rename", "os.link", "os.symlink", "os.mkdir", "os.rmdir",
     "os.truncate", "shutil.rmtree", "pty.spawn"}
)  # fmt: skip


def serve(input_fd: int, output_fd: int) -> None:
    """Answer requests until the parent closes its end."""
    _limit_resources()
    requests, replies = _take_streams()
    from mmcore.intake.dicom.reader import read_dicom
    from mmcore.intake.documents.reader import read_document
    from mmcore.intake.recording import read_recording

    readers = {
        b"dicom": read_dicom,
        b"sound": read_recording,
        b"document": read_document,
        b"deid-inspect": _deid("inspect"),
        b"deid-rewrite": _deid("rewrite"),
        b"head": _head,
    }
    _load_codecs()
    _seal()
    with os.fdopen(output_fd, "w+b", buffering=0) as output:
        for line in requests:
            kind, size = line.split()
            _renew_cpu_limit()
            reply = _answer(readers[kind], input_fd, int(size), output)
            replies.write(json.dumps(reply).encode() + b"\n")
            replies.flush()


def _deid(name: str) -> Any:
    """Return a function of de-identification, which most workers never load."""

    def read(data: memoryview, sink: BinaryIO) -> dict[str, Any]:
        from mmcore.deid import dicom_process

        found: dict[str, Any] = getattr(dicom_process, name)(data, sink)
        return found

    return read


def _head(data: memoryview, sink: BinaryIO) -> dict[str, Any]:
    """Return the header alone, for results; most workers never load this."""
    from mmcore.results.dicom_head import read_head

    return read_head(data, sink)


def _answer(read: Any, input_fd: int, size: int, output: BinaryIO) -> dict[str, Any]:
    """Return {"found": ...} or {"refused": [code, detail, attribute]}."""
    from mmcore.errors import FileRefusedError, RefusalCode

    output.seek(0)
    output.truncate()
    mapped = mmap.mmap(input_fd, size, prot=mmap.PROT_READ) if size else None
    try:
        return {"found": _translatable(read(memoryview(mapped or b""), output))}
    except FileRefusedError as refusal:
        return {"refused": [refusal.code, to_plain(refusal.detail), refusal.attribute]}
    except MemoryError:
        words = say("decoding the file needs more memory than one file may have")
        return {"refused": [RefusalCode.PIXELS_TOO_LARGE, to_plain(words), ""]}
    except BaseException as error:  # noqa: BLE001 - the border: decoders raise anything
        # The message of a foreign error may quote the file, so only its type goes out.
        words = say("decoding failed ({error})", error=type(error).__name__)
        return {"refused": [RefusalCode.CORRUPT, to_plain(words), ""]}
    finally:
        # The traceback of a refusal may still hold a view; the map then goes with it.
        if mapped is not None:
            with contextlib.suppress(BufferError):
                mapped.close()


def _translatable(found: dict[str, Any]) -> dict[str, Any]:
    """Return the message with its notices so that they can still be translated beyond JSON."""
    if "notices" not in found:
        return found
    return {**found, "notices": [to_plain(notice) for notice in found["notices"]]}


def _limit_resources() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _renew_cpu_limit()


def _renew_cpu_limit() -> None:
    """Allow ``CPU_SECONDS_PER_FILE`` more; the kernel kills the process beyond."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_SECONDS_PER_FILE, hard))


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the standard streams: what a C library prints must not be read as a reply."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    return requests, replies


def _load_codecs() -> None:
    """Import the lazily loaded codecs now, because nothing can be opened once sealed."""
    import imagecodecs

    for name in ("jpeg8", "jpegls", "jpeg2k", "htj2k", "packbits"):
        getattr(imagecodecs, f"{name}_decode")


def _seal() -> None:
    """Refuse sockets, programs and files outside the Python installation from here on."""
    readable = tuple(os.path.realpath(path) for path in (sys.prefix, sys.base_prefix)) + tuple(
        os.path.realpath(path) for path in sys.path if path
    )

    def deny(event: str, args: tuple[Any, ...]) -> None:
        if event.startswith("socket.") or event in _DENIED_EVENTS:
            raise PermissionError(event)
        if event == "open" and isinstance(args[0], str | bytes):
            path = os.path.realpath(os.fsdecode(args[0]))
            is_reading = not (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not (is_reading and path.startswith(readable)):
                raise PermissionError(event)

    sys.addaudithook(deny)
