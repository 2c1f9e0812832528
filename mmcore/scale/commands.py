"""The commands ``serve`` and ``archive``."""

import math
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mmcore.terminal import PackOption, pack_folder, refusing

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
    from mmcore.scale.cluster import joined, need_ray
    from mmcore.scale.place import read_token

    if (certificate is None) is not (key is None):
        raise typer.BadParameter("--certificate and --key go together")
    is_open = host not in ("127.0.0.1", "::1", "localhost")
    if is_open and (token_file is None or certificate is None):
        raise typer.BadParameter("beyond this machine a token and a certificate are needed")
    with refusing():
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


def archive(
    pack: PackOption,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of the Parquet parts.")],
    folder: Annotated[
        Path | None, typer.Argument(exists=True, file_okay=False, help="Studies in files.")
    ] = None,
    peer: Annotated[str, typer.Option(help="A DICOMweb peer instead of a folder.")] = "",
    days: Annotated[str, typer.Option(help="With --peer: such as 20240101-20240331.")] = "",
    modality: Annotated[str, typer.Option(help="With --peer: such as DX.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Processes with an engine each.")] = 1,
    cpus: Annotated[float, typer.Option(min=0.1, help="Cores of each.")] = 1.0,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs of each; may be a part.")] = 0.0,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Studies encoded together.")] = 8,
    part: Annotated[int, typer.Option(min=1, help="Studies per part, at most.")] = 1000,
    address: AddressOption = "",
) -> None:
    """Score every study of an archive once, into Parquet; run again to go on where it stopped."""
    from mmcore.scale.cluster import joined, need_ray

    if (folder is None) is not bool(peer) or bool(peer) is not bool(days):
        raise typer.BadParameter("give a folder, or --peer with --days")
    with refusing():
        need_ray("scoring an archive", address=address, is_background=True)
        from mmcore.packs import identity_of
        from mmcore.scale import studies
        from mmcore.scale.archive import score_archive
        from mmcore.scale.rows import held
        from mmcore.scale.spreading import RaySpread, Spreading

        where = pack_folder(pack).resolve()
        source: studies.Source = (
            studies.WebSource(peer, *studies.days(days), modality)
            if folder is None
            else studies.FolderSource(folder.resolve())
        )
        how = Spreading(workers=workers, cpus=cpus, gpus=gpus)
        with held(out) as parts, joined(address, cpus=math.ceil(workers * cpus) + 1):
            summary = score_archive(
                source, parts, identity_of(where), RaySpread(where, source, how),
                batch=batch, part_rows=part, on_progress=_progress(part),
            )  # fmt: skip
    typer.echo(
        f"{summary.scored} scored, {summary.not_scored} not, {summary.before} before; "
        f"{summary.left} left for another run; {summary.seconds:.0f} s"
    )
    if summary.left:
        raise typer.Exit(1)


def _progress(every: int) -> Callable[[int, int], None]:
    started = time.monotonic()

    def tell(done: int, total: int) -> None:
        if done % every == 0 or done == total:
            a_day = done / max(1e-9, time.monotonic() - started) * 86_400
            typer.echo(f"{done} of {total} studies; {a_day:,.0f} a day at this pace")

    return tell
