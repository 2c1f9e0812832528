"""The migrations make exactly the tables that the code knows."""

import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mmcore.store import Place, Store
from mmcore.store.database import Database
from mmcore.store.schema import HEAD, MIGRATIONS
from mmcore.store.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_knows(place: Place) -> None:
    Store(place).close()
    database = Database(place)
    with database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
    database.close()


def test_the_newest_revision_is_the_one_that_the_code_asks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_database_that_is_whole_is_opened_without_alembic(tmp_path: Path) -> None:
    Store(Place(tmp_path)).close()
    probe = (
        "import sys; from pathlib import Path; from mmcore.store import Place, Store; "
        f"Store(Place(Path({str(tmp_path)!r}))).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
