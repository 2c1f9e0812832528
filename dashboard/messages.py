"""The clinician's words for every refusal, verdict, modality and error: chosen here alone."""

from dataclasses import dataclass
from typing import Literal

from dashboard.attention import Attention
from mmcore import errors
from mmcore.errors import RefusalCode
from mmcore.records import (
    FileVerdict,
    GateVerdict,
    Modality,
    ReadingMode,
    SourceFile,
    TargetPrediction,
)
from mmcore.sentences import LEDGER_SAYS_NOT
from mmcore.wording import (
    call_sentence,
    is_used_in_part,
    probability_beside,
    probability_words,
)

Tone = Literal["plain", "good", "caution", "withheld", "refused"]

NO_CASE_YET = "No case is open yet"
NO_CASE_YET_MORE = "Drop the patient's files on the left, or open a demonstration patient."
NO_CASE = "Open a case first"
NO_CASE_MORE = "Drop files on the Cases page or open one of the demonstration patients."
RESEARCH_USE = "Research use only. Not a medical device."
SIMULATED = (
    "The model “{pack}” was trained on simulated patients: it shows the method, "
    "and says nothing about a real one."
)
NO_PACK = "No model is installed: cases can be read and viewed, but not scored."

NO_PACK_MORE = "Put a model pack under assets/packs and start again."

FILE_KIND = {
    "dicom": "DICOM image",
    "note": "Clinical note",
    "observations": "Labs & vitals",
    "recording": "Sound recording",
    "variants": "Gene panel",
    "archive": "Archive",
    "unknown": "Not recognised",
}

FILE_VERDICT: dict[FileVerdict, tuple[str, Tone]] = {
    FileVerdict.USED: ("Used", "good"),
    FileVerdict.KEPT_ASIDE: ("Kept aside", "caution"),
    FileVerdict.REFUSED: ("Refused", "refused"),
}

_USED_IN_PART: tuple[str, Tone] = ("Used in part", "caution")

REFUSAL: dict[RefusalCode, str] = {
    RefusalCode.EMPTY_FILE: "The file is empty. Export it again.",
    RefusalCode.UNKNOWN_KIND: "This is no kind of file that Consilium reads.",
    RefusalCode.NOT_DICOM: "The file is named like a DICOM image but is not one.",
    RefusalCode.NO_TRANSFER_SYNTAX: "The image does not say how it is encoded. Export it again.",
    RefusalCode.UNSUPPORTED_SYNTAX: "The image uses a compression that Consilium does not read.",
    RefusalCode.TOO_LARGE: "The file is larger than is accepted here.",
    RefusalCode.CORRUPT: "The file is damaged or cut short. Export or copy it again.",
    RefusalCode.NESTING_TOO_DEEP: "The file is built in a way no real image is, and was not read.",
    RefusalCode.TOO_MANY_ELEMENTS: "The file holds far more elements than any real image.",
    RefusalCode.INFLATE_BOMB: "The file unpacks to far more than it should, and was not read.",
    RefusalCode.DECODE_TIMEOUT: "Reading the image took too long and was stopped.",
    RefusalCode.DECODE_CRASHED: "Reading the image failed. The rest of the case is not affected.",
    RefusalCode.NO_PIXELS: "The file holds no image, only information about one.",
    RefusalCode.BAD_ATTRIBUTE: "The image states something impossible about itself.",
    RefusalCode.BAD_LUT: "The image's table of grey values is broken: it can not be shown right.",
    RefusalCode.PIXELS_TOO_LARGE: "The image is larger than is accepted here.",
    RefusalCode.PIXEL_LENGTH_MISMATCH: "The image data is longer or shorter than the image states.",
    RefusalCode.FRAME_COUNT_MISMATCH: "The number of frames is not what the image states.",
    RefusalCode.CODESTREAM_HEADER_MISMATCH: "The compressed image contradicts its own description.",
    RefusalCode.CODESTREAM_UNREADABLE: "The compressed image is damaged.",
    RefusalCode.CONSTANT_IMAGE: "Every pixel has the same value: there is nothing to see.",
    RefusalCode.NON_FINITE_PIXELS: "Some pixel values are not numbers. Export the image again.",
    RefusalCode.IMPLAUSIBLE_GEOMETRY: "The image's size or pixel spacing can not be right.",
    RefusalCode.IMPLAUSIBLE_VALUES: "The pixel values can not be right for this kind of image.",
    RefusalCode.ARCHIVE_BOMB: "The archive unpacks to far more than it should, and was not read.",
    RefusalCode.ARCHIVE_TOO_MANY: "The archive holds more files than are accepted at once.",
    RefusalCode.ARCHIVE_NESTED: "An archive inside an archive is not opened. Unpack it first.",
    RefusalCode.ARCHIVE_METHOD: "The archive is encrypted or packed in a way that is not read.",
    RefusalCode.ARCHIVE_DUPLICATE: "The archive holds two files of the same name.",
    RefusalCode.BAD_ENTRY: "A file name inside the archive points outside it. It was not unpacked.",
    RefusalCode.CORRUPT_ARCHIVE: "The archive is damaged. Copy it again.",
    RefusalCode.BAD_TEXT: "The text can not be read. Save it as plain text in UTF-8.",
    RefusalCode.RAGGED_ROW: "A row of the table has too many or too few columns.",
    RefusalCode.MISSING_COLUMN: "The table lacks a column that is needed.",
    RefusalCode.DUPLICATE_KEY: "The file gives the same entry twice with different meaning.",
    RefusalCode.NON_FINITE: "A value is not a finite number.",
    RefusalCode.BAD_NUMBER: "A value can not be read as a number.",
    RefusalCode.TOO_DEEP: "The file is nested deeper than any real record.",
    RefusalCode.BAD_FHIR: "The FHIR record does not follow the standard.",
    RefusalCode.BAD_REFERENCE: "The FHIR record refers to something that is not in it.",
    RefusalCode.ASK_UNIT: "A value has no unit or an unknown one. State the unit and add it again.",
    RefusalCode.UNSUPPORTED_SOUND: "The recording is of a form that is not read. Export it as WAV.",
    RefusalCode.RECORDING_RATE: "The recording's sampling rate is too low or can not be right.",
    RefusalCode.RECORDING_TOO_SHORT: "The recording is too short to hear anything in it.",
    RefusalCode.RECORDING_TOO_LONG: "The recording is longer than is accepted here. Cut it.",
    RefusalCode.SILENT_RECORDING: "The recording is silent. Record it again.",
    RefusalCode.BAD_VCF: "The gene panel does not follow the VCF standard. Export it again.",
    RefusalCode.SEVERAL_SAMPLES: "The gene panel is of several people. Export the patient's alone.",
    RefusalCode.NO_GENOTYPES: "No genotype in the gene panel can be read.",
    RefusalCode.PATIENT_MISMATCH: "The file is about another patient than the rest of the case.",
    RefusalCode.DUPLICATE_FILE: "The same file is already in the case.",
}

