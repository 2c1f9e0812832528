"""The files of a case as bytes, those inside archives by themselves, as intake lists them."""

from collections.abc import Iterable, Iterator

from mmcore.errors import FileRefusedError
from mmcore.intake import archive
from mmcore.intake.sniff import Content, sniff


def opened(files: Iterable[bytes]) -> Iterator[bytes]:
    """Yield every file; instead of an archive what is in it, and nothing of one that is refused."""
    for data in files:
        if sniff(data) is not Content.ARCHIVE:
            yield data
            continue
        try:
            for entry in archive.expand(data):
                yield entry.data
        except FileRefusedError:
            continue  # intake has listed it with the same refusal
