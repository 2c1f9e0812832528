"""The whole audit looked through, as the command and the Admin page do it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mmcore.audit.chain import Fault, Head, verify
from mmcore.errors import AuditError

if TYPE_CHECKING:
    from mmcore.store.journal import Journal


def checked(journal: "Journal", noted: Iterable[Head]) -> tuple[int, list[Fault]]:
    """Return how many entries a journal has and what is wrong with them.

    noted: heads that were noted elsewhere. Raises ``AuditError`` where its key is missing, or an
    entry can not be read at all.
    """
    try:
        return verify(
            journal.entries(), key=journal.key, keyed_from=journal.keyed_from, noted=noted
        )
    except ValueError as error:
        raise AuditError(problem=str(error)) from error
