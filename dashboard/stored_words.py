"""The clinician's words for the store of cases: where they are kept, and what went wrong there."""

import re

from mmcore import errors
from mmcore.language import Text, say
from mmcore.store import Place


def label_of(label: str) -> str:
    """Return what a stored case was called, as a text of ours where its words are ours."""
    counted = re.fullmatch(r"(\d+) files", label)
    return say("{n} files", n=int(counted[1])) if counted else label


def where_kept(place: Place | None) -> str:
    """Return where cases are kept and for how long; None where nothing is kept."""
    if place is None or place.keep_days == 0:
        return say(
            "Nothing is stored here: a case and what you enter are gone when this tab is closed or "
            "loaded again."
        )
    where = say("encrypted on the server's disk") if place.key else say("on the server's disk")
    if place.keep_days is None:
        return say(
            "Cases and what you enter are kept {where} until you remove them. Removing a case "
            "deletes its files and everything recorded of it.",
            where=where,
        )
    return say(
        "Cases and what you enter are kept {where} for {n} days after the last change. Removing a "
        "case deletes its files and everything recorded of it.",
        where=where, n=place.keep_days,
    )  # fmt: skip


def of_store_error(error: errors.StoreError) -> Text:
    """Return why the store can not be used, and what helps."""
    match error:
        case errors.SchemaTooNewError():
            return say(
                "It was written by a newer version of this program (schema {found}, known here "
                "{known}). Nothing of it was touched. Start the newer version.",
                found=error.found, known=error.known,
            )  # fmt: skip
        case errors.StoreKeyError():
            return say("It can not be decrypted. Start the server with the key that it has.")
        case errors.StoredFileDamagedError():
            return say("A stored file of the case is damaged or gone. Restore it from a backup.")
        case errors.UnknownCaseError():
            return say("The case was removed, maybe in another window.")
        case errors.ReportSignedError():
            return say("The report was signed, maybe in another window. Only addenda follow.")
        case errors.StoreUnavailableError():
            return say(
                "The disk or the database does not answer as it should ({problem}).",
                problem=error.problem,
            )
        case _:
            return say("Another window saves at the same time.")


def of_unsaved(error: errors.MMCoreError) -> tuple[Text, Text]:
    """Return heading and sentence for what could not be saved."""
    why = of_store_error(error) if isinstance(error, errors.StoreError) else str(error)
    return say("Not saved"), say(
        "{why} What you entered is in this tab alone and is lost if it is closed or loaded again. "
        "Saving is tried again with every entry.",
        why=why,
    )
