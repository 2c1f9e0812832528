"""Several files that claim to be the same image: one copy, or one claim too many."""

from collections.abc import Sequence

import numpy as np

from mmcore.errors import RefusalCode
from mmcore.intake.parts import ImagePart
from mmcore.intake.read_file import ReadFile, by_digest
from mmcore.language import say
from mmcore.records import Contradiction, ContradictionKind


def sort_out_second_instances(
    files: Sequence[ReadFile],
) -> tuple[list[ReadFile], tuple[Contradiction, ...]]:
    """Keep one of several files that state the same SOP Instance UID.

    One with the same pixels is the same image stored in another way and is kept aside; one with
    others is refused, and told as a contradiction.
    """
    owners: dict[str, ReadFile] = {}
    for file in sorted(files, key=by_digest):
        if isinstance(file.part, ImagePart):
            owners.setdefault(file.part.instance.sop_instance_uid, file)
    found: list[ReadFile] = []
    contradictions: list[Contradiction] = []
    for file in files:
        part = file.part
        owner = owners[part.instance.sop_instance_uid] if isinstance(part, ImagePart) else file
        if owner.source.digest == file.source.digest:
            found.append(file)
        elif _has_same_pixels(file, owner):
            words = say("the same image as {file}, stored in another way", file=owner.source.name)
            found.append(file.kept_aside(words))
        else:
            words = say("another file has the same SOP Instance UID and different content")
            found.append(file.refused(RefusalCode.DUPLICATE_FILE, words))
            a, b = sorted((owner.source.name, file.source.name))
            said = say("{a} and {b} claim to be one image and differ", a=a, b=b)
            contradictions.append(Contradiction(ContradictionKind.IMAGE, said, (a, b)))
    return found, tuple(sorted(contradictions, key=lambda one: one.words))


def _has_same_pixels(a: ReadFile, b: ReadFile) -> bool:
    if not (isinstance(a.part, ImagePart) and isinstance(b.part, ImagePart)):
        return False
    ours, theirs = a.part.instance, b.part.instance
    return ours.is_inverted == theirs.is_inverted and np.array_equal(ours.pixels, theirs.pixels)
