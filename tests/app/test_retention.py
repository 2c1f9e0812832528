"""A case that was kept long enough goes while nobody looks: rows, drafts, files and traces."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import sqlite3, sys, time
from pathlib import Path
from dashboard import stores
from mmcore.store import KeptFile, Progress, StoredDesk

folder = Path(sys.argv[1])
stores._TIDY_SECONDS = 0.1
kept = stores.store()
for digest in ("a1" * 32, "b2" * 32):
    kept.keep_case(digest, [KeptFile("zqxname", b"zqxfile " * 999 + digest.encode())],
                   label="zqxlabel", person="zqxperson")
    kept.save_desk(digest, "p", StoredDesk({"r": "zqxreading"}, {"d": "zqxdraft"}),
                   progress=Progress(), attached=[b"zqxpicture" + digest.encode()])
with sqlite3.connect(folder / "consilium.db") as other:  # as if one were a day old
    other.execute("UPDATE cases SET changed_at = datetime('now', '-25 hours') || '.000000' "
                  "WHERE digest LIKE 'a1%'")
other.close()
print("kept", flush=True)
end = time.monotonic() + 60
while kept.case("a1" * 32) is not None and time.monotonic() < end:
    time.sleep(0.05)
time.sleep(0.5)
print(len(kept.cases()), flush=True)
sys.stdin.readline()
kept.delete("b2" * 32)
print("deleted", flush=True)
sys.stdin.readline()
"""


def traces(folder: Path) -> set[str]:
    """Return which files of a store still hold a canary."""
    return {
        path.name for path in folder.rglob("*")
        if path.is_file() and b"zqx" in path.read_bytes().lower()
    }  # fmt: skip


def test_the_timer_deletes_what_is_too_old_and_leaves_no_trace(tmp_path: Path) -> None:
    environment = {**os.environ, "CONSILIUM_DATA": str(tmp_path), "CONSILIUM_KEEP_DAYS": "1"}
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], cwd=ROOT, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == "kept\n"
        names = [path.name for path in tmp_path.rglob("*")]
        assert not [name for name in names if "zqx" in name], "names of files say nothing"
        assert server.stdout.readline() == "1\n", "the other case stays"
        own = {"b2" * 32, "a1" * 32}
        held = b"".join(p.read_bytes() for p in (tmp_path / "blobs").rglob("*") if p.is_file())
        assert {digest for digest in own if digest.encode() in held} == {"b2" * 32}
        server.stdin.write("\n")
        server.stdin.flush()
        assert server.stdout.readline() == "deleted\n"
        assert traces(tmp_path) == set()
    finally:
        server.kill()
        server.communicate()