GATE: dict[GateVerdict, tuple[str, Tone]] = {
    GateVerdict.SCORED: ("Scored", "good"),
    GateVerdict.CAUTION: ("Caution", "caution"),
    GateVerdict.WITHHELD: ("Withheld", "withheld"),
}

CALLED: dict[Attention, str] = {
    Attention.PRESENT: "Present",
    Attention.BORDERLINE: "Borderline",
    Attention.CAUTION: "Absent",
    Attention.ABSENT: "Absent",
    Attention.VALUE: "Graded",
    Attention.WITHHELD: "Withheld",
}

ENGINE_STATUS: dict[str, tuple[str, Tone]] = {
    "absent": ("No model installed", "withheld"),
    "cold": ("Model loading", "caution"),
    "loading": ("Model loading", "caution"),
    "ready": ("Model ready on {device}", "good"),
    "failed": ("Model not loaded", "refused"),
}

NO_IMAGE_MORE = "The findings rest on what else the case holds."
NOT_GIVEN = "not given"
NOT_SCORED_MAP = "No map: the model did not score this case."
NO_MODEL_MAP = "No map yet: the model has not scored this case."
NO_PART_MAP = "No map: the image took no part in this result."
TOO_LITTLE_TO_PLACE = "No map: {subject} moved {display} too little to say from where."
OTHER_IMAGE = "No map: the model did not look at this image."
NOT_YET_MAP = "No map yet: the model's answer is shown after your reading."
READ_FIRST = "Your reading comes first"
READ_FIRST_MORE = "The report holds the model's answer. Record your own reading on the Review page."
HOW_TO_READ: dict[ReadingMode, str] = {
    ReadingMode.READ_FIRST: "Say of every finding what you see, and how sure you are from 1, a "
    "guess, to 5, certain. The model's answer is shown after you have saved all of them.",
    ReadingMode.SECOND_READER: "Say what you see, and how sure you are from 1, a guess, to 5, "
    "certain, of as many findings as you like. It is stored when you ask for the model's answer.",
}
REVEAL: dict[ReadingMode, str] = {
    ReadingMode.READ_FIRST: "Save my reading and show the model's answer",
    ReadingMode.SECOND_READER: "Reveal the model's answer",
}

