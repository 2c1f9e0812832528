"""The clinician's words for every refusal, verdict, modality and error: chosen here alone."""

from dataclasses import dataclass
from typing import Literal

from dashboard.attention import Finding
from dashboard.language import Text, say, word
from dashboard.stored_words import of_store_error
from mmcore import errors
from mmcore.calls import CALL_WORDS, call_sentence
from mmcore.errors import RefusalCode
from mmcore.explain.relations import Relation
from mmcore.language import joined, lowered, sentence
from mmcore.records import (
    FileVerdict,
    GateVerdict,
    Modality,
    Presence,
    ReadingMode,
    Response,
    SourceFile,
    TargetPrediction,
)
from mmcore.sentences import LEDGER_SAYS_NOT
from mmcore.wording import is_used_in_part, probability_beside

Tone = Literal["plain", "good", "caution", "withheld", "refused"]

NO_CASE_YET = say("No case is open yet")
NO_CASE_YET_MORE = say("Drop the patient's files on the left, or open a demonstration patient.")
NO_CASE = say("Open a case first")
NO_CASE_MORE = say("Drop files on the Cases page or open one of the demonstration patients.")
RESEARCH_USE = say("Research use only. Not a medical device.")
NO_PACK = say("No model is installed: cases can be read and viewed, but not scored.")

NO_PACK_MORE = say("Put a model pack under assets/packs and start again.")

FILE_KIND = {
    "dicom": say("DICOM image"),
    "note": say("Clinical note"),
    "observations": say("Labs & vitals"),
    "recording": say("Sound recording"),
    "variants": say("Gene panel"),
    "archive": say("Archive"),
    "unknown": say("Not recognised"),
}

FILE_VERDICT: dict[FileVerdict, tuple[Text, Tone]] = {
    FileVerdict.USED: (say("Used"), "good"),
    FileVerdict.KEPT_ASIDE: (say("Kept aside"), "caution"),
    FileVerdict.REFUSED: (say("Refused"), "refused"),
}

_USED_IN_PART: tuple[Text, Tone] = (say("Used in part"), "caution")

