"""A PostgreSQL of the tests' own: made in a temporary folder, reached by a socket, then gone."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")
_SETTINGS = (
    "listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off",
    "max_connections=60", "shared_buffers=32MB", "timezone=Asia/Kathmandu",
)  # fmt: skip
"""Nothing listens on the network, and a time that loses its zone would show."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server. folder: of its socket."""

    folder: Path
    psql: Path
    account: str | None

    def new_database(self) -> str:
        """Make an empty database; return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        self._say(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://consilium@/{name}?host={self.folder}"

    def _say(self, statement: str) -> None:
        command = [
            str(self.psql), "-h", str(self.folder), "-U", "consilium", "-d", "postgres", "-q",
            "-v", "ON_ERROR_STOP=1", "-c", statement,
        ]  # fmt: skip
        _run(command, self.account)


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server here, or None."""
    found = sorted(DEBIAN.glob("*/bin"), key=lambda folder: int(folder.parent.name))
    for folder in reversed(found):
        if (folder / "initdb").exists() and (folder / "psql").exists():
            return folder
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def cluster(binaries: Path) -> Iterator[Cluster]:
    """Run a server of an unprivileged account: PostgreSQL refuses to run as root."""
    account = None if os.geteuid() else _account()
    with tempfile.TemporaryDirectory(prefix="pg-") as name:  # short: a socket's path is limited
        folder = Path(name)
        if account is not None:
            shutil.chown(folder, account)
        data, log = folder / "data", folder / "log"
        initdb = [
            str(binaries / "initdb"), "-D", str(data), "-U", "consilium", "--auth=trust",
            "--encoding=UTF8", "--no-locale", "--no-sync",
        ]  # fmt: skip
        _run(initdb, account)
        control = [str(binaries / "pg_ctl"), "-D", str(data), "-w", "-t", "60"]
        options = " ".join(
            f"-c {setting}" for setting in (*_SETTINGS, f"unix_socket_directories={folder}")
        )
        _run([*control, "-l", str(log), "-o", options, "start"], account)
        try:
            yield Cluster(folder, binaries / "psql", account)
        finally:
            _run([*control, "-m", "immediate", "stop"], account)


def _account() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(command: list[str], account: str | None) -> None:
    done = subprocess.run(
        command, user=account, check=False, cwd="/", stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name}: {done.stderr.strip()}")
