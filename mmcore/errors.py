"""Every error mmcore raises on purpose, in one place.

The tree is the contract: a caller catches ``MMCoreError`` to survive any refusal, or a leaf to
react to one. Errors carry facts as attributes; the words a clinician reads are chosen in
``dashboard.messages``. No error quotes a note, a name or a patient id.
"""

from mmcore.language import say, word
from mmcore.refusals import RefusalCode as RefusalCode


class MMCoreError(Exception):
    """Base class. Never raised itself."""

    @property
    def words(self) -> str:
        """What happened; a ``Text`` where readers are shown it."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


class FileRefusedError(MMCoreError):
    """One source file can not be used; the rest of the case is kept.

    ``detail`` says what was found and what was expected, in words, without patient text.
    ``attribute`` names the DICOM attribute, column or FHIR path at fault, or is empty.
    """

    def __init__(self, code: RefusalCode, detail: str, *, attribute: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.attribute = attribute


class NothingToScoreError(MMCoreError):
    """The case holds no input that the model can read; ``reasons`` say why what it has is none."""

    def __init__(self, *, needed: tuple[str, ...], reasons: tuple[str, ...] = ()) -> None:
        super().__init__(f"the case holds none of the model's inputs: {', '.join(needed)}")
        self.needed = needed
        self.reasons = reasons


class PackIntegrityError(MMCoreError):
    """A model pack is incomplete, damaged or does not fit its architecture; it is not loaded."""

    def __init__(self, *, pack: str, problem: str) -> None:
        super().__init__(f"model pack {pack!r} was refused: {problem}")
        self.pack = pack
        self.problem = problem


class NonFiniteResultError(MMCoreError):
    """The network returned NaN or infinity; nothing of it is shown."""

    def __init__(self, *, what: str) -> None:
        super().__init__(say("{what} is not a finite number", what=what))
        self.what = what


class LedgerNotAdditiveError(MMCoreError):
    """Base plus contributions misses the logit; the explanation is not shown."""

    def __init__(self, *, target: str, error: float, tolerance: float) -> None:
        super().__init__(
            say(
                "contributions to {target} miss its logit by {error:+.2e}; tolerance "
                "{tolerance:.0e}",
                target=word(target),
                error=error,
                tolerance=tolerance,
            )
        )
        self.target = target
        self.error = error
        self.tolerance = tolerance


class UnknownTargetError(MMCoreError):
    """A target was asked for that the pack does not predict."""

    def __init__(self, *, target: str, known: tuple[str, ...]) -> None:
        super().__init__(f"the model has no target {target!r}; it predicts {', '.join(known)}")
        self.target = target
        self.known = known


class UnknownMethodError(MMCoreError):
    """A method of attribution, or a baseline for one, was asked for that nobody registered."""

    def __init__(self, *, what: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no {what} {name!r}; known: {', '.join(known)}")
        self.what = what
        self.name = name
        self.known = known


class MethodNotApplicableError(MMCoreError):
    """A method of attribution would give nonsense here; ``reason`` says why."""

    def __init__(self, *, method: str, modality: str, reason: str) -> None:
        super().__init__(
            say(
                "{method} does not apply to the {modality}: {reason}",
                method=method,
                modality=word(modality),
                reason=reason,
            )
        )
        self.method = method
        self.modality = modality
        self.reason = reason


class ConfigError(MMCoreError):
    """A training, pack or command configuration has a wrong or missing value."""

    def __init__(self, *, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


class ResultFormatError(MMCoreError):
    """A result file is not a ``consilium.result/1`` document."""

    def __init__(self, *, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class ReportTemplateError(MMCoreError):
    """The site's template of its reports can not be used; ``where`` is the setting at fault."""

    def __init__(self, *, where: str, problem: str) -> None:
        super().__init__(
            say(
                "the report template of this site, {where}: {problem}",
                where=where,
                problem=problem,
            )
        )
        self.where = where
        self.problem = problem


class StoreError(MMCoreError):
    """Something of the store of cases; never raised itself."""


class StoreUnavailableError(StoreError):
    """The store can not be reached, read or written: no space, no right, a lock held for long."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"the store of cases could not be used: {problem}")
        self.problem = problem


class SchemaTooNewError(StoreError):
    """The database was made by a newer version of this program; nothing of it is touched."""

    def __init__(self, *, found: str, known: str) -> None:
        super().__init__(f"the store has schema {found}; this program knows up to {known}")
        self.found = found
        self.known = known


class StoreKeyError(StoreError):
    """What is stored is encrypted with another key, or with one where none is given."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"the store can not be decrypted: {problem}")
        self.problem = problem


class StoredFileDamagedError(StoreError):
    """A stored file is gone or not what it was when it was stored; ``digest`` names it."""

    def __init__(self, *, digest: str, problem: str) -> None:
        super().__init__(f"stored file {digest[:16]}: {problem}")
        self.digest = digest
        self.problem = problem


class UnknownCaseError(StoreError):
    """The store has no such case, or has it no longer."""

    def __init__(self, *, digest: str) -> None:
        super().__init__(f"the store has no case {digest[:16]}")
        self.digest = digest


