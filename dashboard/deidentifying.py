"""A case made ready to leave the hospital: looked at first, then written, both as jobs.

Nothing is masked, and no image is marked as clean, but where a person has approved it.
"""

import hashlib
import io
import secrets
import zipfile
from collections.abc import Iterable
from dataclasses import replace

from dashboard import columns, jobs, keeping, people, site, state
from dashboard.jobs import Tell
from dashboard.language import say, t
from dashboard.state import CaseWork, Leaving
from mmcore.deid.records import (
    Approvals,
    Box,
    BurnedIn,
    DeidentifiedCase,
    FoundText,
    LeftOut,
    Options,
    Preview,
    Reason,
    SafePrivate,
)
from mmcore.deid.secret import KEY_BYTES, Secret, read_secret
from mmcore.errors import ConfigError
from mmcore.people import Action
from mmcore.records import Instance

REPORT = "report.json"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the zip says nothing of when it was made


def secret() -> tuple[Secret, bool]:
    """Return the key of the pseudonyms, and whether it is the site's and not this session's.

    Raises ``ConfigError`` where the site names a file that holds none.
    """
    path = site.deid_key_file()
    if path is not None:
        try:
            return read_secret(path), True
        except ConfigError as error:
            raise ConfigError(key=site.DEID_KEY_FILE, problem=error.problem) from error
    current = state.session()
    if current.deid_key is None:
        current.deid_key = Secret(secrets.token_bytes(KEY_BYTES))
    return current.deid_key, False


def private_of(text: str) -> tuple[SafePrivate, ...]:
    """Return the private attributes that lines of text name. Raises ``ValueError``."""
    lines = [line.strip() for line in text.splitlines()]
    return tuple(SafePrivate.from_text(line) for line in lines if line)


def look(work: CaseWork, options: Options) -> None:
    """Start looking at what would change and where text is burned in.

    Raises ``ConfigError`` and ``StoreError``.
    """
    files, (key, _), mappings = keeping.files_of(work), secret(), columns.remembered()

    people.require(Action.DEIDENTIFY)

    def task(tell: Tell) -> Preview:
        from mmcore.deid.case import preview
        from mmcore.intake import RawFile

        raw = [RawFile(name, data) for name, data in files]
        return preview(
            raw, options, key, mappings=mappings, progress=lambda share: tell(share, "")
        )  # fmt: skip

    forget(work.leaving)
    work.leaving.asked, work.leaving.job = options, jobs.start(task)


def make(work: CaseWork) -> None:
    """Start writing what may leave, by the options of the preview and what was approved.

    Raises ``ConfigError`` and ``StoreError``.
    """
    leaving = work.leaving
    assert leaving.asked is not None  # there is a preview
    options, approvals = leaving.asked, approvals_of(leaving)
    files, (key, _), mappings = keeping.files_of(work), secret(), columns.remembered()

    people.require(Action.DEIDENTIFY)

    def task(tell: Tell) -> tuple[DeidentifiedCase, bytes]:
        from mmcore.deid.case import deidentify
        from mmcore.intake import RawFile

        raw = [RawFile(name, data) for name, data in files]
        case = deidentify(
            raw, options, key, approvals=approvals, mappings=mappings,
            progress=lambda share: tell(share, ""),
        )  # fmt: skip
        tell(1.0, say("Packing the files"))
        return case, packed(case)

    leaving.made, leaving.packed, leaving.given = None, b"", signature(leaving)
    leaving.job = jobs.start(task)


def take(work: CaseWork) -> None:
    """Keep with the case what its job has finished."""
    leaving = work.leaving
    result = None if leaving.job is None else leaving.job.result
    if isinstance(result, Preview):
        leaving.preview = result
    elif result is not None:
        leaving.made, leaving.packed = result
    leaving.job = None


def forget(leaving: Leaving) -> None:
    """Drop the preview and the files made of it; what a person said of boxes stays."""
    leaving.preview = leaving.asked = leaving.made = leaving.job = None
    leaving.packed, leaving.given, leaving.read = b"", "", ""


def is_current(leaving: Leaving) -> bool:
    """Return whether the files that were made are those that the page now asks for."""
    return leaving.made is not None and leaving.given == signature(leaving)


def signature(leaving: Leaving) -> str:
    """Return a name for the options and approvals as they stand; another for any others."""
    options = leaving.asked
    loci = () if options is None else tuple(sorted(options.loci))
    plain = None if options is None else replace(options, loci=frozenset())
    said = repr((plain, loci, sorted(approvals_of(leaving).items())))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def boxes_of(leaving: Leaving, found: FoundText) -> tuple[Box, ...]:
    """Return the boxes of an image: those that were proposed, then those that a person added."""
    return (*found.boxes, *leaving.added.get(found.digest, ()))


def verdict(leaving: Leaving, digest: str, box: Box) -> bool | None:
    """Return whether a box goes black; ``None`` while nobody has said."""
    return leaving.verdicts.get(digest, {}).get(box)


def judge(leaving: Leaving, digest: str, box: Box, goes_black: bool | None) -> None:
    """Note what a person says of a box; the image must then be approved again."""
    said = leaving.verdicts.setdefault(digest, {})
    if said.get(box) is goes_black:
        return
    said.pop(box, None)
    if goes_black is not None:
        said[box] = goes_black
    leaving.approved.discard(digest)


