"""Loaded by Python at its start where this folder is on its path: no network but this machine.

Every name that is looked up and every address that is called beyond it is refused and noted in the
file that ``GUARD_NOTES`` names, whatever library asks. With ``GUARD_LOGS`` every logger says all.
"""

import logging
import os
import sys
from typing import Any

_HERE = ("", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::")
_NOTES = os.environ["GUARD_NOTES"]
_LOOKED_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_CALLED = ("socket.connect", "socket.sendto", "socket.sendmsg")


def _note(line: str) -> None:
    with open(_NOTES, "a", encoding="utf-8") as file:  # noqa: PTH123 - the least at this time
        file.write(line + "\n")


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _LOOKED_UP:
        host = arguments[0]
    elif event in _CALLED:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # a path on this machine
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host is not None and host not in _HERE:
        _note(f"{event} {host}")
        raise PermissionError("no network but this machine")


sys.addaudithook(_guard)
_note("guarded")
if os.environ.get("GUARD_LOGS"):
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    logging.captureWarnings(True)
