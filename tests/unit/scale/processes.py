"""Processes of this machine, as the kernel tells of them in /proc."""

from pathlib import Path


def command(process: int) -> str:
    """Return how a process calls itself; "" where it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text("utf-8", errors="replace")
    except OSError:
        return ""


def family(process: int) -> set[int]:
    """Return a process and all that it started, and they did."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text("utf-8", errors="replace")
            except OSError:
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found, grew = {process}, True
    while grew:
        more = {child for child, parent in parents.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return found


def named(process: int, start: str) -> list[int]:
    """Return those of its family that call themselves by a name that begins so."""
    return sorted(one for one in family(process) if command(one).startswith(start))


def listening(processes: set[int]) -> set[str]:
    """Return the addresses on which these processes listen, as the kernel writes them."""
    sockets = set()
    for process in processes:
        try:
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                link = str(descriptor.readlink())
                if link.startswith("socket:["):
                    sockets.add(link[8:-1])
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]:
            words = row.split()
            if words[3] == "0A" and words[9] in sockets:
                found.add(words[1].partition(":")[0])
    return found
