"""The commands ``serve`` and ``archive``."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

AddressOption = Annotated[
    str, typer.Option(help="A Ray cluster that runs, such as auto; else one of this machine.")
]


def serve(
    pack: Annotated[
        list[Path], typer.Option("--pack", help="A pack folder or an embedded name; may repeat.")
    ],
    replicas: Annotated[int, typer.Option(min=1, help="Processes per pack.")] = 1,
    cpus: Annotated[float, typer.Option(min=0.1, help="Cores of each replica.")] = 1.0,
    gpus: Annotated[
        float, typer.Option(min=0, help="GPUs of each replica; 0.25 puts four on one.")
    ] = 0.0,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Cases encoded together.")] = 8,
    wait: Annotated[float, typer.Option(min=0, help="Milliseconds to wait for a batch.")] = 10.0,
    queue: Annotated[int, typer.Option(min=1, help="Calls that may wait for a replica.")] = 64,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8600,
    token_file: Annotated[
        Path | None, typer.Option(exists=True, help="What callers must show.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Largest message in MB.")] = 1024,
    certificate: Annotated[
        Path | None, typer.Option(exists=True, help="For TLS, with --key.")
    ] = None,
    key: Annotated[Path | None, typer.Option(exists=True, help="For TLS: its key.")] = None,
    address: AddressOption = "",
) -> None:
    """Run packs behind Ray Serve until stopped; a dashboard asks at CONSILIUM_ENGINE_URL."""
    from mmcore.cli import _refusals, pack_folder
    from mmcore.scale.cluster import joined, need_ray
    from mmcore.scale.place import read_token

    if (certificate is None) is not (key is None):
        raise typer.BadParameter("--certificate and --key go together")
    is_open = host not in ("127.0.0.1", "::1", "localhost")
    if is_open and (token_file is None or certificate is None):
        raise typer.BadParameter("beyond this machine a token and a certificate are needed")
    with _refusals():
        token = "" if token_file is None else read_token(token_file)
        folders = tuple(pack_folder(one).resolve() for one in pack)
        need_ray("a model server", address=address)
        from mmcore.scale import serving

        how = serving.Serving(
            packs=folders, replicas=replicas, cpus=cpus, gpus=gpus, batch=batch,
            wait=wait / 1000, queue=queue, host=host, port=port, token=token,
            most_bytes=most << 20, certificate=str(certificate or ""), key=str(key or ""),
        )  # fmt: skip
        with joined(address, cpus=how.cores, gpus=None):
            serving.start(how)
            names = ", ".join(folder.name for folder in folders)
            scheme = "http" if certificate is None else "https"
            typer.echo(f"serving {names} at {scheme}://{host}:{port}, replicas: {replicas}")
            _until_stopped()
            serving.stop()


def _until_stopped() -> None:
    """Return when the process is asked to end. After Ray, which has handlers of its own."""
    ended = threading.Event()
    for which in (signal.SIGTERM, signal.SIGINT):
        signal.signal(which, lambda *_: ended.set())
    ended.wait()
