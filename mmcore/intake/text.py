"""Bytes to text, without guessing in silence: a decoding other than UTF-8 is said."""

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import say

MAX_TEXT_BYTES = 10 * 2**20


def decode_text(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the text with line feeds as line ends, and notices on how it was decoded.

    Raises ``FileRefusedError`` (TOO_LARGE or BAD_TEXT).
    """
    if len(data) > MAX_TEXT_BYTES:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE,
            say(
                "the text has {megabytes:.0f} MB; at most {most} MB are read",
                megabytes=len(data) / 2**20,
                most=MAX_TEXT_BYTES >> 20,
            ),
        )
    text, notices = _decode(data)
    if "\0" in text:
        raise FileRefusedError(RefusalCode.BAD_TEXT, say("the text holds NUL characters"))
    return text.replace("\r\n", "\n").replace("\r", "\n"), notices


def _decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _utf16(data, "utf-16"), (say("The text was read as UTF-16."),)
    sample = data[:65536]
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if len(sample) >= 16 and zeros.count(0) > 0.9 * len(zeros):
            return _utf16(data, encoding), (say("The text was read as UTF-16."),)
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text, (say("The text is not UTF-8 and was read as Latin-1; check accented letters."),)


def _utf16(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileRefusedError(RefusalCode.BAD_TEXT, say("the UTF-16 text is damaged")) from error
