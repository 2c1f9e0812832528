"""The two apps that Flower loads by name; everything they do is in mmcore."""

from typing import Any

from flwr.serverapp import ServerApp

from mmcore.federated.client import client_app
from mmcore.federated.coordinator import open_coordinator
from mmcore.federated.launch import Job, read_job
from mmcore.federated.plan import read_plan
from mmcore.federated.server import coordinate


def server_app(job: Job | None = None) -> ServerApp:
    """Return the coordinator of ``job``, or of the one that this process is told of."""
    app = ServerApp()

    @app.main()  # type: ignore[untyped-decorator] # flwr is installed apart (docs/federated.md)
    def main(grid: Any, context: Any) -> None:
        own = job or read_job()
        plan = read_plan(own.plan)
        coordinator = open_coordinator(plan, work=own.work, data=own.data)
        done = coordinate(grid, context, coordinator, folder=own.work / plan.run.name)
        coordinator.write_pack(done.weights, done.sites, out=own.out, hours=done.seconds / 3600.0)

    return app


client = client_app()
server = server_app()
