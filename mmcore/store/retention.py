"""How long cases are kept: as the environment fixes it, else as an admin of the site has set."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select

from mmcore.store.database import Database
from mmcore.store.place import Place
from mmcore.store.records import EventKind
from mmcore.store.tables import cases, facts

LONGEST_DAYS = 36_500
_FACT = "keep days"


class Retention:
    """The number of days after which cases are deleted, counted from their last change."""

    def __init__(
        self,
        database: Database,
        place: Place,
        clock: Callable[[], datetime],
        tell: Callable[..., None],
    ) -> None:
        """Work inside the store's own database. tell: writes down what happened."""
        self._database, self._place, self._clock, self._tell = database, place, clock, tell

    @property
    def is_fixed(self) -> bool:
        """Whether the environment says it, so that nothing else does."""
        return self._place.keep_days is not None

    def days(self) -> int | None:
        """Return after how many days a case is deleted, None for never; 0 where none is kept."""
        if self._place.keep_days is not None:
            return self._place.keep_days
        with self._database.reading() as connection:
            found = connection.scalar(select(facts.c.value).where(facts.c.name == _FACT))
        return int(found) if found is not None and found.isdigit() and int(found) else None

    def expiring(self, days: int) -> int:
        """Return how many cases so many days would delete now."""
        before = self._clock() - timedelta(days=days)
        with self._database.reading() as connection:
            counted = select(func.count()).select_from(cases).where(cases.c.changed_at <= before)
            return int(connection.scalar(counted) or 0)

    def set_days(self, days: int | None, *, by: str) -> None:
        """Keep cases so many days from now on, None for until somebody removes them.

        Raises ``ValueError`` for other numbers than 1 to ``LONGEST_DAYS``, and where it is fixed.
        """
        if self.is_fixed:
            raise ValueError("the environment says how long cases are kept")
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise ValueError(f"cases are kept for 1 to {LONGEST_DAYS} days")
        with self._database.writing(alone=True) as connection:
            connection.execute(delete(facts).where(facts.c.name == _FACT))
            if days is not None:
                connection.execute(insert(facts).values(name=_FACT, value=str(days)))
            said = "until they are removed" if days is None else f"for {days} days"
            self._tell(
                connection, EventKind.SITE_CHANGED, "", reader=by, detail=f"cases are kept {said}"
            )
