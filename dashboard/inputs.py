"""What a case holds of each modality, in words: the built-in ones and any that was declared."""

from dashboard.language import Text, ours, say, t
from mmcore.language import filled
from mmcore.records import Case, Modality

_SIGNS = {
    Modality.IMAGE: "▣",
    Modality.NOTE: "¶",
    Modality.OBSERVATIONS: "∿",
    Modality.RECORDING: "♪",
    Modality.VARIANTS: "⌬",
}


_IMAGES = say("1 image"), say("{n:,} images")
_NOTES = say("1 note"), say("{n:,} notes")
_VALUES = say("1 value"), say("{n:,} values")
_RECORDINGS = say("1 recording"), say("{n:,} recordings")
_VARIANTS = say("1 variant"), say("{n:,} variants")
_INPUTS = say("1 input"), say("{n:,} inputs")


def sign(modality: Modality) -> str:
    """Return the mark that stands before a modality's name."""
    return _SIGNS.get(modality, "◇")


def held(case: Case, modality: Modality) -> str:
    """Return how much of a modality the case holds, such as "6.0 s, left base"; "" if nothing.

    In the reader's language.
    """
    match modality:
        case Modality.IMAGE:
            return _counted(sum(i.pixels.shape[0] for i in case.instances), _IMAGES)
        case Modality.NOTE:
            return _counted(len(case.notes), _NOTES)
        case Modality.OBSERVATIONS:
            return _counted(len(case.observations), _VALUES)
        case Modality.RECORDING:
            return _recordings(case)
        case Modality.VARIANTS:
            return _variants(case)
        case _:
            return _counted(len(case.attachments.get(modality, ())), _INPUTS)


def _recordings(case: Case) -> str:
    if len(case.recordings) != 1:
        seconds = sum(recording.seconds for recording in case.recordings)
        counted = _counted(len(case.recordings), _RECORDINGS)
        if not counted:
            return ""
        return t("{counted}, {seconds:.0f} s in all", counted=counted, seconds=seconds)
    recording = case.recordings[0]
    length = t(
        "{seconds:.1f} s at {khz:g} kHz",
        seconds=recording.seconds, khz=recording.sample_rate_hz / 1000,
    )  # fmt: skip
    if not recording.site:
        return length
    return t("{length}, {site}", length=length, site=ours(recording.site))


def _variants(case: Case) -> str:
    loci, called = len(case.variants), sum(v.copies > 0 for v in case.variants)
    if not loci:
        return ""
    found = _counted(called, _VARIANTS) or t("no variant")
    return t("{found} at {n} loci", found=found, n=loci) if loci > called else found


def _counted(count: int, words: tuple[Text, Text]) -> str:
    """Return a count in the words for one or for several; "" for none."""
    if not count:
        return ""
    return t(words[0]) if count == 1 else t(filled(words[1], n=count))
