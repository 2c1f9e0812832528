"""Where a request comes from, as far as guesses are counted by it."""

import ipaddress
from collections.abc import Callable, Iterable
from datetime import timedelta

AT_ONCE = 20
"""So many attempts of one address may fail before the next one has to wait: a ward may share it."""
ONE_EVERY = timedelta(minutes=3)
"""After that one more at a time, so that who types wrongly at times is never kept out for long."""
_HOST_BITS = 64
"""Of an IPv6 address (RFC 4291, 2.5.4): whoever has one of such a network has them all."""


def who(address: str) -> str:
    """Return what attempts are counted by: an IPv4 address, an IPv6 network, "" for neither."""
    try:
        found = ipaddress.ip_address(_plain(address))
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((int(found), 128 - _HOST_BITS), strict=False))


def through_proxies(peer: str, forwarded: Iterable[str], *, trusts: Callable[[str], bool]) -> str:
    """Return the address that a request began at, as far as proxies that are trusted tell it.

    forwarded: values of X-Forwarded-For, to whose end each proxy adds whom it was asked by. What
    stands before the first address that is not trusted may be anybody's invention.
    """
    hops = [hop for value in forwarded for hop in value.split(",")]
    found = peer
    while hops and trusts(found):
        found = _plain(hops.pop())
    return found


def _plain(hop: str) -> str:
    """Return an address without the port that some proxies put behind it."""
    hop = hop.strip()
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