REFUSAL: dict[RefusalCode, Text] = {
    RefusalCode.EMPTY_FILE: say("The file is empty. Export it again."),
    RefusalCode.UNKNOWN_KIND: say("This is no kind of file that Consilium reads."),
    RefusalCode.NOT_DICOM: say("The file is named like a DICOM image but is not one."),
    RefusalCode.NO_TRANSFER_SYNTAX: say(
        "The image does not say how it is encoded. Export it again."
    ),
    RefusalCode.UNSUPPORTED_SYNTAX: say(
        "The image uses a compression that Consilium does not read."
    ),
    RefusalCode.TOO_LARGE: say("The file is larger than is accepted here."),
    RefusalCode.CORRUPT: say("The file is damaged or cut short. Export or copy it again."),
    RefusalCode.NESTING_TOO_DEEP: say(
        "The file is built in a way no real image is, and was not read."
    ),
    RefusalCode.TOO_MANY_ELEMENTS: say("The file holds far more elements than any real image."),
    RefusalCode.INFLATE_BOMB: say("The file unpacks to far more than it should, and was not read."),
    RefusalCode.DECODE_TIMEOUT: say("Reading the image took too long and was stopped."),
    RefusalCode.DECODE_CRASHED: say(
        "Reading the image failed. The rest of the case is not affected."
    ),
    RefusalCode.NO_PIXELS: say("The file holds no image, only information about one."),
    RefusalCode.BAD_ATTRIBUTE: say("The image states something impossible about itself."),
    RefusalCode.BAD_LUT: say(
        "The image's table of grey values is broken: it can not be shown right."
    ),
    RefusalCode.PIXELS_TOO_LARGE: say("The image is larger than is accepted here."),
    RefusalCode.PIXEL_LENGTH_MISMATCH: say(
        "The image data is longer or shorter than the image states."
    ),
    RefusalCode.FRAME_COUNT_MISMATCH: say("The number of frames is not what the image states."),
    RefusalCode.CODESTREAM_HEADER_MISMATCH: say(
        "The compressed image contradicts its own description."
    ),
    RefusalCode.CODESTREAM_UNREADABLE: say("The compressed image is damaged."),
    RefusalCode.CONSTANT_IMAGE: say("Every pixel has the same value: there is nothing to see."),
    RefusalCode.NON_FINITE_PIXELS: say(
        "Some pixel values are not numbers. Export the image again."
    ),
    RefusalCode.IMPLAUSIBLE_GEOMETRY: say("The image's size or pixel spacing can not be right."),
    RefusalCode.IMPLAUSIBLE_VALUES: say(
        "The pixel values can not be right for this kind of image."
    ),
    RefusalCode.ARCHIVE_BOMB: say(
        "The archive unpacks to far more than it should, and was not read."
    ),
    RefusalCode.ARCHIVE_TOO_MANY: say("The archive holds more files than are accepted at once."),
    RefusalCode.ARCHIVE_NESTED: say("An archive inside an archive is not opened. Unpack it first."),
    RefusalCode.ARCHIVE_METHOD: say(
        "The archive is encrypted or packed in a way that is not read."
    ),
    RefusalCode.ARCHIVE_DUPLICATE: say("The archive holds two files of the same name."),
    RefusalCode.BAD_ENTRY: say(
        "A file name inside the archive points outside it. It was not unpacked."
    ),
    RefusalCode.CORRUPT_ARCHIVE: say("The archive is damaged. Copy it again."),
    RefusalCode.BAD_TEXT: say("The text can not be read. Save it as plain text in UTF-8."),
    RefusalCode.RAGGED_ROW: say("A row of the table has too many or too few columns."),
    RefusalCode.MISSING_COLUMN: say("The table lacks a column that is needed."),
    RefusalCode.DUPLICATE_KEY: say("The file gives the same entry twice with different meaning."),
    RefusalCode.NON_FINITE: say("A value is not a finite number."),
    RefusalCode.BAD_NUMBER: say("A value can not be read as a number."),
    RefusalCode.TOO_DEEP: say("The file is nested deeper than any real record."),
    RefusalCode.BAD_FHIR: say("The FHIR record does not follow the standard."),
    RefusalCode.BAD_HL7: say("The HL7 message does not follow the standard. Export it again."),
    RefusalCode.LOCKED_FILE: say("The document is locked with a password. Unlock it first."),
    RefusalCode.NO_TEXT: say("The document holds no text, only pictures. Add the text itself."),
    RefusalCode.ACTIVE_CONTENT: say(
        "The document can run programs and was not read. Print it into a new PDF."
    ),
    RefusalCode.BAD_XML: say("The XML document does not follow its standard. Export it again."),
    RefusalCode.BAD_REFERENCE: say("The FHIR record refers to something that is not in it."),
    RefusalCode.ASK_UNIT: say(
        "A value has no unit or an unknown one. State the unit and add it again."
    ),
    RefusalCode.UNSUPPORTED_SOUND: say(
        "The recording is of a form that is not read. Export it as WAV."
    ),
    RefusalCode.RECORDING_RATE: say(
        "The recording's sampling rate is too low or can not be right."
    ),
    RefusalCode.RECORDING_TOO_SHORT: say("The recording is too short to hear anything in it."),
    RefusalCode.RECORDING_TOO_LONG: say("The recording is longer than is accepted here. Cut it."),
    RefusalCode.SILENT_RECORDING: say("The recording is silent. Record it again."),
    RefusalCode.BAD_VCF: say("The gene panel does not follow the VCF standard. Export it again."),
    RefusalCode.SEVERAL_SAMPLES: say(
        "The gene panel is of several people. Export the patient's alone."
    ),
    RefusalCode.NO_GENOTYPES: say("No genotype in the gene panel can be read."),
    RefusalCode.PATIENT_MISMATCH: say(
        "The file is about another patient than the rest of the case."
    ),
    RefusalCode.DUPLICATE_FILE: say("The same file is already in the case."),
}

