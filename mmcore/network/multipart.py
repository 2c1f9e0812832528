"""The parts of a multipart/related answer, as bytes. RFC 2046 5.1 and DICOM PS3.18 8.6.1."""

import re
from collections.abc import Iterable, Iterator

_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)
MAX_HEAD_BYTES = 16_384
MAX_PARTS = 20_000


class MultipartError(ValueError):
    """An answer is not what its Content-Type says, or larger than allowed."""


def parts(chunks: Iterable[bytes], content_type: str, *, most: int) -> Iterator[bytes]:
    """Yield the body of every part. most: bytes of the whole answer.

    Raises ``MultipartError``, also for an answer that ends before its closing boundary: half a
    study is not the study.
    """
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/related") or found is None:
        raise MultipartError("not multipart/related with a boundary")
    mark = b"--" + found[1].encode("ascii", "replace")
    source, held, read = iter(chunks), bytearray(), 0

    def more() -> None:
        nonlocal read
        chunk = next(source, None)
        if chunk is None:
            raise MultipartError("the answer ends before its closing boundary")
        read += len(chunk)
        if read > most:
            raise MultipartError("the answer is larger than allowed")
        held.extend(chunk)

    def up_to(end: bytes, *, within: int | None = None) -> bytes:
        """Take everything before ``end``, and ``end`` with it."""
        seen = 0
        while (at := held.find(end, seen)) < 0:
            if within is not None and len(held) > within:
                raise MultipartError("the head of a part is too long")
            seen = max(0, len(held) - len(end) + 1)
            more()
        taken = bytes(held[:at])
        del held[: at + len(end)]
        return taken

    up_to(mark, within=MAX_HEAD_BYTES)  # the preamble
    for number in range(MAX_PARTS + 1):
        while len(held) < 2:
            more()
        if held.startswith(b"--"):
            return
        if number == MAX_PARTS:
            raise MultipartError("the answer has more parts than allowed")
        up_to(b"\r\n", within=MAX_HEAD_BYTES)  # what may pad the boundary line
        if held[:2] == b"\r\n":
            del held[:2]
        else:
            up_to(b"\r\n\r\n", within=MAX_HEAD_BYTES)
        yield up_to(b"\r\n" + mark)