SWITCHED_SAYS_NOT = (
    "The calibration was fitted with every input there. This is the model's answer without that "
    "input, not a second opinion."
)

SAYS_NOT = LEDGER_SAYS_NOT


@dataclass(frozen=True, slots=True)
class Words:
    """A heading and a sentence for something that went wrong."""

    title: str
    body: str


def of_verdict(source: SourceFile) -> tuple[str, Tone]:
    """Return the badge of one file; a table of which some rows were left out is not "Used"."""
    return _USED_IN_PART if is_used_in_part(source) else FILE_VERDICT[source.verdict]


def of_file(source: SourceFile) -> tuple[str, str]:
    """Return what became of one file: a sentence for everyone, and the finding behind it."""
    found = _sentence(source.reason)
    if source.code is not None:
        words = REFUSAL[source.code]
        return words, "" if found.rstrip(".").lower() in words.lower() else found
    return found or ("Read in full." if source.verdict is FileVerdict.USED else ""), ""


def of_gate(verdict: GateVerdict, reason: str, helps_most: Modality | None) -> str:
    """Return why a target was scored with caution or withheld, and what would help."""
    words = _sentence(reason or GATE[verdict][0])
    if helps_most is not None:
        words += f" What would help most: {helps_most.display.lower()}."
    return words


def operating_point(target: TargetPrediction) -> str:
    """Return the operating point, told apart from the probability shown; "" for a value."""
    if target.probability is None or target.operating_point is None:
        return ""
    return probability_beside(target.probability, target.operating_point)[1]


def of_call(target: TargetPrediction) -> str:
    """Return why a finding is called present, borderline or absent; "" for a value."""
    return call_sentence(target.probability, target.interval, target.operating_point)


def of_probability(target: TargetPrediction) -> str:
    """Return a probability in words, or where it lies if the words would contradict the call.

    A finding with an operating point of 20% is called present at 25%; "unlikely" beside "present"
    would read as an error, "above 20%" says what happened. Raises ``ValueError`` for a value.
    """
    if target.probability is None:
        raise ValueError(f"{target.name} has no probability")
    words = probability_words(target.probability)
    if target.operating_point is None:
        return words
    shown, point = probability_beside(target.probability, target.operating_point)
    if target.is_positive and words.endswith("unlikely"):
        return f"{'at' if shown == point else 'above'} {point}"
    if not target.is_positive and words in ("likely", "very likely"):
        return f"{'just below' if shown == point else 'below'} {point}"
    return words


def of_missing(modality: Modality) -> str:
    """Return that an input of the model is missing from the case."""
    return f"The case has {modality.absent}; the model was told that it has none."


def of_withheld_part(modality: Modality, reason: str) -> str:
    """Return why one modality's evidence is not shown."""
    why = reason or "it did not pass its test"
    return (
        f"The evidence {modality.inside} is withheld: {why.rstrip('.')}. "
        "Its total contribution is exact and still shown."
    )


def of_error(error: BaseException) -> Words:
    """Return the words for any error that reaches a page; an unknown one reveals only its kind."""
    match error:
        case errors.NothingToScoreError():
            nothing = "The case holds none of the inputs that this model reads."
            return Words("Nothing to score", " ".join((nothing, *map(_sentence, error.reasons))))
        case errors.PackIntegrityError():
            return Words(
                "The model was not loaded",
                f"Its pack “{error.pack}” is incomplete or damaged ({error.problem}). "
                "Install it again.",
            )
        case errors.NonFiniteResultError():
            return Words(
                "No result", "The model's answer was not a finite number, so none of it is shown."
            )
        case errors.LedgerNotAdditiveError():
            return Words(
                "No explanation is shown",
                f"The contributions miss the result by {abs(error.error):.2g} logits, "
                f"more than the {error.tolerance:.0e} allowed.",
            )
        case errors.UnknownTargetError():
            return Words("Unknown finding", "This model does not predict that finding.")
        case errors.FileRefusedError():
            return Words("A file was refused", REFUSAL[error.code])
        case errors.MMCoreError():
            return Words("This could not be done", f"{error}")
        case _:
            return Words(
                "Something went wrong inside the program",
                f"Nothing of it is shown. The kind of fault was {type(error).__name__}.",
            )


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if not text or text.endswith((".", "!", "?")) else ".")


NOTHING_READ = Words("Nothing was read", "The case holds no file.")
