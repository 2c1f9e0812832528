"""Starting Flower: a simulation in one process, or a real server and sites, on their own.

Flower's telemetry and its look for newer versions are off, its files are below the run's folder,
and nothing is installed by it while it runs. Without certificates it listens on this machine only.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mmcore.errors import ConfigError, FederationError

JOB = "CONSILIUM_FEDERATED_JOB"
QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",
}
APP = "consilium_federation"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
STARTED = 60.0  # seconds within which the server answers
SHORT = 10.0  # a site that ends sooner than this did not take part
FAILURES = 3  # ... and so many in a row are no accident
AGAIN = 2.0  # seconds before a site is started again
ENDED = 20.0  # ... and within which Flower ends its own processes
PYPROJECT = """[project]
name = "consilium-federation"
version = "1.0.0"
description = "Loads mmcore.federated, which every site has installed itself"
license = {{ text = "see Consilium" }}
dependencies = []

[tool.flwr.app]
publisher = "consilium"

[tool.flwr.app.components]
serverapp = "{app}.apps:server"
clientapp = "{app}.apps:client"

[tool.flwr.app.config]
"""
APPS = """from mmcore.federated.apps import client, server

__all__ = ["client", "server"]
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What the coordinator does, as its process is told through a file.

    plan: the YAML file. out: the pack folder to write. work: shards, rounds and Flower's files.
    data: folder of the coordinator's own real patients, where the plan wants one.
    """

    plan: Path
    out: Path
    work: Path
    data: Path | None = None

    def write(self, path: Path) -> None:
        """Write the job where the coordinator's process reads it."""
        values = {
            "plan": str(self.plan.resolve()),
            "out": str(self.out.resolve()),
            "work": str(self.work.resolve()),
            "data": None if self.data is None else str(self.data.resolve()),
        }
        path.write_text(json.dumps(values), "utf-8")


def read_job() -> Job:
    """Return the job of this process. Raises ``ConfigError`` if it was started by itself."""
    path = os.environ.get(JOB, "")
    if not path:
        raise ConfigError(key=JOB, problem="is not set; use `python -m mmcore federated serve`")
    values = json.loads(Path(path).read_text("utf-8"))
    data = values["data"]
    return Job(Path(values["plan"]), Path(values["out"]), Path(values["work"]), data and Path(data))


@dataclass(frozen=True, slots=True)
class Transport:
    """Where the server listens and how it is trusted.

    certificate, key, root: PEM files of the server, its key, and who vouches for it; None for
    plain traffic, which is refused beyond this machine.
    """

    host: str = "127.0.0.1"
    port: int = 9092
    certificate: Path | None = None
    key: Path | None = None
    root: Path | None = None

    def __post_init__(self) -> None:
        if self.root is None and self.host not in LOOPBACK:
            problem = f"{self.host} is another machine: give certificates, or use 127.0.0.1"
            raise ConfigError(key="host", problem=problem)

    @property
    def address(self) -> str:
        """Host and port as Flower writes them."""
        return f"{self.host}:{self.port}"

    def of_server(self) -> list[str]:
        """Return the server's options.

        Raises ``ConfigError`` where some of certificate, key and root are given and others not:
        Flower would listen without any.
        """
        pems = (self.certificate, self.key, self.root)
        if pems == (None, None, None):
            return ["--insecure"]
        if None in pems:
            problem = "a server needs certificate, key and root together, or none of them"
            raise ConfigError(key="certificate", problem=problem)
        return [
            f"--ssl-certfile={self.certificate}", f"--ssl-keyfile={self.key}",
            f"--ssl-ca-certfile={self.root}",
        ]  # fmt: skip

    def of_site(self) -> list[str]:
        """Return a site's options."""
        return ["--insecure"] if self.root is None else [f"--root-certificates={self.root}"]


def require_flower() -> None:
    """Raise ``FederationError`` where Flower is not installed in this environment."""
    if find_spec("flwr") is None:
        problem = (
            "Flower is not installed in this environment; run `make federated`, then give the same "
            "command to .venv-federated/bin/python"
        )
        raise FederationError(problem=problem)