GATE: dict[GateVerdict, tuple[Text, Tone]] = {
    GateVerdict.SCORED: (say("Scored"), "good"),
    GateVerdict.CAUTION: (say("Caution"), "caution"),
    GateVerdict.WITHHELD: (say("Withheld"), "withheld"),
}

_GRADED, _WITHHELD = say("Graded"), say("Withheld")

_ENGINE_STATUS: dict[str, tuple[Text, Tone]] = {
    "absent": (say("No model installed"), "withheld"),
    "cold": (say("Model loading"), "caution"),
    "loading": (say("Model loading"), "caution"),
    "failed": (say("Model not loaded"), "refused"),
}

NO_IMAGE_MORE = say("The findings rest on what else the case holds.")
NOT_GIVEN = say("not given")
NOT_SCORED_MAP = say("No map: the model did not score this case.")
NO_MODEL_MAP = say("No map yet: the model has not scored this case.")
NO_PART_MAP = say("No map: the image took no part in this result.")
OTHER_IMAGE = say("No map: the model did not look at this image.")
NOT_YET_MAP = say("No map yet: the model's answer is shown after your reading.")
READ_FIRST = say("Your reading comes first")
READ_FIRST_MORE = say(
    "The report holds the model's answer. Record your own reading on the Review page."
)
HOW_TO_READ: dict[ReadingMode, Text] = {
    ReadingMode.READ_FIRST: say(
        "Say of every finding what you see, and how sure you are from 1, a guess, to 5, certain. "
        "The model's answer is shown after you have saved all of them."
    ),
    ReadingMode.SECOND_READER: say(
        "Say what you see, and how sure you are from 1, a guess, to 5, certain, of as many "
        "findings as you like. It is stored when you ask for the model's answer."
    ),
}
REVEAL: dict[ReadingMode, Text] = {
    ReadingMode.READ_FIRST: say("Save my reading and show the model's answer"),
    ReadingMode.SECOND_READER: say("Reveal the model's answer"),
}

PRESENCE: dict[Presence, Text] = {
    Presence.PRESENT: say("Present"),
    Presence.ABSENT: say("Absent"),
    Presence.UNSURE: say("Unsure"),
}
RESPONSE: dict[Response, Text] = {
    Response.AGREE: say("agree"),
    Response.CHANGE: say("change"),
    Response.REJECT: say("reject"),
}

RELATION: dict[Relation, Text] = {
    Relation.AGREE: say("agree"),
    Relation.CONFLICT: say("conflict"),
    Relation.REDUNDANT: say("redundant"),
    Relation.ONE_DECIDES: say("one of them decides"),
}

SWITCHED_SAYS_NOT = say(
    "The calibration was fitted with every input there. This is the model's answer without that "
    "input, not a second opinion."
)

SAYS_NOT = LEDGER_SAYS_NOT


@dataclass(frozen=True, slots=True)
class Words:
    """A heading and a sentence for something that went wrong."""

    title: str
    body: str


def simulated(pack: str) -> Text:
    """Return what a model of simulated patients is not, by the name that it is shown under."""
    return say(
        "The model “{pack}” was trained on simulated patients: it shows the method, "
        "and says nothing about a real one.",
        pack=word(pack),
    )


def too_little_to_place(modality: Modality, display: str) -> Text:
    """Return that a modality moved the target of that display name too little for a map."""
    return say(
        "No map: {subject} moved {display} too little to say from where.",
        subject=word(modality.subject), display=word(display),
    )  # fmt: skip


def of_engine(status: str, device: str) -> tuple[Text, Tone]:
    """Return how the model is, for a status of ``services.engine_status``."""
    if status == "ready":
        return say("Model ready on {device}", device=device), "good"
    return _ENGINE_STATUS[status]


def of_verdict(source: SourceFile) -> tuple[Text, Tone]:
    """Return the badge of one file; a table of which some rows were left out is not "Used"."""
    return _USED_IN_PART if is_used_in_part(source) else FILE_VERDICT[source.verdict]