class StaleVersionError(StoreError):
    """Somebody else saved in between; nothing was written. ``what`` is "reading" or "draft"."""

    def __init__(self, *, what: str, expected: int) -> None:
        super().__init__(f"the {what} is no longer at version {expected}")
        self.what = what
        self.expected = expected


class ReportSignedError(StoreError):
    """The report was signed: its reading is final, and only addenda follow."""

    def __init__(self) -> None:
        super().__init__("the report is signed already")


class WatchError(MMCoreError):
    """A watched folder can not be read or written; its entries are looked at again later."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"the watched folder: {problem}")
        self.problem = problem


class BackupRefusedError(StoreError):
    """A backup can not be written or put back so; nothing was changed."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"the backup: {problem}")
        self.problem = problem


class PeopleError(MMCoreError):
    """Something of accounts, roles and sessions; never raised itself."""


class NotAllowedError(PeopleError):
    """Whoever is signed in may not do this, or nobody is; ``action`` is a value of ``Action``."""

    def __init__(self, *, action: str) -> None:
        super().__init__(f"not allowed: {action}")
        self.action = action


class SignInRefusedError(PeopleError):
    """Somebody could not sign in. seconds: how long to wait before another try is looked at.

    reason: "wrong" (name, password or code), "wait", "disabled", "no role" or "over".
    """

    def __init__(self, *, reason: str, seconds: int = 0) -> None:
        super().__init__(f"signing in was refused: {reason}")
        self.reason = reason
        self.seconds = seconds


class PasswordRefusedError(PeopleError):
    """A new password can not be taken; ``reason`` is "short", "long", "common" or "same"."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"the password was refused: {reason}")
        self.reason = reason


class AuditError(MMCoreError):
    """The audit, or what was noted of it elsewhere, can not be read or written."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"the audit: {problem}")
        self.problem = problem


class AccountError(PeopleError):
    """An account can not be made or changed so.

    reason: "name" (empty, or with characters that a name does not have), "long", "taken",
    "unknown", "last admin" or "provider" (which says the roles).
    """

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"the account can not be made or changed so: {reason}")
        self.reason = reason


class FilingError(MMCoreError):
    """Something of results on their way to other systems; never raised itself."""


class NoStudyError(FilingError):
    """There is no study that a result could be filed in; ``problem`` says why."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"nothing can be filed: {problem}")
        self.problem = problem


class NothingToFileError(FilingError):
    """A result has nothing that a peer takes, of what was asked for."""

    def __init__(self, *, peer: str) -> None:
        super().__init__(f"{peer} takes nothing of what the result has and was asked for")
        self.peer = peer


class SignedReportFiledError(FilingError):
    """A peer holds a report that somebody else signed, or a later one, which this would replace."""

    def __init__(self, *, peer: str) -> None:
        super().__init__(
            f"{peer} was given a signed report of this case, which another one would replace; "
            "add to that report instead, or send the DICOM objects alone"
        )
        self.peer = peer


class PeerConfigError(FilingError):
    """The file that names other systems is wrong; ``where`` is the peer and the field."""

    def __init__(self, *, where: str, problem: str) -> None:
        super().__init__(f"peers file, {where}: {problem}")
        self.where = where
        self.problem = problem


class PeerError(FilingError):
    """Another system could not be reached, or refused what was asked.

    may_pass: the same may succeed later, so it is tried again by itself.
    """

    def __init__(self, *, peer: str, problem: str, may_pass: bool) -> None:
        super().__init__(f"{peer}: {problem}")
        self.peer = peer
        self.problem = problem
        self.may_pass = may_pass


class MissingLibraryError(MMCoreError):
    """A library is not installed that only this needs; ``requirements`` is the file that has it."""

    def __init__(self, *, what: str, requirements: str) -> None:
        super().__init__(
            f"{what} needs libraries that are not installed: "
            f"python -m pip install -r {requirements}"
        )
        self.what = what
        self.requirements = requirements


class NotExportableError(MMCoreError):
    """An encoder is made of what torch can not write as a graph; it stays with the network."""

    def __init__(self, *, modality: str) -> None:
        super().__init__(f"the {modality} encoder can not be exported")
        self.modality = modality


class MessageFormatError(MMCoreError):
    """What came from another process is no message of ours; ``where`` is the place at fault."""

    def __init__(self, *, where: str, problem: str) -> None:
        super().__init__(f"message, {where}: {problem}")
        self.where = where
        self.problem = problem


class ModelServerError(MMCoreError):
    """The server that runs the model could not be asked, or refused what was asked.

    may_pass: the same may succeed later.
    """

    def __init__(self, *, problem: str, may_pass: bool) -> None:
        super().__init__(say("The model server {problem}.", problem=problem))
        self.problem = problem
        self.may_pass = may_pass


class ArchiveError(MMCoreError):
    """An archive can not be scored into this folder, or not from this source."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"the archive: {problem}")
        self.problem = problem


class FederationError(MMCoreError):
    """A federated run can not go on; what was learned is kept."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"the federated run: {problem}")
        self.problem = problem


class WorkFolderBusyError(MMCoreError):
    """Another training writes into the same folder; two would overwrite each other's work."""

    def __init__(self, *, folder: str) -> None:
        super().__init__(
            f"another training works in {folder}: wait until it ends, or give another --work"
        )
        self.folder = folder