def simulate(job: Job, folders: Sequence[Path]) -> None:
    """Run coordinator and sites of one plan in a simulation on this machine.

    Raises ``FederationError`` if it ends without a pack.
    """
    require_flower()
    os.environ.update(QUIET)
    home = job.work / "flower"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["FLWR_HOME"] = str(home.resolve())
    from flwr.simulation import run_simulation

    from mmcore.federated.apps import server_app
    from mmcore.federated.client import client_app

    run_simulation(
        server_app=server_app(job),
        client_app=client_app(folders=tuple(f.resolve() for f in folders)),
        num_supernodes=len(folders),
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {
                "num_cpus": 1,
                "include_dashboard": False,
                "object_store_memory": 200_000_000,
            },
        },
    )
    _check_pack(job)


def serve(job: Job, transport: Transport) -> None:
    """Run the server of a plan until its pack is written; sites join it with ``join``.

    Raises ``FederationError`` if it ends without one; run again, it goes on after the last round.
    """
    options = transport.of_server()
    require_flower()
    folder = job.work / "flower"
    app = _write_app(folder)
    job.write(folder / "job.json")
    environment = _environment(folder) | {JOB: str((folder / "job.json").resolve())}
    _write_connection(folder, transport)
    command = [
        _flower("flower-superlink"), *options, f"--host={transport.host}",
        f"--port={transport.port}", "--disable-runtime-dependency-installation",
    ]  # fmt: skip
    if _answers(transport):
        raise FederationError(problem=f"something else listens at {transport.address} already")
    with _running(command, environment):
        _wait_for(transport)
        subprocess.run(
            [_flower("flwr"), "run", str(app), "consilium", "--stream"],
            env=environment, check=False,
        )  # fmt: skip
    _check_pack(job)


def join(folder: Path, transport: Transport, *, port: int, work: Path, secure: bool) -> int:
    """Run a site until it is stopped; return the exit status if it can not even be started.

    folder: of its patients. port: of this machine on which the site's own processes talk. work:
    Flower's files. secure: take part only where no site's own weights are seen.

    A server that was started anew knows no site, and Flower's site then ends: it is started again.
    """
    require_flower()
    command = [
        _flower("flower-supernode"), *transport.of_site(), f"--superlink={transport.address}",
        f"--port={port}",
        f'--node-config=data="{folder.resolve()}" secure={str(secure).lower()}',
    ]  # fmt: skip
    failures = 0
    while True:
        started = time.monotonic()
        with _running(command, _environment(work)) as site:
            status = site.wait()
        failures = failures + 1 if time.monotonic() - started < SHORT else 0
        if failures == FAILURES:
            return status
        time.sleep(AGAIN)


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of Flower, which ends its own, and end it with this one."""
    process = subprocess.Popen(command, env=environment)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield process
    finally:
        signal.signal(signal.SIGTERM, before)
        process.terminate()
        try:
            process.wait(timeout=ENDED)
        except subprocess.TimeoutExpired:
            process.kill()


def _environment(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, **QUIET, "PATH": paths, "FLWR_HOME": str(folder.resolve())}


def _flower(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _write_app(folder: Path) -> Path:
    app = folder / APP
    (app / APP).mkdir(parents=True, exist_ok=True)
    (app / "pyproject.toml").write_text(PYPROJECT.format(app=APP), "utf-8")
    (app / APP / "__init__.py").write_text("", "utf-8")
    (app / APP / "apps.py").write_text(APPS, "utf-8")
    return app


def _write_connection(folder: Path, transport: Transport) -> None:
    lines = ["[superlink]", 'default = "consilium"', "[superlink.consilium]"]
    lines.append(f'address = "{transport.address}"')
    lines.append("insecure = true" if transport.root is None
                 else f'root-certificates = "{transport.root.resolve()}"')  # fmt: skip
    (folder / "config.toml").write_text("\n".join(lines) + "\n", "utf-8")


def _wait_for(transport: Transport) -> None:
    until = time.monotonic() + STARTED
    while not _answers(transport):
        if time.monotonic() > until:
            raise FederationError(problem=f"no server answers at {transport.address}")
        time.sleep(0.2)


def _answers(transport: Transport) -> bool:
    try:
        socket.create_connection((transport.host, transport.port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _check_pack(job: Job) -> None:
    if not (job.out / "card.yaml").is_file():
        raise FederationError(problem="it ended without a pack; run it again to go on")
