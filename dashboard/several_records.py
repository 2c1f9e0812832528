"""What a tab holds of files that turned out to be several patients'."""

from dataclasses import dataclass

from mmcore.records import Case, Modality, Patient, SourceFile

Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class OnePatient:
    """One of several patients. files: theirs by name, where no store holds them; else empty.

    holds: which inputs. unused: how many of the files were of no use.
    """

    digest: str
    patient: Patient
    label: str
    n_files: int
    holds: tuple[Modality, ...]
    unused: int
    files: Files


@dataclass(frozen=True, slots=True)
class Question:
    """A file that does not say which of the patients it is about, or the images of one series.

    beside: number of the one patient in whose folder it lies, None where there is no such folder.
    """

    sources: tuple[SourceFile, ...]
    files: Files
    beside: int | None = None


@dataclass(frozen=True, slots=True)
class Several:
    """Several patients whose files came in together.

    questions: what a person must say before their cases are opened; empty once they are.
    unread: files that could not be used. aside: names of files that a person left aside.
    first: the case to be looked at, until it is.
    """

    patients: tuple[OnePatient, ...]
    questions: tuple[Question, ...] = ()
    unread: tuple[SourceFile, ...] = ()
    aside: tuple[str, ...] = ()
    first: Case | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a person has to say whose some files are."""
        return bool(self.questions)