def of_file(source: SourceFile) -> tuple[str, str]:
    """Return what became of one file: a sentence for everyone, and the finding behind it."""
    found = sentence(source.reason)
    if source.code is not None:
        words = REFUSAL[source.code]
        return words, "" if found.rstrip(".").lower() in words.lower() else found
    return found or (say("Read in full.") if source.verdict is FileVerdict.USED else ""), ""


def of_gate(verdict: GateVerdict, reason: str, helps_most: Modality | None) -> str:
    """Return why a target was scored with caution or withheld, and what would help."""
    words = sentence(reason or GATE[verdict][0])
    if helps_most is None:
        return words
    more = say("What would help most: {input}.", input=lowered(word(helps_most.display)))
    return joined([words, more])


def called(finding: Finding) -> Text:
    """Return what a finding is called, in a word; what is withheld or a value has a word too."""
    if finding.is_withheld:
        return _WITHHELD
    return _GRADED if finding.call is None else CALL_WORDS[finding.call]


def operating_point(target: TargetPrediction) -> str:
    """Return the operating point, told apart from the probability shown; "" for a value."""
    if target.probability is None or target.operating_point is None:
        return ""
    return probability_beside(target.probability, target.operating_point)[1]


def of_call(target: TargetPrediction) -> str:
    """Return why a finding is called what it is called; "" for a value."""
    return call_sentence(target.probability, target.interval, target.operating_point)


def of_missing(modality: Modality) -> Text:
    """Return that an input of the model is missing from the case."""
    return say(
        "The case has {absent}; the model was told that it has none.",
        absent=word(modality.absent),
    )


def of_withheld_part(modality: Modality, reason: str) -> Text:
    """Return why one modality's evidence is not shown."""
    why = reason.rstrip(".") if reason.endswith(".") else reason
    return say(
        "The evidence {inside} is withheld: {why}. "
        "Its total contribution is exact and still shown.",
        inside=word(modality.inside), why=why or say("it did not pass its test"),
    )  # fmt: skip


def of_error(error: BaseException) -> Words:
    """Return the words for any error that reaches a page; an unknown one reveals only its kind."""
    match error:
        case errors.NothingToScoreError():
            nothing = say("The case holds none of the inputs that this model reads.")
            told = joined([nothing, *map(sentence, error.reasons)])
            return Words(say("Nothing to score"), told)
        case errors.PackIntegrityError():
            return Words(
                say("The model was not loaded"),
                say(
                    "Its pack “{pack}” is incomplete or damaged ({problem}). Install it again.",
                    pack=error.pack, problem=error.problem,
                ),
            )  # fmt: skip
        case errors.NonFiniteResultError():
            return Words(
                say("No result"),
                say("The model's answer was not a finite number, so none of it is shown."),
            )
        case errors.LedgerNotAdditiveError():
            return Words(
                say("No explanation is shown"),
                say(
                    "The contributions miss the result by {error} logits, "
                    "more than the {tolerance} allowed.",
                    error=f"{abs(error.error):.2g}", tolerance=f"{error.tolerance:.0e}",
                ),
            )  # fmt: skip
        case errors.UnknownTargetError():
            return Words(say("Unknown finding"), say("This model does not predict that finding."))
        case errors.FileRefusedError():
            return Words(say("A file was refused"), REFUSAL[error.code])
        case errors.StoreError():
            return Words(say("The store of cases can not be used"), of_store_error(error))
        case errors.MMCoreError():
            return Words(say("This could not be done"), error.words)
        case _:
            return Words(
                say("Something went wrong inside the program"),
                say(
                    "Nothing of it is shown. The kind of fault was {kind}.",
                    kind=type(error).__name__,
                ),
            )


NOTHING_READ = Words(say("Nothing was read"), say("The case holds no file."))
NOTHING_USED = Words(
    say("None of these files can be used"),
    say(
        "Below is what is wrong with each of them. There is nothing to review, and no case is "
        "stored. Drop the files again once that is mended."
    ),
)
NOTHING_TO_REVIEW = Words(
    say("None of the files of this case can be used"),
    say("There is nothing to review. The list of files on the Cases page says why."),
)
