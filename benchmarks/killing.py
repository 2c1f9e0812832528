"""A server killed again and again while everything is at work, and what was lost of what it took.

Run by hand: ``python -m benchmarks.killing --minutes 4``. One process listens for studies, files
them as cases, scores them (with a scorer that answers at once), saves what readers enter and sends
results to a PACS and a FHIR server. It is killed (SIGKILL) at random moments and started again.
What it had said was accepted must be there in the end: each instance in the files of a case, each
entry at its last version, each result at both peers, each case scored, the journal a whole chain.
"""

import argparse
import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pynetdicom import AE, evt

from mmcore.audit.chain import verify
from mmcore.errors import MMCoreError
from mmcore.network import dimse
from mmcore.network.courier import send, standing_in
from mmcore.network.found import is_uid
from mmcore.network.listen import Listener, Listening
from mmcore.network.outbox import Outbox
from mmcore.network.parcels import ParcelState
from mmcore.network.peers import PEERS, Dimse, Peer
from mmcore.network.receive import Filer
from mmcore.network.spool import Spool
from mmcore.network.syntaxes import STORED_CLASSES, TRANSFER_SYNTAXES
from mmcore.records import Case
from mmcore.results.records import Kind, Made
from mmcore.store import Progress, Store, StoredDesk
from mmcore.store.place import DATA, Place
from mmcore.store.work_records import ScoringState, Triage
from mmcore.worklist.scoring import score_next
from tests.browser.conftest import free_port
from tests.unit.network.fhir_store import FhirStore, fhir_store
from tests.unit.results.filed import film

PACK, PACK_DIGEST = "made-up", "d" * 64
DX = "1.2.840.10008.5.1.4.1.1.1.1"
SETTLE_SECONDS = 300.0
LONGEST_LIFE_SECONDS = 15.0


# --- The server that is killed


def work(folder: Path, port: int) -> None:
    """Do everything at once until killed; print what is accepted as soon as it is."""
    with Store(Place(folder)) as store:
        spool = Spool(store.place)
        Listener(Listening(port, "CONSILIUM"), spool).start()
        Filer(spool, store, quiet_seconds=0.5).start()
        outbox = Outbox(store.place)
        for task in (_enter, _score, _deliver):
            threading.Thread(target=task, args=(store, outbox), daemon=True).start()
        print("up", flush=True)
        signal.pause()


def _enter(store: Store, outbox: Outbox) -> None:
    """Enter something on each case anew, and file a result of each."""
    number = 0
    while True:
        for case in store.cases(most=1000):
            number += 1
            try:
                now = store.desk(case.digest, PACK)
                count = (now.draft or {"n": 0})["n"] + 1
                desk = StoredDesk(None, {"n": count}, 0, now.draft_version)
                store.save_desk(case.digest, PACK, desk, progress=Progress(begun=1))
                print(f"entered {case.digest} {count}", flush=True)
                store.scorings.ask([case.digest], pack_name=PACK, pack_digest=PACK_DIGEST)
                print(f"asked {case.digest}", flush=True)
                for peer in ("pacs", "records"):
                    objects = _objects(case.digest, peer)
                    document = hashlib.sha256(case.digest.encode()).hexdigest()
                    parcel = outbox.put(peer, objects, case_digest=case.digest,
                                        document_digest=document, is_signed=False)  # fmt: skip
                    print(f"filed {parcel.id} {case.digest}", flush=True)
            except MMCoreError as error:
                print(f"refused {error}", flush=True)
            time.sleep(0.01)
        time.sleep(0.05)


def _score(store: Store, _: Outbox) -> None:
    worker = f"{os.getpid()}"

    def answer(case: Case, pack_name: str) -> Triage:
        return Triage(1, 0.5, "finding", "Finding", "scored")

    while True:
        try:
            is_busy = score_next(store, worker, answer, pack_digests={PACK_DIGEST: PACK})
        except MMCoreError as error:
            print(f"refused {error}", flush=True)
            is_busy = False
        time.sleep(0.0 if is_busy else 0.2)


def _deliver(store: Store, outbox: Outbox) -> None:
    stands = standing_in(lambda: store)
    while True:
        try:
            outbox.deliver_due(send, stands=stands)
        except MMCoreError as error:
            print(f"refused {error}", flush=True)
        time.sleep(0.2)


