"""What the server does with nobody at a page: cases scored, a folder watched, results sent on.

It begins with the server: a film that came in at night is scored in the morning, and a report that
waits for a peer leaves, whether or not somebody has opened a page since the last start.
"""

import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LET_PAGES_FIRST_SECONDS = 2.0
"""Loading a model takes the machine from whoever opens the first page at the same moment."""


@asynccontextmanager
async def running(_: object) -> AsyncIterator[None]:
    """Begin with the server, as its lifespan; the threads end with the process."""
    threading.Thread(target=_start_soon, name="consilium-background", daemon=True).start()
    yield


def start() -> None:
    """Begin all of it; what runs already goes on. Never raises."""
    # Imported once the server runs: Streamlit's caches want to be made then.
    from dashboard import filing, services, worklist_scoring, worklist_watching

    filing.carry_on()
    worklist_scoring.start(services.packs())
    worklist_watching.start()


def _start_soon() -> None:
    time.sleep(_LET_PAGES_FIRST_SECONDS)
    start()
