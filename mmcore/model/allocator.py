"""Keep freed memory for the next tensor instead of giving it back to the kernel.

glibc maps every large allocation anew and unmaps it when it is freed; each new page is then zeroed
by the kernel on first touch. A network allocates the same sizes over and over, and on virtual
machines with slow page faults that takes longer than the arithmetic (docs/decisions/0005).
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # glibc's <malloc.h>
_NEVER = 2**31 - 1  # mallopt takes an int: allocations below 2 GiB stay on the heap


def keep_freed_memory() -> bool:
    """Tell glibc to reuse large blocks; returns whether this C library could be told."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library, e.g. musl
        return False
    done = [
        mallopt(_M_MMAP_THRESHOLD, _NEVER),
        mallopt(_M_TRIM_THRESHOLD, _NEVER),
        mallopt(_M_TOP_PAD, 64 * 2**20),
    ]
    return all(done)