def _objects(case_digest: str, peer: str) -> list[Made]:
    name = case_digest[:16]
    if peer == "records":
        url = f"urn:made-up:{name}"
        device = {"resourceType": "Device", "identifier": [{"system": "urn:a", "value": url}]}
        request = {"method": "PUT", "url": f"Device?identifier=urn:a|{url}"}
        entry = {"fullUrl": url, "resource": device, "request": request}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        return [Made(Kind.FHIR, f"{name}.json", json.dumps(bundle).encode(),
                     "application/fhir+json", series_uid=url)]  # fmt: skip
    made = []
    for number in range(3):
        uid = f"2.25.{int(name, 16)}.{number}"
        data = film(SOPInstanceUID=uid)
        made.append(Made(Kind.SR, f"{name}-{number}.dcm", data, sop_class_uid=DX,
                         sop_instance_uid=uid))  # fmt: skip
    return made


# --- Those around it


@dataclass
class Accepted:
    """What was said to be accepted, and what the peers took."""

    instances: set[str] = field(default_factory=set)
    entered: dict[str, int] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    filed: dict[str, str] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0

    def hear(self, line: str) -> None:
        """Note one line of the server."""
        kind, _, rest = line.strip().partition(" ")
        if kind == "entered":
            digest, number = rest.split()
            self.entered[digest] = max(int(number), self.entered.get(digest, 0))
        elif kind == "asked":
            self.asked.add(rest)
        elif kind == "filed":
            parcel, digest = rest.split()
            self.filed[parcel] = digest
        elif kind == "refused":
            self.refused[rest] += 1


@contextmanager
def pacs(accepted: Accepted) -> Iterator[int]:
    """Run a PACS that takes everything; give its port."""

    def take(event: evt.Event) -> int:
        accepted.taken[str(event.request.AffectedSOPInstanceUID)] += 1
        return 0x0000

    entity = AE(ae_title="PACS")
    for uid in STORED_CLASSES:
        entity.add_supported_context(uid, list(TRANSFER_SYNTAXES))
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, take)]
    )
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()