def add_box(leaving: Leaving, digest: str, box: Box) -> None:
    """Add a box that a person drew, which goes black; the image must then be approved again."""
    if box not in leaving.added.setdefault(digest, []):
        leaving.added[digest].append(box)
    leaving.verdicts.setdefault(digest, {})[box] = True
    leaving.approved.discard(digest)


def waiting(leaving: Leaving, found: FoundText) -> int:
    """Return how many boxes of an image nobody has said anything of."""
    said = leaving.verdicts.get(found.digest, {})
    return sum(box not in said for box in boxes_of(leaving, found))


def show_frame(leaving: Leaving, digest: str, frame: int | None, frames: int) -> None:
    """Note that a frame of an image, from 0, is on the page; None for all of them in one."""
    left = leaving.unseen.setdefault(digest, set(range(frames)))
    if frame is None:
        left.clear()
    left.discard(frame or 0)


def frames_left(leaving: Leaving, digest: str) -> int:
    """Return how many frames of an image nobody has looked at; at least 1 before it was shown."""
    return len(leaving.unseen.get(digest, {0}))


def approve(leaving: Leaving, found: FoundText) -> None:
    """Note that a person has looked at every frame of an image and its boxes are right.

    Raises ``ValueError`` while a box of it waits or a frame was not shown.
    """
    if waiting(leaving, found):
        raise ValueError("a box has no verdict yet")
    if frames_left(leaving, found.digest):
        raise ValueError("a frame was not shown yet")
    leaving.approved.add(found.digest)
    following = next(iter(unseen(leaving)), None)
    leaving.at = found.digest if following is None else following.digest


def approvals_of(leaving: Leaving) -> Approvals:
    """Return the boxes that go black, of each image that a person has approved."""
    if leaving.preview is None or leaving.asked is None:
        return {}
    return {
        found.digest: tuple(b for b in boxes_of(leaving, found) if said.get(b))
        for found in leaving.preview.found_text
        if found.digest in leaving.approved
        for said in (leaving.verdicts.get(found.digest, {}),)
    }


def unseen(leaving: Leaving) -> tuple[FoundText, ...]:
    """Return the images that stay behind unless a person approves them."""
    if leaving.preview is None or leaving.asked is None:
        return ()
    if leaving.asked.burned_in is BurnedIn.NONE:
        return ()
    found = leaving.preview.found_text
    return tuple(one for one in found if one.needs_approval and one.digest not in leaving.approved)


def stays_for(left: Iterable[LeftOut], leaving: Leaving) -> tuple[LeftOut, ...]:
    """Return what will stay behind by now: not the images that have been approved since."""
    approved = set()
    if leaving.preview is not None:
        approved = {o.number for o in leaving.preview.found_text if o.digest in leaving.approved}
    return tuple(
        one
        for one in left
        if one.reason is not Reason.TEXT_NOT_APPROVED or one.number not in approved
    )


def image(work: CaseWork, digest: str) -> Instance | None:
    """Return the image of a source file, decoded again where the case does not hold it whole.

    None if the file is not kept any more. Raises ``StoreError`` and ``FileRefusedError``.
    """
    leaving = work.leaving
    if leaving.image is None or leaving.image[0] != digest:
        found = next((one for one in work.case.instances if one.digest == digest), None)
        if found is None:
            found = _decoded(work, digest)
        leaving.image = None if found is None else (digest, found)
    return None if leaving.image is None else leaving.image[1]


def _decoded(work: CaseWork, digest: str) -> Instance | None:
    from mmcore.intake.opening import opened
    from mmcore.intake.worker import decode_dicom

    for data in opened(data for _, data in keeping.files_of(work)):
        if hashlib.sha256(data).hexdigest() == digest:
            return decode_dicom(data, digest=digest).instance
    return None


def picture(leaving: Leaving, found: FoundText, instance: Instance, frame: int | None) -> bytes:
    """Return one frame of an image, or all in one, as PNG, with its boxes as they are marked."""
    from mmcore.deid.pictures import Mark, drawn, picture_of

    if leaving.picture is None or leaving.picture[0] != (found.digest, frame):
        leaving.picture = ((found.digest, frame), picture_of(instance, frame))
    grey, share = leaving.picture[1]
    marks = {None: Mark.PROPOSED, True: Mark.MASKED, False: Mark.DISMISSED}
    boxes = boxes_of(leaving, found)
    return drawn(grey, share, [(b, marks[verdict(leaving, found.digest, b)]) for b in boxes])


def source_name(work: CaseWork, number: int) -> str:
    """Return the name of a source file by its number, from 1; what leaves never holds it."""
    files = work.case.files
    if 0 < number <= len(files):
        return files[number - 1].name
    return t("File {n}", n=number)


def packed(case: DeidentifiedCase) -> bytes:
    """Return the files and the report as one zip, the same bytes for the same files."""
    from mmcore.deid.case import report

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*((f.name, f.data) for f in case.files), (REPORT, report(case))]:
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


def download_name(leaving: Leaving) -> str:
    """Return a name that is unique to what is in the zip and holds nothing of the patient."""
    assert leaving.made is not None  # there is something to download
    digest = hashlib.sha256(leaving.packed).hexdigest()
    return f"consilium-{leaving.made.pseudonym}-{digest[:8]}.zip"
