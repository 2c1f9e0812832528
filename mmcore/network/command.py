"""The commands ``listen``, ``peers``, ``fetch``, ``send`` and ``outbox``."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmcore.results.records import Kind
from mmcore.terminal import refusing

if TYPE_CHECKING:
    from mmcore.network.found import StudyFound
    from mmcore.network.parcels import Parcel

PeerOption = Annotated[str, typer.Option("--peer", help="Name of a peer in the peers file.")]


def listen(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where others send to.")],
    ae_title: Annotated[str, typer.Option(help="Our AE title.")] = "CONSILIUM",
    host: Annotated[
        str, typer.Option(help="Address to listen on; others need the senders named.")
    ] = "127.0.0.1",
    sender: Annotated[
        list[str] | None, typer.Option(help="Host that may send besides the peers; may repeat.")
    ] = None,
    title: Annotated[
        list[str] | None, typer.Option(help="AE title that may send besides the peers'.")
    ] = None,
    quiet: Annotated[
        float, typer.Option(min=0.5, help="Seconds without an instance that end a study.")
    ] = 20.0,
    certificate: Annotated[
        Path | None, typer.Option(exists=True, help="For TLS: our certificate, with --key.")
    ] = None,
    key: Annotated[Path | None, typer.Option(exists=True, help="For TLS: its key.")] = None,
    ca: Annotated[
        Path | None, typer.Option(exists=True, help="For TLS: who signs senders' certificates.")
    ] = None,
) -> None:
    """Receive studies by C-STORE and file each as a case of the store; off unless started."""
    from mmcore.network.listen import Listener, Listening, addresses, allowed
    from mmcore.network.peers import Tls, site_peers
    from mmcore.network.receive import Filer
    from mmcore.network.spool import Spool
    from mmcore.store import Store, place_of

    if (certificate is None) is not (key is None):
        raise typer.BadParameter("--certificate and --key go together")
    with refusing():
        titles, hosts = allowed(site_peers())
        named = tuple(address for one in sender or () for address in addresses(one))
        tls = None if certificate is None else Tls(str(ca or ""), str(certificate), str(key))
        options = Listening(
            port=port, ae_title=ae_title, host=host, tls=tls,
            titles=(*titles, *(title or ())), hosts=(*hosts, *named),
        )  # fmt: skip
        with Store(place_of()) as store:  # nobody changes its key meanwhile
            spool = Spool(store.place)
            listener, filer = Listener(options, spool), Filer(spool, store, quiet_seconds=quiet)
            ended = threading.Event()
            for which in (signal.SIGTERM, signal.SIGINT):
                signal.signal(which, lambda *_: ended.set())
            listener.start()
            filer.start()
            typer.echo(f"listening on {host}:{listener.port} as {ae_title}")
            ended.wait()
            listener.stop()
            filer.stop()


def peers() -> None:
    """Ask every peer of the peers file whether it answers."""
    from mmcore.errors import PeerError
    from mmcore.network.exchange import echo
    from mmcore.network.peers import PEERS, site_peers

    with refusing():
        found = site_peers()
        if not found:
            typer.echo(f"no peers; {PEERS} names the file")
        for peer in found:
            try:
                echo(peer)
            except PeerError as error:
                typer.echo(str(error))
            else:
                typer.echo(f"{peer.name}: answers")


def fetch(
    peer: PeerOption,
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for the study; else only list.")
    ] = None,
    patient_id: Annotated[str, typer.Option(help="Studies of this patient.")] = "",
    patient_name: Annotated[str, typer.Option(help="Such as RIVERA*; not every PACS.")] = "",
    accession: Annotated[str, typer.Option(help="Accession number.")] = "",
    study: Annotated[str, typer.Option(help="Study Instance UID.")] = "",
    date: Annotated[str, typer.Option(help="Day or range, such as 20240101-20240331.")] = "",
    modality: Annotated[str, typer.Option(help="Such as DX.")] = "",
    priors: Annotated[
        int, typer.Option(min=0, max=10, help="So many earlier studies of the patient with each.")
    ] = 0,
    keep: Annotated[
        bool, typer.Option("--keep", help="File each as a case of the store, for the dashboard.")
    ] = False,
) -> None:
    """List studies of a peer; with --out or --keep fetch them, each as one case."""
    from mmcore.network import exchange
    from mmcore.network.found import Query
    from mmcore.network.peers import find_peer, site_peers
    from mmcore.network.priors import fetch_all, priors_of

    query = Query(patient_id, patient_name, accession, study, date, modality)
    if query.is_open:
        raise typer.BadParameter("name a patient, a study, an accession number or a date")
    with refusing():
        where = find_peer(site_peers(), peer)
        for number, found in enumerate(exchange.find(where, query), start=1):
            typer.echo(_study_line(found))
            if out is None and not keep:
                continue
            earlier = priors_of(where, found, most=priors)
            for one in earlier:
                typer.echo(f"  before it: {_study_line(one)}")
            files = tuple(fetch_all(where, (found, *earlier)))
            if out is not None:
                typer.echo(f"  {_write(out / f'study-{number:03d}', files)}")
            if keep:
                typer.echo(f"  case {_keep(files)}")


def _study_line(found: "StudyFound") -> str:
    images = "?" if found.instances is None else found.instances
    return (
        f"{found.date or 'no date'}  {'/'.join(found.modalities) or '?'}  {images} images  "
        f"{found.description}  {found.study_uid}"
    )


def _write(folder: Path, files: tuple[tuple[str, bytes], ...]) -> Path:
    """Write a study into a new folder: two patients' files in one would be read as one case."""
    from mmcore.errors import ConfigError

    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        problem = f"{folder} is there already; name another folder"
        raise ConfigError(key="--out", problem=problem) from error
    for name, data in files:
        (folder / name).write_bytes(data)
    return folder


