"""Rows of every table as plain JSON lines, read from one database and written into another.

Tables are taken as the database has them, not as this code knows them: what a newer or older
revision keeps travels too, and what is sealed stays sealed.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    select,
    text,
)

REVISION_TABLE = "alembic_version"
_AT_A_TIME = 500  # rows written in one statement
_PLAIN = (str, int, float, bool, type(None))


def tables_in(connection: Connection) -> tuple[Table, ...]:
    """Return the tables of a database, each after those that it refers to."""
    found = MetaData()
    found.reflect(bind=connection)
    return tuple(table for table in found.sorted_tables if table.name != REVISION_TABLE)


def is_empty(connection: Connection, table: Table) -> bool:
    """Return whether a table has no row."""
    return connection.execute(select(table).limit(1)).first() is None


def has_revision(connection: Connection) -> bool:
    """Return whether a database has tables of ours, whatever their revision."""
    return inspect(connection).has_table(REVISION_TABLE)


def lines_of(connection: Connection, table: Table) -> Iterator[str]:
    """Yield each row as one line of JSON, in the order of the primary key."""
    keys = list(table.primary_key.columns)
    names = [column.name for column in table.columns]
    rows = connection.execution_options(yield_per=_AT_A_TIME).execute(select(table).order_by(*keys))
    for row in rows:
        values = {name: _to_plain(value) for name, value in zip(names, row, strict=True)}
        yield json.dumps(values, ensure_ascii=False, sort_keys=True)


def write_lines(connection: Connection, table: Table, lines: Iterable[str]) -> int:
    """Write rows that ``lines_of`` gave into the table of that name; return how many there were.

    Raises ``KeyError`` for a column that the table does not have.
    """
    known = {column.name: column for column in table.columns}
    batch: list[dict[str, Any]] = []
    count = 0
    for line in lines:
        row = json.loads(line)
        batch.append({name: _from_plain(known[name], value) for name, value in row.items()})
        count += 1
        if len(batch) == _AT_A_TIME:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)
    _count_on(connection, table)
    return count


def _to_plain(value: Any) -> Any:
    if isinstance(value, datetime):
        in_utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return in_utc.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if not isinstance(value, _PLAIN):
        raise TypeError(f"a column holds {type(value).__name__}, which is not written yet")
    return value


def _from_plain(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, DateTime):
        moment = datetime.fromisoformat(value)
        return moment if column.type.timezone else moment.astimezone(UTC).replace(tzinfo=None)
    return base64.b64decode(value) if isinstance(column.type, LargeBinary) else value


def _count_on(connection: Connection, table: Table) -> None:
    """Let PostgreSQL number new rows after those that were written with their numbers."""
    keys = list(table.primary_key.columns)
    if connection.dialect.name != "postgresql" or len(keys) != 1:
        return
    if not isinstance(keys[0].type, Integer):
        return
    names = {"table": table.name, "column": keys[0].name}
    counter = connection.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), names)
    last = connection.scalar(select(func.max(keys[0])))
    if counter is not None and last is not None:
        connection.execute(
            text("SELECT setval(:counter, :last)"), {"counter": counter, "last": last}
        )
