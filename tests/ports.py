"""Ports that nobody else takes between their choice and their use."""

import itertools
import os
import socket
from pathlib import Path

_FIRST = 11_000  # browsers refuse 10080
_FEWEST = 1_000
_APART = 509  # between two processes of one run; none needs so many
_GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_numbers = itertools.count(os.getpid() * _APART)


def free_port() -> int:
    """Return a port of this machine on which nobody listens; no port twice in one process.

    It lies below those that the kernel gives to connections: one of these can belong to a
    connection of anybody by the time that a server which starts for seconds wants to bind it.
    """
    count = _end() - _FIRST
    if count < _FEWEST:
        return _taken(0)
    for _ in range(count):
        try:
            return _taken(_FIRST + next(_numbers) % count)
        except OSError:
            continue
    raise AssertionError("every port of this machine is taken")


def _end() -> int:
    """Return the first port that the kernel gives to connections."""
    try:
        return int(_GIVEN.read_text("ascii").split()[0])
    except OSError:  # not Linux: those of RFC 6335
        return 49_152


def _taken(port: int) -> int:
    """Bind a port, 0 for one that the kernel chooses, and let it go; return it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return int(probe.getsockname()[1])
