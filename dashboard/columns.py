"""Tables whose columns a person names: which they are, what was said, and reading them so."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard import keeping
from dashboard.state import CaseWork
from mmcore.errors import FileRefusedError, RefusalCode, StoreError
from mmcore.records import Case, FileVerdict, SourceFile
from mmcore.wording import COLUMNS_CHOSEN

if TYPE_CHECKING:
    from mmcore.intake.columns import ColumnMapping, Mappings

PREFERENCE = "columns"
MOST_KEPT = 50
"""Sets of headings whose columns are remembered; the oldest goes first."""

_UNCLEAR = (RefusalCode.MISSING_COLUMN, RefusalCode.ASK_UNIT)


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose columns a person may name.

    mapping: what they said of these headings before, else what is guessed. is_chosen: which.
    """

    file: SourceFile
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    mapping: "ColumnMapping"
    is_chosen: bool


def remembered() -> "Mappings":
    """Return what this reader said of columns, by the key of their headings."""
    found = {}
    for key, document in _documents().items():
        from mmcore.intake.columns import ColumnMapping

        try:
            found[key] = ColumnMapping.from_document(document)
        except ValueError:  # of a test that this version does not know
            continue
    return found


def remember(header: Sequence[str], mapping: "ColumnMapping") -> None:
    """Read tables with these headings by ``mapping`` from now on, without asking."""
    from mmcore.intake.columns import headings_key

    key = headings_key(header)
    others = {k: document for k, document in _documents().items() if k != key}
    kept = {**others, key: mapping.as_document()}
    keeping.prefer(PREFERENCE, dict(list(kept.items())[-MOST_KEPT:]))


def forget(header: Sequence[str]) -> None:
    """Guess the columns of tables with these headings again."""
    from mmcore.intake.columns import headings_key

    key = headings_key(header)
    keeping.prefer(PREFERENCE, {k: d for k, d in _documents().items() if k != key})


def may_become_of_use(case: Case) -> bool:
    """Return whether a case holds a table that can be read once a person names its columns."""
    return any(map(may_be_named, case.files))


def tables(work: CaseWork) -> tuple[Table, ...]:
    """Return the tables of a case whose columns are not understood, or were named by a person.

    None of a case whose files are not kept any more. Raises ``StoreError``.
    """
    wanted = [file for file in work.case.files if may_be_named(file)]
    if not wanted:
        return ()
    if work.tables is None:
        digests = {file.digest for file in wanted}
        work.tables = {d: data for d, data in _opened(work) if d in digests}
    found = (_table(file, work.tables.get(file.digest)) for file in wanted)
    return tuple(table for table in found if table is not None)


def _documents() -> dict[str, Any]:
    try:
        found = keeping.preference(PREFERENCE)
    except StoreError:  # the frame says so; a table is then guessed
        return {}
    return found if isinstance(found, dict) else {}


def may_be_named(file: SourceFile) -> bool:
    """Return whether a file is a table whose columns a person may name, or has named."""
    if file.kind != "observations":
        return False
    if file.verdict is FileVerdict.REFUSED:
        return file.code in _UNCLEAR
    from mmcore.intake.reading import NO_KNOWN_OBSERVATION

    if file.verdict is FileVerdict.KEPT_ASIDE:
        return file.reason == NO_KNOWN_OBSERVATION
    return COLUMNS_CHOSEN in file.reason


def _opened(work: CaseWork) -> list[tuple[str, bytes]]:
    """Return digest and bytes of every file, those inside archives too."""
    from mmcore.intake.opening import opened

    files = opened(data for _, data in keeping.files_of(work))
    return [(hashlib.sha256(data).hexdigest(), data) for data in files]


def _table(file: SourceFile, data: bytes | None) -> Table | None:
    """Return a table as it can be shown; None for labs of another form, or a broken one."""
    from mmcore.intake.columns import SAMPLE_ROWS, guess_mapping, headings_key
    from mmcore.intake.observations_csv import table_preview
    from mmcore.intake.sniff import Content, sniff

    if data is None or sniff(data) is not Content.TEXT:
        return None
    try:
        header, rows = table_preview(data, rows=SAMPLE_ROWS)
    except FileRefusedError:
        return None
    said = remembered().get(headings_key(header))
    return Table(
        file,
        tuple(header),
        tuple(map(tuple, rows)),
        said or guess_mapping(header, rows),
        is_chosen=said is not None,
    )
