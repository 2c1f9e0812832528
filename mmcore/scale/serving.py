"""Packs behind Ray Serve: replicas, batches, health and a bounded queue. The door to ray.serve.

Imported only where ``requirements-scale.txt`` is installed; see ``mmcore/scale/cluster.py``.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray import serve
from ray.exceptions import ActorUnavailableError, RayActorError
from ray.serve.config import HTTPOptions
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import Response

from mmcore.packs import digest_of
from mmcore.scale.answering import Answer, Answering
from mmcore.scale.calls import MAX_MESSAGE_BYTES, Call
from mmcore.scale.cluster import need_places, stay_inside
from mmcore.scale.door import BusyError, Door, LostError

APPLICATION = "consilium"
Handle = DeploymentHandle[Any]


@dataclass(frozen=True, slots=True)
class Serving:
    """How packs are served.

    replicas: processes per pack, each with an engine. cpus: cores that each of them takes, and the
    threads it computes with. gpus: GPUs of each, which may be a part of one, such as 0.25. batch:
    cases that are encoded together at most. wait: seconds for which the first of them waits for
    more. queue: calls that may wait for a replica before others are turned away.
    """

    packs: tuple[Path, ...]
    replicas: int = 1
    cpus: float = 1.0
    gpus: float = 0.0
    batch: int = 8
    wait: float = 0.01
    queue: int = 64
    host: str = "127.0.0.1"
    port: int = 8600
    token: str = field(default="", repr=False)
    most_bytes: int = MAX_MESSAGE_BYTES
    certificate: str = ""
    key: str = ""

    @property
    def cores(self) -> int:
        """Cores that Ray must count on this machine for all replicas to find a place."""
        return max(1, math.ceil(len(self.packs) * self.replicas * self.cpus))


class Model:
    """One replica: one engine in a process of its own."""

    def __init__(self, folder: str, device: str, threads: int, batch: int, wait: float) -> None:
        """Load the pack and warm it up; the replica counts as there when this is done."""
        import torch

        from mmcore.engine import Engine

        stay_inside()
        torch.set_num_threads(threads)
        self._answering = Answering(Engine.load(Path(folder), device=device))
        batched: Any = self._batched
        batched.set_max_batch_size(batch)
        batched.set_batch_wait_timeout_s(wait)

    async def answer(self, call: str, message: bytes) -> Answer:
        """Answer one call; predictions that come at once are encoded together."""
        if call == Call.PREDICT:
            found: Answer = await self._batched(message)
            return found
        return await asyncio.to_thread(self._answering.answer, Call(call), message)

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.01)
    async def _batched(self, messages: list[bytes]) -> list[Answer]:
        return await asyncio.to_thread(self._answering.predict, messages)

    async def facts(self) -> dict[str, Any]:
        """Return name, version and digest of the pack, and where it lies."""
        identity = self._answering.engine.identity
        return {
            "name": identity.name,
            "version": identity.version,
            "digest": identity.digest,
            "device": self._answering.engine.device,
        }

    def check_health(self) -> None:
        """Raise if the engine is broken: Serve then puts another replica in its place."""
        self._answering.check()


class Replicas:
    """The replicas of one pack behind Serve's handle."""

    def __init__(self, handle: Handle) -> None:
        """Keep the handle."""
        self._handle = handle

    async def answer(self, call: Call, message: bytes) -> Answer:
        """Return the answer of one of them. Raises ``BusyError`` and ``LostError``."""
        found: Answer = await self._asked("answer", str(call), message)
        return found

    async def facts(self) -> Mapping[str, Any]:
        """Return what one of them says of the pack. Raises as ``answer`` does."""
        found: Mapping[str, Any] = await self._asked("facts")
        return found

    async def _asked(self, method: str, *arguments: object) -> Any:
        try:
            return await getattr(self._handle, method).remote(*arguments)
        except (BackPressureError, DeploymentUnavailableError) as error:
            raise BusyError from error
        except (RayActorError, ActorUnavailableError) as error:
            raise LostError from error


class Entrance:
    """The deployment that HTTP requests come to."""

    def __init__(self, handles: Mapping[str, Handle], token: str, most_bytes: int) -> None:
        """Open the door to the packs of these handles, by their digest."""
        stay_inside()
        replicas = {digest: Replicas(handle) for digest, handle in handles.items()}
        self._door = Door(replicas, token=token, most_bytes=most_bytes)

    async def __call__(self, request: Request) -> Response:
        """Return the response to any request."""
        return await self._door(request)


def start(serving: Serving) -> None:
    """Serve packs on the Ray that this process has joined; return when they answer.

    Raises ``ConfigError`` where Ray has no room for all replicas.
    """
    processes = len(serving.packs) * serving.replicas
    need_places(processes, cpus=serving.cpus, gpus=serving.gpus)
    serve.start(
        http_options=HTTPOptions(
            host=serving.host,
            port=serving.port,
            ssl_certfile=serving.certificate or None,
            ssl_keyfile=serving.key or None,
        )
    )
    models = {digest_of(folder): _model(folder, serving) for folder in serving.packs}
    entrance = serve.deployment(
        name="door",
        num_replicas=1,
        max_ongoing_requests=4 * serving.queue,
        ray_actor_options={"num_cpus": 0},
    )(Entrance)
    serve.run(
        entrance.bind(models, serving.token, serving.most_bytes),
        name=APPLICATION,
        route_prefix="/",
    )


def stop() -> None:
    """End all replicas and the door."""
    serve.shutdown()  # type: ignore[no-untyped-call] # Ray's


def _model(folder: Path, serving: Serving) -> Any:
    model = serve.deployment(
        name=f"model-{folder.name}",
        num_replicas=serving.replicas,
        max_ongoing_requests=2 * serving.batch,
        max_queued_requests=serving.queue,
        health_check_period_s=2.0,
        health_check_timeout_s=30.0,
        ray_actor_options={"num_cpus": serving.cpus, "num_gpus": serving.gpus},
    )(Model)
    device = "cuda" if serving.gpus else "cpu"
    threads = max(1, int(serving.cpus))
    return model.bind(str(folder), device, threads, serving.batch, serving.wait)
