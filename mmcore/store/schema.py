"""The schema brought up to this code's version at start, by one process at a time."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from mmcore.errors import SchemaTooNewError
from mmcore.store.database import Database

HEAD = "0006"
"""The last revision in ``migrations/versions``."""

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def bring_up_to_date(database: Database) -> None:
    """Make or upgrade the tables, all of it or nothing.

    Raises ``SchemaTooNewError`` for a revision that this code does not know.
    """
    with database.starting(), database.writing(alone=True) as connection:
        if revision_of(connection) != HEAD:
            upgrade(connection)


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the tables, or None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(connection: Connection, to: str = HEAD) -> None:
    """Make or upgrade the tables inside a transaction.

    Raises ``SchemaTooNewError`` where the database has, or ``to`` is, a revision unknown here.
    """
    from alembic import command  # only a database that is behind pays for it
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for revision in (revision_of(connection), to):
        if revision is not None and revision not in known:
            raise SchemaTooNewError(found=revision, known=HEAD)
    config.attributes["connection"] = connection
    command.upgrade(config, to)
