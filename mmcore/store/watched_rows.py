"""What a watched folder brought: each content is read once, whatever it is called."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, insert, select

from mmcore.store.database import Database
from mmcore.store.tables import watched


class WatchedRows:
    """Which contents were read already, and what case came of each. Nothing names a patient."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def case_of(self, content: str) -> str | None:
        """Return the case that a content became, "" if it was refused, None if it is new."""
        with self._database.reading() as connection:
            return connection.scalar(
                select(watched.c.case_digest).where(watched.c.content_digest == content)
            )

    def note(self, content: str, case_digest: str) -> None:
        """Note what became of a content; the last word counts. case_digest: "" for refused."""
        with self._database.writing(alone=True) as connection:
            connection.execute(delete(watched).where(watched.c.content_digest == content))
            connection.execute(
                insert(watched).values(
                    content_digest=content, case_digest=case_digest, at=self._clock()
                )
            )
