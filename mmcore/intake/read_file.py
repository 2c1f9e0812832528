"""One file of a case on its way through the checks."""

import dataclasses
from dataclasses import dataclass

from mmcore.errors import RefusalCode
from mmcore.intake.parts import Part
from mmcore.records import FileVerdict, SourceFile


@dataclass(frozen=True, slots=True, eq=False)
class ReadFile:
    """One file with its verdict so far, and what it holds if it may be used."""

    source: SourceFile
    part: Part | None = None

    @property
    def is_used(self) -> bool:
        """Whether nothing has been found against the file so far."""
        return self.part is not None and self.source.verdict is FileVerdict.USED

    def refused(self, code: RefusalCode, reason: str) -> "ReadFile":
        """Return the file refused, without what it holds."""
        return ReadFile(
            dataclasses.replace(self.source, verdict=FileVerdict.REFUSED, code=code, reason=reason)
        )

    def kept_aside(self, reason: str) -> "ReadFile":
        """Return the file kept aside, without what it holds."""
        return ReadFile(
            dataclasses.replace(self.source, verdict=FileVerdict.KEPT_ASIDE, reason=reason)
        )


def by_digest(file: ReadFile) -> str:
    """Order files by what they hold, whatever the order in which they came."""
    return file.source.digest
