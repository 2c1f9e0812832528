"""What a case holds of each modality, in words: the built-in ones and any that was declared."""

from mmcore.records import Case, Modality

_SIGNS = {
    Modality.IMAGE: "▣",
    Modality.NOTE: "¶",
    Modality.OBSERVATIONS: "∿",
    Modality.RECORDING: "♪",
    Modality.VARIANTS: "⌬",
}


def sign(modality: Modality) -> str:
    """Return the mark that stands before a modality's name."""
    return _SIGNS.get(modality, "◇")


def held(case: Case, modality: Modality) -> str:
    """Return how much of a modality the case holds, such as "6.0 s, left base"; "" if nothing."""
    match modality:
        case Modality.IMAGE:
            return _counted(sum(i.pixels.shape[0] for i in case.instances), "image")
        case Modality.NOTE:
            return _counted(len(case.notes), "note")
        case Modality.OBSERVATIONS:
            return _counted(len(case.observations), "value")
        case Modality.RECORDING:
            return _recordings(case)
        case Modality.VARIANTS:
            return _variants(case)
        case _:
            return _counted(len(case.attachments.get(modality, ())), "input")


def _recordings(case: Case) -> str:
    if len(case.recordings) != 1:
        seconds = sum(recording.seconds for recording in case.recordings)
        counted = _counted(len(case.recordings), "recording")
        return f"{counted}, {seconds:.0f} s in all" if counted else ""
    recording = case.recordings[0]
    length = f"{recording.seconds:.1f} s at {recording.sample_rate_hz / 1000:g} kHz"
    return f"{length}, {recording.site}" if recording.site else length


def _variants(case: Case) -> str:
    loci, called = len(case.variants), sum(v.copies > 0 for v in case.variants)
    if not loci:
        return ""
    found = _counted(called, "variant") or "no variant"
    return f"{found} at {loci} loci" if loci > called else found


def _counted(count: int, what: str) -> str:
    if not count:
        return ""
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"
