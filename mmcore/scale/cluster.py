"""Ray as this program starts it: nothing but this machine unless it is told otherwise.

Ray is not needed by the dashboard. ``requirements-scale.txt`` has it, without what its extras bring
beyond need.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from mmcore.errors import ConfigError, MissingLibraryError

REQUIREMENTS = "requirements-scale.txt"
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to the makers of Ray
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_SERVE_ENABLE_HA_PROXY": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Set to 0, whatever its name says: Ray binds to 127.0.0.1 alone and forms no cluster."""
NICENESS = "RAY_worker_niceness"
OBJECT_STORE_BYTES = 256 * 2**20


def need_ray(what: str, *, address: str = "", is_background: bool = False) -> None:
    """Set how Ray behaves, before it is imported; address: of one that runs, "" for our own.

    Our own is spoken to by nobody who does not know its token, which is made here anew; of one that
    runs, Ray finds it where ``RAY_AUTH_TOKEN`` or ``RAY_AUTH_TOKEN_PATH`` says. is_background: its
    processes stand back for others of the machine, as Ray has it by default.
    Raises ``MissingLibraryError`` where it is not installed.
    """
    if any(find_spec(name) is None for name in ("ray", "fastapi", "grpc_reflection")):
        raise MissingLibraryError(what=what, requirements=REQUIREMENTS)
    os.environ.update(SETTINGS)
    if not address:
        os.environ[LOOPBACK] = "0"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    if not is_background:
        os.environ.setdefault(NICENESS, "0")


@contextmanager
def joined(
    address: str = "", *, cpus: int | None = None, gpus: int | None = None
) -> Iterator[None]:
    """Join the Ray at ``address``, or start one of this machine alone for the block.

    cpus, gpus: of a Ray that is started here; all there are by default.
    """
    import ray

    if address:
        ray.init(address=address, namespace="consilium", log_to_driver=False)
    else:
        ray.init(
            num_cpus=cpus, num_gpus=gpus, include_dashboard=False, namespace="consilium",
            object_store_memory=OBJECT_STORE_BYTES, log_to_driver=False,
        )  # fmt: skip
    try:
        yield
    finally:
        ray.shutdown()


def need_places(
    processes: int, *, cpus: float, gpus: float, there: Mapping[str, float] | None = None
) -> None:
    """Return if Ray has room for so many processes that each take cpus and gpus.

    there: what Ray counts; by default that of the Ray that this process has joined. Raises
    ``ConfigError``: Ray itself would wait for ever.
    """
    if there is None:
        import ray

        there = dict(ray.cluster_resources())  # type: ignore[no-untyped-call] # Ray's
    for key, name, each in (("cpus", "CPU", cpus), ("gpus", "GPU", gpus)):
        wanted, found = processes * each, there.get(name, 0.0)
        if wanted > found:
            problem = f"{processes} processes of {each:g} need {wanted:g}; Ray counts {found:g}"
            raise ConfigError(key=key, problem=problem)


def stay_inside() -> None:
    """Let the replica in this process listen on its node's own address, not on all of them.

    Serve 2.60 has no setting for the port by which replicas are reached from elsewhere. To be
    called while a replica is made.
    """
    import ray
    from ray.serve._private import replica

    where: Any = replica  # what is replaced there is not public
    add_port, own = where.add_port_to_grpc_server, str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call] # Ray's

    def add_own(server: Any, address: str) -> Any:
        return add_port(server, address.replace("[::]", own))

    where.add_port_to_grpc_server = add_own
