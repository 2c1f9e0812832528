"""What a peer says it has, as plain records."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_UID = re.compile(r"(?=.{1,64}\Z)\d+(\.\d+)*", re.ASCII)
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Query:
    """Which studies are asked for; an empty field asks for any.

    date: as DICOM writes a range, such as 20240101-20240331. study_uid: exactly this one.
    """

    patient_id: str = ""
    patient_name: str = ""
    accession_number: str = ""
    study_uid: str = ""
    date: str = ""
    modality: str = ""

    @property
    def is_open(self) -> bool:
        """Whether everything is asked for, which no PACS should answer."""
        return not any((self.patient_id, self.patient_name, self.accession_number, self.study_uid,
                        self.date, self.modality))  # fmt: skip


@dataclass(frozen=True, slots=True)
class StudyFound:
    """One study as the peer describes it; every text may be "", and is ``plain``."""

    study_uid: str
    date: str
    description: str
    accession_number: str
    patient_id: str
    patient_name: str
    modalities: tuple[str, ...]
    instances: int | None


def plain(value: object) -> str:
    """Return what a peer says as one short line: a terminal would obey control characters."""
    words = "".join(letter if letter.isprintable() else " " for letter in str(value)[:_LONGEST])
    return words.strip()


def is_uid(text: str) -> bool:
    """Whether a text can be a UID (PS3.5 9.1), and so stand in an address or a query."""
    return _UID.fullmatch(text) is not None


def newest_first(studies: Iterable[StudyFound]) -> tuple[StudyFound, ...]:
    """Return studies by date, the last first, those without a date at the end."""
    return tuple(sorted(studies, key=lambda s: (s.date, s.study_uid), reverse=True))