def _keep(files: tuple[tuple[str, bytes], ...]) -> str:
    from mmcore.network.receive import file_study
    from mmcore.store import Store, place_of

    with Store(place_of()) as store:
        return file_study(store, files)


def send(
    result: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A result written by `score`.")
    ],
    case: Annotated[Path, typer.Option(exists=True, help="The folder, file or zip scored.")],
    peer: PeerOption,
    kinds: Annotated[
        list[Kind] | None, typer.Option(help="Which objects; may repeat. All DICOM by default.")
    ] = None,
) -> None:
    """Put a result into the outbox for a peer and try to send it at once."""
    from mmcore.network.courier import send as send_to
    from mmcore.network.filing import file_result
    from mmcore.network.outbox import Outbox
    from mmcore.report import read_result
    from mmcore.results.heads import files_in
    from mmcore.store import EventKind, Store, place_of

    with refusing(), Store(place_of()) as store:  # nobody changes its key meanwhile
        document, outbox = read_result(result), Outbox(store.place)
        parcel = file_result(
            outbox, peer, document, files_in(case), kinds=kinds,
            tell=lambda digest: store.tell(
                EventKind.EXPORTED, digest, reader="", detail=f"filed to {peer}"
            ),
        )  # fmt: skip
        done = outbox.deliver(parcel.id, send_to) or parcel
        typer.echo(_line(done))
        if done.problem:
            raise typer.Exit(1)


def outbox(
    send_now: Annotated[
        bool, typer.Option("--send", help="Try everything that waits, whatever its time.")
    ] = False,
    withdraw: Annotated[str, typer.Option(help="Id of a parcel that shall not be sent.")] = "",
) -> None:
    """List what waits for peers, and what they took in the last month; signed reports for good."""
    from mmcore.network.courier import send as send_to
    from mmcore.network.courier import standing_in
    from mmcore.network.outbox import Outbox
    from mmcore.network.parcels import Standing
    from mmcore.store import Store, place_of

    with refusing(), Store(place_of()) as store:  # nobody changes its key meanwhile
        box, stands = Outbox(store.place), standing_in(lambda: store)
        is_id = withdraw.isascii() and withdraw.isalnum()
        if withdraw and not (is_id and box.withdraw(withdraw)):
            raise typer.BadParameter("there is no such parcel")
        for parcel in reversed(box.parcels()):
            if send_now and stands(parcel) is Standing.SEND:
                box.try_again(parcel.id)
                box.deliver(parcel.id, send_to)
        for parcel in box.parcels():
            typer.echo(_line(parcel))


def _line(parcel: "Parcel") -> str:
    told = f"{parcel.id}  {parcel.peer}  {parcel.state}  {parcel.delivered}/{len(parcel.items)}"
    return f"{told}  {parcel.problem}".rstrip()