class Server:
    """The process that is killed, and what it says."""

    def __init__(self, folder: Path, port: int, accepted: Accepted) -> None:
        self._command = [sys.executable, "-m", "benchmarks.killing", "--work", str(folder),
                         "--port", str(port)]  # fmt: skip
        self._accepted = accepted
        self._process: subprocess.Popen[str] | None = None
        self.is_up = threading.Event()

    def start(self) -> None:
        """Start it, and listen to what it says."""
        self.is_up.clear()
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("\n"):  # half a line was not said
                if line.startswith("up"):
                    self.is_up.set()
                self._accepted.hear(line)

    def kill(self) -> None:
        """Kill it; what it had said by then is heard."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


def send_studies(port: int, accepted: Accepted, ended: threading.Event, rng: random.Random) -> None:
    """Send studies of a few instances, one after the other; note those that were acknowledged."""
    peer = Peer("us", Dimse("127.0.0.1", port, "CONSILIUM", "SENDER"), None, 10.0)
    number = 0
    while not ended.is_set():
        number += 1
        study, count = f"1.2.826.9.{number}", rng.randint(1, 4)
        objects = []
        for n in range(count):
            uid = f"{study}.{n}"
            data = film(StudyInstanceUID=study, SOPInstanceUID=uid, PatientID=f"P-{number}")
            objects.append(Made(Kind.PDF, "x", data, sop_class_uid=DX, sop_instance_uid=uid))
        try:
            for made in dimse.store(peer, objects):
                accepted.instances.add(made.sop_instance_uid)
        except MMCoreError:
            accepted.unanswered += 1
            time.sleep(0.3)
        time.sleep(rng.random() * 0.3)


# --- What must be there in the end


def has_settled(folder: Path) -> bool:
    """Whether nothing waits any more: no study, no case to be scored, no parcel."""
    with Store(Place(folder)) as store:
        counts = store.scorings.counts(pack_digests=[PACK_DIGEST])
        waiting = counts.get(ScoringState.QUEUED, 0) + counts.get(ScoringState.RUNNING, 0)
        parcels = Outbox(store.place).parcels()
        is_sent = all(p.state is not ParcelState.WAITING for p in parcels)
        return not waiting and is_sent and not Spool(store.place).complete(-1.0)


def faults(folder: Path, accepted: Accepted, records: FhirStore) -> Iterator[str]:
    """Yield everything that was accepted and is not there."""
    with Store(Place(folder)) as store:
        cases = {case.digest: case for case in store.cases(most=100_000)}
        kept: set[str] = set()
        for digest in cases:
            for file in store.files(digest):
                kept.add(
                    str(dcmread(io.BytesIO(file.data), stop_before_pixels=True).SOPInstanceUID)
                )
        yield from (f"instance {uid} lost" for uid in accepted.instances - kept)
        for digest, number in accepted.entered.items():
            found = (store.desk(digest, PACK).draft or {"n": 0})["n"]
            if found < number:
                yield f"entry {number} of {digest[:8]} lost; {found} is there"
        counts = store.scorings.counts(pack_digests=[PACK_DIGEST])
        if counts.get(ScoringState.DONE, 0) < len(accepted.asked):
            yield f"{len(accepted.asked)} cases were to be scored: {dict(counts)}"
        outbox = Outbox(store.place)
        states = {parcel.id: parcel for parcel in outbox.parcels()}
        sent = {one["identifier"][0]["value"] for one in records.of("Device")}
        for parcel_id in accepted.filed:
            parcel = states.get(parcel_id)
            if parcel is None or parcel.state is not ParcelState.DELIVERED:
                yield f"parcel {parcel_id} is {parcel and parcel.state}"
                continue
            for item in parcel.items:
                there = item.series_uid in sent or accepted.taken[item.sop_instance_uid]
                if not there:
                    yield f"object {item.name} never reached {parcel.peer}"
        objects = (folder / "outbox" / "objects").rglob("*")
        # What was half written when it was killed goes an hour later.
        left = [path for path in objects if path.is_file() and not path.name.startswith(".")]
        if left:
            yield f"{len(left)} objects of the outbox were left behind"
        _, chain = verify(store.journal.entries(), key=store.journal.key)
        yield from (f"journal: {one}" for one in chain)


def run(minutes: float, seed: int) -> int:
    """Kill for so long, let it settle, and print what happened; return the number of faults."""
    rng, accepted, ended = random.Random(seed), Accepted(), threading.Event()
    with (
        tempfile.TemporaryDirectory() as name,
        pacs(accepted) as pacs_port,
        fhir_store() as (
            url,
            records,
        ),
    ):
        folder, port = Path(name) / "data", free_port()
        peers = Path(name) / "peers.yaml"
        peers.write_text(
            "peers: [{name: pacs, dimse: "
            f"{{host: 127.0.0.1, port: {pacs_port}, ae_title: PACS}}}}, "
            f"{{name: records, fhir: {{url: {url!r}}}}}]"
        )
        os.environ |= {DATA: str(folder), PEERS: str(peers)}
        server = Server(folder, port, accepted)
        server.start()
        sender = threading.Thread(target=send_studies, args=(port, accepted, ended, rng))
        sender.start()
        ends, kills = time.monotonic() + 60 * minutes, 0
        while time.monotonic() < ends:
            if not server.is_up.wait(60):
                print("it did not come up again")
                break
            time.sleep(rng.uniform(0.2, LONGEST_LIFE_SECONDS))
            server.kill()
            kills += 1
            server.start()
        ended.set()
        sender.join()
        patience = time.monotonic() + SETTLE_SECONDS
        while not has_settled(folder) and time.monotonic() < patience:
            time.sleep(2)
        server.kill()
        with Store(Place(folder)) as store:
            Outbox(store.place).deliver_due(send)  # sweeps what kills left
        found = list(faults(folder, accepted, records))
    twice = sum(n - 1 for uid, n in accepted.taken.items() if is_uid(uid))
    print(f"{kills} kills in {minutes:g} minutes, seed {seed}")
    print(f"accepted: {len(accepted.instances)} instances, "
          f"{sum(accepted.entered.values())} entries on {len(accepted.entered)} cases, "
          f"{len(accepted.asked)} scorings, {len(accepted.filed)} parcels")  # fmt: skip
    print(f"sent to the PACS: {len(accepted.taken)} objects, {twice} of them twice; "
          f"{records.posts} posts to FHIR for {len(records.of('Device'))} resources")  # fmt: skip
    print(f"sendings cut off: {accepted.unanswered}; refusals: {dict(accepted.refused)}")
    for one in found:
        print("FAULT", one)
    print(f"{len(found)} faults")
    return len(found)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work is not None:
        work(arguments.work, arguments.port)
    sys.exit(bool(run(arguments.minutes, arguments.seed)))


if __name__ == "__main__":
    main()
