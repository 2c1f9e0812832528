"""How much one case may hold: a small archive of well-compressed files fills any memory."""

from dataclasses import dataclass

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.parts import ImagePart, Part, RecordingPart
from mmcore.intake.sniff import Content
from mmcore.language import say

MAX_FILES = 20_000
MAX_CASE_PIXEL_BYTES = 4 * 2**30
MAX_CASE_TEXT_BYTES = 64 * 2**20

# What becomes larger when it is decoded, and what one too many of it is refused as.
_DECODED = {Content.DICOM: RefusalCode.PIXELS_TOO_LARGE, Content.SOUND: RefusalCode.TOO_LARGE}
_READ_AS_TEXT = frozenset({Content.TEXT, Content.JSON, Content.HL7, Content.VCF})


@dataclass(slots=True)
class CaseBounds:
    """What the files read so far amount to."""

    n_files: int = 0
    decoded_bytes: int = 0
    text_bytes: int = 0

    def refusal(self, content: Content, size: int) -> FileRefusedError | None:
        """Count one more file of ``size`` bytes, and return why the case can not take it."""
        self.n_files += 1
        if self.n_files > MAX_FILES:
            return FileRefusedError(
                RefusalCode.TOO_LARGE,
                say("the case has more than {max_files:,} files", max_files=MAX_FILES),
            )
        if self.decoded_bytes >= MAX_CASE_PIXEL_BYTES and content in _DECODED:
            return FileRefusedError(
                _DECODED[content],
                say(
                    "the images and recordings of the case together have more than {megabytes} MB",
                    megabytes=MAX_CASE_PIXEL_BYTES >> 20,
                ),
            )
        if content in _READ_AS_TEXT:
            self.text_bytes += size
            if self.text_bytes > MAX_CASE_TEXT_BYTES:
                return FileRefusedError(
                    RefusalCode.TOO_LARGE,
                    say(
                        "the texts and tables of the case together have more than {megabytes} MB",
                        megabytes=MAX_CASE_TEXT_BYTES >> 20,
                    ),
                )
        return None

    def add(self, part: Part) -> None:
        """Count what a file turned out to hold."""
        if isinstance(part, ImagePart):
            self.decoded_bytes += part.instance.pixels.nbytes
        if isinstance(part, RecordingPart):
            self.decoded_bytes += part.recording.samples.nbytes
