"""A case without its patient: every file rewritten from what is allowed, or left out with a reason.

The files are read as any other upload is (``mmcore.intake``): recognised by their bytes, bounded,
decoded in processes that hold no key, and checked to be of one patient. What intake refuses, and
every kind without a rule here, stays behind.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmcore.deid.burned_in import find_text
from mmcore.deid.images import (
    Order,
    inspect_image,
    is_likely_text,
    rewrite_image,
)
from mmcore.deid.known import as_json, known_of
from mmcore.deid.notes import MAX_CHARACTERS, scrub
from mmcore.deid.records import (
    Approvals,
    BurnedIn,
    CleanFile,
    Dates,
    DeidentifiedCase,
    FoundText,
    LeftOut,
    Options,
    Preview,
    Reason,
)
from mmcore.deid.secret import Secret
from mmcore.deid.tables import MAX_VARIANTS, bundle, panel, wave
from mmcore.deid.written import header_holds, text_holds
from mmcore.errors import FileRefusedError
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.columns import Mappings
from mmcore.intake.opening import opened
from mmcore.intake.worker import decode_dicom
from mmcore.language import say
from mmcore.records import Case, FileVerdict, Instance, SourceFile

SCHEMA = "consilium.deid/1"
_SUFFIXES = {
    "image": "dcm",
    "note": "txt",
    "observations": "json",
    "recording": "wav",
    "variants": "vcf",
}

Progress = Callable[[float], None]


def deidentify(
    files: Sequence[RawFile],
    options: Options,
    secret: Secret,
    *,
    approvals: Approvals | None = None,
    mappings: Mappings | None = None,
    progress: Progress | None = None,
) -> DeidentifiedCase:
    """Return the case that may leave.

    approvals: of images, by the SHA-256 of their files; see ``preview``. mappings: as in
    ``case_from_files``. progress: called with the share done, 0 to 1.
    """
    return _Work(files, options, secret, approvals or {}, mappings, progress).case()


def preview(
    files: Sequence[RawFile],
    options: Options,
    secret: Secret,
    *,
    mappings: Mappings | None = None,
    progress: Progress | None = None,
) -> Preview:
    """Return what would change and where text seems to be burned in. Nothing is written.

    Images that wait for approval are in ``left_out`` and in ``found_text``. Arguments: as of
    ``deidentify``.
    """
    work = _Work(files, options, secret, {}, mappings, progress)
    return Preview(work.case(), tuple(work.found_text), dict(work.texts))


def report(case: DeidentifiedCase) -> bytes:
    """Return what was done as JSON: counts, kinds, positions in the new files; no source value."""
    document = {
        "schema": SCHEMA,
        "profile": "DICOM PS3.15 Table E.1-1, 2026c; HIPAA Safe Harbor for text",
        "pseudonym": case.pseudonym,
        "options": {
            "dates": case.options.dates.value,
            "keeps_characteristics": case.options.keeps_characteristics,
            "keeps_descriptions": case.options.keeps_descriptions,
            "burned_in": case.options.burned_in.value,
        },
        "files": [_file_report(file) for file in case.files],
        "left_out": [
            {"source": o.number, "kind": o.kind, "reason": o.reason.value, "detail": o.detail}
            for o in case.left_out
        ],
    }
    return as_json(document)


def _file_report(file: CleanFile) -> dict[str, Any]:
    spans, moved = [], 0
    for span in file.spans:
        start = span.start + moved
        spans.append({"start": start, "end": start + len(span.replacement), "kind": span.kind})
        moved += len(span.replacement) - (span.end - span.start)
    return {
        "name": file.name,
        "source": file.number,
        "kind": file.kind,
        "sha256": hashlib.sha256(file.data).hexdigest(),
        "changes": dict(file.changes),
        "spans": spans,
        "masked": [[b.row, b.column, b.rows, b.columns] for b in file.masked],
    }


class _Work:
    """One run over the files of a case."""

    def __init__(
        self,
        files: Sequence[RawFile],
        options: Options,
        secret: Secret,
        approvals: Approvals,
        mappings: Mappings | None,
        progress: Progress | None,
    ) -> None:
        self._options, self._approvals, self._tell = options, approvals, progress
        # Moved dates still say what came after the image; removed ones can not, so it stays behind.
        self._source: Case = case_from_files(
            files,
            take_later=options.dates is Dates.SHIFT,
            mappings=mappings,
            progress=lambda done, total: self._progress(0.4 * done / max(total, 1)),
        )
        found = opened(file.data for file in files)
        self._bytes = {hashlib.sha256(data).hexdigest(): data for data in found}
        self._instances = {instance.digest: instance for instance in self._source.instances}
        used = [f for f in self._source.files if f.verdict is FileVerdict.USED]
        self._inspected: dict[str, dict[str, Any]] = {}
        self._refusals: dict[str, FileRefusedError] = {}
        for file in used:
            if file.kind == "dicom":
                self._inspect(file.digest)
        known = known_of(
            self._source,
            inspected=self._inspected.values(),
            fhir=[self._bytes[f.digest] for f in used if f.kind == "observations"],
        )
        whose = _whose(self._source)
        days = secret.days(whose) if options.dates is Dates.SHIFT else None
        self._order = Order(options, secret, known, secret.pseudonym(whose), days)
        self._files: list[CleanFile] = []
        self._left_out: list[LeftOut] = []
        self.found_text: list[FoundText] = []
        self.texts: dict[str, str] = {}

    def _progress(self, share: float) -> None:
        if self._tell is not None:
            self._tell(share)

    def _inspect(self, digest: str) -> None:
        try:
            self._inspected[digest] = inspect_image(self._bytes[digest])
        except FileRefusedError as refusal:
            self._refusals[digest] = refusal

    def case(self) -> DeidentifiedCase:
        make: Mapping[str, Callable[[int, SourceFile], None]] = {
            "dicom": self._image,
            "note": self._note,
            "observations": self._observations,
            "recording": self._recording,
            "variants": self._variants,
        }
        for number, file in enumerate(self._source.files, start=1):
            self._progress(0.4 + 0.6 * (number - 1) / len(self._source.files))
            if file.kind == "archive" and file.verdict is FileVerdict.KEPT_ASIDE:
                continue
            if file.verdict is not FileVerdict.USED:
                self._leave(number, file, Reason.NOT_READ, file.reason)
            elif file.kind not in make:
                self._leave(
                    number, file, Reason.KIND_NOT_HANDLED,
                    say("there are no rules for this kind of file"),
                )  # fmt: skip
            else:
                make[file.kind](number, file)
        return DeidentifiedCase(
            self._order.pseudonym, self._options, tuple(self._files), tuple(self._left_out)
        )

    def _leave(self, number: int, file: SourceFile, reason: Reason, detail: str) -> None:
        self._left_out.append(LeftOut(number, file.kind, reason, detail))

    def _add(self, clean: CleanFile, file: SourceFile, *, is_left: bool = False) -> None:
        """Add a file unless a known identifier is still in what it says."""
        if is_left:
            self._leave(
                clean.number, file, Reason.IDENTIFIER_LEFT,
                say("a known identifier was still in the new file, so it was not written"),
            )  # fmt: skip
        else:
            self._files.append(clean)

    def _name(self, kind: str) -> str:
        count = sum(file.kind == kind for file in self._files) + 1
        return f"{kind}-{count:03d}.{_SUFFIXES[kind]}"

    def _image(self, number: int, file: SourceFile) -> None:
        if refusal := self._refusals.get(file.digest):
            self._leave(number, file, Reason.NOT_READ, refusal.detail)
            return
        found = self._inspected[file.digest]
        if not found["is_handled"]:
            detail = say("there are no rules for this kind of DICOM object")
            self._leave(number, file, Reason.KIND_NOT_HANDLED, detail)
            return
        boxes = self._approvals.get(file.digest)
        if boxes is None and self._waits(number, file.digest, found):
            detail = say("text may be burned into the image, and nobody has approved it")
            self._leave(number, file, Reason.TEXT_NOT_APPROVED, detail)
            return
        try:
            data, counts, head = rewrite_image(
                self._bytes[file.digest], found, self._order, boxes=boxes
            )
        except FileRefusedError as error:
            self._leave(number, file, Reason.NOT_READ, error.detail)
            return
        clean = CleanFile(
            self._name("image"), number, "image", data, counts, masked=tuple(boxes or ())
        )
        is_left = header_holds(data[:head], self._order.known, self._order.pseudonym)
        self._add(clean, file, is_left=is_left)

    def _waits(self, number: int, digest: str, found: Mapping[str, Any]) -> bool:
        """Whether an image that nobody approved must stay behind."""
        is_likely = is_likely_text(found)
        if self._options.burned_in is BurnedIn.NONE:
            return is_likely
        boxes = find_text(self._instance(digest))
        needs = is_likely or bool(boxes)
        self.found_text.append(FoundText(number, digest, boxes, needs))
        return needs

    def _instance(self, digest: str) -> Instance:
        """Return the image of a file; of a volume in one file the case holds the slices alone."""
        if digest not in self._instances:
            return decode_dicom(self._bytes[digest], digest=digest).instance
        return self._instances[digest]

    def _note(self, number: int, file: SourceFile) -> None:
        for note in self._source.notes:
            if note.digest != file.digest:
                continue
            if len(note.text) > MAX_CHARACTERS:
                detail = say("the note has more than {n:,} characters", n=MAX_CHARACTERS)
                self._leave(number, file, Reason.KIND_NOT_HANDLED, detail)
                return
            clean = scrub(note.text, self._order.known, days=self._order.days)
            counts: dict[str, int] = {}
            for span in clean.spans:
                counts[span.kind.value] = counts.get(span.kind.value, 0) + 1
            made = CleanFile(
                self._name("note"), number, "note", clean.text.encode(), counts, clean.spans
            )
            self.texts[made.name] = note.text
            is_left = text_holds(clean.text, self._order.known, is_note=True)
            self._add(made, file, is_left=is_left)

    def _observations(self, number: int, file: SourceFile) -> None:
        self._note(number, file)  # bundles and messages carry reports too
        own = [item for item in self._source.observations if item.digest == file.digest]
        if not own and any(made.number == number for made in self._files):
            return
        if not own:
            detail = say("the file holds no observation that another file does not hold too")
            self._leave(number, file, Reason.KIND_NOT_HANDLED, detail)
            return
        data, dropped = bundle(
            own, self._source.patient, pseudonym=self._order.pseudonym, days=self._order.days,
            keeps_sex=self._options.keeps_characteristics,
        )  # fmt: skip
        counts = {"rewritten": len(own) - dropped} | ({"removed": dropped} if dropped else {})
        made = CleanFile(self._name("observations"), number, "observations", data, counts)
        is_left = text_holds(data.decode(), self._order.known, is_note=False)
        self._add(made, file, is_left=is_left)

    def _recording(self, number: int, file: SourceFile) -> None:
        for recording in self._source.recordings:
            if recording.digest == file.digest:
                data = wave(recording)
                made = CleanFile(
                    self._name("recording"), number, "recording", data, {"rewritten": 1}
                )
                self._add(made, file)  # samples alone

    def _variants(self, number: int, file: SourceFile) -> None:
        own = [item for item in self._source.variants if item.digest == file.digest]
        loci = self._options.loci
        if len(own) > MAX_VARIANTS and not loci:
            detail = say(
                "{n} variants identify a person by themselves; say which loci are to be kept",
                n=len(own),
            )
            self._leave(number, file, Reason.TOO_MANY_VARIANTS, detail)
            return
        text, dropped = panel(own, pseudonym=self._order.pseudonym, loci=loci)
        counts = {"rewritten": len(own) - dropped} | ({"removed": dropped} if dropped else {})
        made = CleanFile(self._name("variants"), number, "variants", text.encode(), counts)
        is_left = text_holds(text, self._order.known, is_note=False)
        self._add(made, file, is_left=is_left)


def _whose(case: Case) -> str:
    """Return by what this patient is the same in later cases: the record number, else the name."""
    patient = case.patient
    if patient.patient_id and patient.patient_id.strip():
        return "id " + patient.patient_id.strip().upper()
    if patient.name:
        return f"name {patient.name.strip().upper()} {patient.birth_date or ''}"
    return "case " + case.digest
