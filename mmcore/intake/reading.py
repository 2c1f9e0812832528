"""How each file that came in is read, one by one: recognised, checked, judged by itself."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import archive
from mmcore.intake.case_bounds import CaseBounds
from mmcore.intake.columns import Mappings
from mmcore.intake.fhir_bundle import is_fhir, read_json
from mmcore.intake.note import read_note
from mmcore.intake.observations_cda import with_results
from mmcore.intake.observations_csv import looks_like_table, read_table
from mmcore.intake.observations_fhir import read_fhir
from mmcore.intake.observations_hl7 import read_hl7
from mmcore.intake.part_times import on_site_clock
from mmcore.intake.parts import (
    DIRECTORY,
    DOCUMENTS,
    NOT_OF_A_PERSON,
    NotePart,
    ObservationsPart,
    Part,
    VariantsPart,
)
from mmcore.intake.quantities import summarise
from mmcore.intake.read_file import ReadFile
from mmcore.intake.readers import find_reader, read_attachment
from mmcore.intake.sniff import Content, describe_aside, describe_foreign, sniff
from mmcore.intake.text import decode_text
from mmcore.intake.variants import read_vcf
from mmcore.intake.variants_table import looks_like_panel, read_panel
from mmcore.intake.worker import decode_dicom, decode_recording, read_document
from mmcore.language import joined, say
from mmcore.records import FileVerdict, SourceFile
from mmcore.wording import COLUMNS_CHOSEN

NO_KNOWN_OBSERVATION = say("no observation of a kind that is known here")
_TITLE_CHARACTERS = 80
_HEADING_BYTES = 2**18

_KINDS = {
    Content.DICOM: "dicom",
    Content.SOUND: "recording",
    Content.VCF: "variants",
    Content.TEXT: "note",
    Content.DOCUMENT: "note",
    Content.HL7: "observations",
    Content.JSON: "observations",
}

_UNEXPECTED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Pending:
    """A file that waits to be read, or the refusal it already got."""

    name: str
    load: Callable[[], bytes]
    refusal: FileRefusedError | None = None


@dataclass(slots=True)
class _Reading:
    """What the files read so far amount to. mappings: of tables whose columns a person named."""

    mappings: Mappings = field(default_factory=dict)
    digests: set[str] = field(default_factory=set)
    bounds: CaseBounds = field(default_factory=CaseBounds)


def read_all(
    pending: Sequence[Pending], *, progress: Progress | None, mappings: Mappings
) -> list[ReadFile]:
    """Return the outcome of every file, in their order; those of an archive before the archive.

    progress: called with the number of files done and in all; archives grow the latter.
    """
    read: list[ReadFile] = []
    reading = _Reading(mappings)
    total = len(pending)
    done = 0
    for item in pending:
        for file, is_last in _read(item, reading):
            read.append(file)
            if not is_last:
                total += 1
            done += 1
            if progress is not None:
                progress(done, total)
    return read


def _read(item: Pending, reading: _Reading) -> Iterator[tuple[ReadFile, bool]]:
    """Yield the outcome of one file, after those of the files inside if it is an archive."""
    name = archive.shown_name(item.name)
    if item.refusal is not None:
        yield _refuse(name, b"", "unknown", item.refusal), True
        return
    try:
        data = item.load()
    except OSError:
        error = FileRefusedError(RefusalCode.CORRUPT, say("the file can not be read from its disk"))
        yield _refuse(name, b"", "unknown", error), True
        return
    if sniff(data) is not Content.ARCHIVE:
        yield _read_one(name, data, reading), True
        return
    yield from _read_archive(name, data, reading)


def _read_archive(name: str, data: bytes, reading: _Reading) -> Iterator[tuple[ReadFile, bool]]:
    n_files = 0
    try:
        for entry in archive.expand(data):
            n_files += 1
            inner = f"{name}/{entry.name}"
            if entry.refusal is not None:
                yield _refuse(inner, entry.data, "unknown", entry.refusal), False
            elif sniff(entry.data) is Content.ARCHIVE:
                yield _refuse(inner, entry.data, "archive", _nested(entry.data)), False
            else:
                yield _read_one(inner, entry.data, reading), False
    except FileRefusedError as refusal:
        yield _refuse(name, data, "archive", refusal), True
        return
    except _UNEXPECTED as error:
        words = say("the file could not be read ({error})", error=type(error).__name__)
        broken = FileRefusedError(RefusalCode.CORRUPT_ARCHIVE, words)
        yield _refuse(name, data, "archive", broken), True
        return
    reason = say(
        "the archive was opened; its {n_files} files are listed by themselves", n_files=n_files
    )
    yield ReadFile(_source(name, data, "archive", FileVerdict.KEPT_ASIDE, reason=reason)), True


def _nested(data: bytes) -> FileRefusedError:
    if archive.is_office(data):
        return archive.office_refusal()
    return FileRefusedError(
        RefusalCode.ARCHIVE_NESTED, say("archives inside archives are not opened")
    )


def _source(
    name: str,
    data: bytes,
    kind: str,
    verdict: FileVerdict,
    *,
    code: RefusalCode | None = None,
    reason: str = "",
) -> SourceFile:
    digest = hashlib.sha256(data).hexdigest()
    return SourceFile(name, digest, len(data), kind, verdict, code, reason)


def _refuse(name: str, data: bytes, kind: str, refusal: FileRefusedError) -> ReadFile:
    return ReadFile(
        _source(name, data, kind, FileVerdict.REFUSED, code=refusal.code, reason=refusal.detail)
    )


def _read_one(name: str, data: bytes, reading: _Reading) -> ReadFile:
    """Return the outcome of one file that is no archive."""
    content = sniff(data)
    reader = find_reader(name, data)
    kind = reader.kind if reader else _kind_of(name, data, content)
    digest = hashlib.sha256(data).hexdigest()
    if digest in reading.digests:
        again = say("the same file came in before")
        return _refuse(name, data, kind, FileRefusedError(RefusalCode.DUPLICATE_FILE, again))
    reading.digests.add(digest)
    if refusal := reading.bounds.refusal(content, len(data)):
        return _refuse(name, data, kind, refusal)
    if reader is None and (words := describe_aside(name, data)):
        return _aside(name, data, "unknown", words)
    try:
        if reader is not None:
            part: Part | None = read_attachment(reader, data, digest=digest)
        else:
            part = _read_content(name, data, content, kind, digest, reading.mappings)
        part = None if part is None else on_site_clock(part)
    except FileRefusedError as refusal:
        if refusal.attribute in (DIRECTORY, *NOT_OF_A_PERSON):  # nothing is wrong with it
            return _aside(name, data, kind, refusal.detail)
        return _refuse(name, data, kind, refusal)
    except _UNEXPECTED as error:
        # The border: a reader met what it did not expect. The message may quote the file.
        words = say("the file could not be read ({error})", error=type(error).__name__)
        return _refuse(name, data, kind, FileRefusedError(RefusalCode.CORRUPT, words))
    except (OSError, MemoryError) as error:
        # No room on the disk, no process to be had: not the file's fault, and not the others'.
        words = say(
            "the server had no room or no process left to read the file ({error})",
            error=type(error).__name__,
        )
        return _refuse(name, data, kind, FileRefusedError(RefusalCode.DECODE_CRASHED, words))
    if part is None:
        return _aside(name, data, "unknown", say("JSON that is not a FHIR resource"))
    if isinstance(part, ObservationsPart):
        return _judge_observations(name, data, part)
    if isinstance(part, VariantsPart):
        return _judge_variants(name, data, part)
    reading.bounds.add(part)
    kind = "note" if isinstance(part, NotePart) else kind
    return ReadFile(_source(name, data, kind, FileVerdict.USED), part)


def _kind_of(name: str, data: bytes, content: Content) -> str:
    """Return the kind of a file by its content, of plain text by the first line."""
    if content is not Content.TEXT:
        return _KINDS.get(content, "unknown")
    try:
        text, _ = decode_text(data[:_HEADING_BYTES])
    except FileRefusedError:
        return "note"
    if looks_like_panel(text):
        return "variants"
    return "observations" if looks_like_table(text, name=name) else "note"


def _read_content(
    name: str, data: bytes, content: Content, kind: str, digest: str, mappings: Mappings
) -> Part | None:
    """Return what the file holds; ``None`` for JSON of no use. Raises ``FileRefusedError``."""
    if content is Content.EMPTY:
        raise FileRefusedError(RefusalCode.EMPTY_FILE, say("the file is empty"))
    title = name.rsplit("/", 1)[-1]
    if content is Content.DICOM:
        try:
            return decode_dicom(data, digest=digest)
        except FileRefusedError as refusal:
            if refusal.attribute not in DOCUMENTS:
                raise
        return with_results(read_document(data, digest=digest, title=title))
    if content is Content.SOUND:
        return decode_recording(data, digest=digest, title=title[:_TITLE_CHARACTERS])
    if content is Content.VCF:
        return read_vcf(data, digest=digest)
    if content is Content.DOCUMENT:
        return with_results(read_document(data, digest=digest, title=title))
    if content is Content.HL7:
        return read_hl7(data, digest=digest)
    if content is Content.JSON:
        document, notices = read_json(data)
        if not is_fhir(document):
            return None
        return read_fhir(document, digest=digest, notices=notices)
    if content is Content.TEXT:
        text, _ = decode_text(data)
        if not text.strip():
            raise FileRefusedError(RefusalCode.EMPTY_FILE, say("the text is empty"))
        if kind == "variants":
            return read_panel(data, digest=digest)
        if kind == "observations":
            return read_table(data, digest=digest, mappings=mappings)
        return read_note(data, digest=digest, title=title)
    is_named_dicom = name.lower().endswith((".dcm", ".dicom"))
    words = describe_foreign(data)
    raise FileRefusedError(
        RefusalCode.NOT_DICOM if is_named_dicom else RefusalCode.UNKNOWN_KIND,
        say("the file is {words}", words=words)
        if words
        else say("the content is of no kind that is known here"),
    )


def _aside(name: str, data: bytes, kind: str, words: str) -> ReadFile:
    return ReadFile(_source(name, data, kind, FileVerdict.KEPT_ASIDE, reason=words))


def _judge_observations(name: str, data: bytes, part: ObservationsPart) -> ReadFile:
    """Use a table if any row of it can be; the rows that can not are its reason."""
    reason = summarise(part.questions)
    if part.is_mapped:
        reason = joined((reason, COLUMNS_CHOSEN), "; ") if reason else COLUMNS_CHOSEN
    if part.observations or part.notes:
        kind = "observations" if part.observations or part.questions else "note"
        return ReadFile(_source(name, data, kind, FileVerdict.USED, reason=reason), part)
    if part.questions:
        refusal = FileRefusedError(RefusalCode.ASK_UNIT, reason)
        return _refuse(name, data, "observations", refusal)
    if part.identity.is_known and part.patient.birth_date is not None and not part.notices:
        words = say("patient details only")
        return ReadFile(_source(name, data, "observations", FileVerdict.USED, reason=words), part)
    return _aside(name, data, "observations", part.aside or NO_KNOWN_OBSERVATION)


def _judge_variants(name: str, data: bytes, part: VariantsPart) -> ReadFile:
    """Use a panel if any genotype of it can be; what can not and what was set aside is said."""
    reason = joined(filter(None, (summarise(part.questions), part.aside)), "; ")
    if part.variants:
        return ReadFile(_source(name, data, "variants", FileVerdict.USED, reason=reason), part)
    if part.questions:
        return _refuse(name, data, "variants", FileRefusedError(RefusalCode.NO_GENOTYPES, reason))
    return _aside(name, data, "variants", reason or say("the gene panel lists no variant"))
