"""Break files at random for a while and see that intake keeps its promise of every one.

Run by hand: ``python benchmarks/intake_fuzz.py --minutes 40 --out escapes``. Files of ``--corpus``
are broken too, beside one small file of every kind. What breaks the promise is written to ``--out``
with the reason in its name, so that it can become a test; the last line has the figures.
"""

import argparse
import collections
import hashlib
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the tests are no package installed

from tests.unit.intake.hostile import try_file
from tests.unit.intake.make_seeds import all_seeds
from tests.unit.intake.mutate import MAX_BYTES, mutate


def main() -> None:
    """Read the command line and break files until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--out", type=Path, default=Path("escapes"))
    parser.add_argument("--rest", type=float, default=0.0, help="seconds between two files")
    arguments = parser.parse_args()
    seeds = all_seeds()
    if arguments.corpus:
        for path in sorted(arguments.corpus.rglob("*")):
            if path.is_file() and 0 < path.stat().st_size < MAX_BYTES // 4:
                seeds[str(path.relative_to(arguments.corpus))] = path.read_bytes()
    run(seeds, arguments)


def run(seeds: dict[str, bytes], arguments: argparse.Namespace) -> None:
    """Break files of ``seeds``; small kinds as often as those of which the corpus is full."""
    random_ = random.Random(arguments.seed)
    kinds = collections.defaultdict(list)
    for name in seeds:
        kinds[name.rsplit(".", 1)[-1].lower() if "/" in name else name].append(name)
    others = list(seeds.values())
    verdicts: collections.Counter[str] = collections.Counter()
    worst, most, most_worker, n_files, n_faults = 0.0, 0.0, 0.0, 0, 0
    stop = time.monotonic() + 60 * arguments.minutes
    while time.monotonic() < stop:
        name = random_.choice(kinds[random_.choice(list(kinds))])
        data = mutate(seeds[name], random_, others)
        outcome = try_file(name.rsplit("/", 1)[-1], data)
        n_files += 1
        verdicts.update(outcome.verdicts[:1])
        worst, most = max(worst, outcome.seconds), max(most, outcome.megabytes)
        most_worker = max(most_worker, outcome.worker_megabytes)
        if outcome.faults:
            n_faults += 1
            arguments.out.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256(data).hexdigest()[:12]
            (arguments.out / f"{digest}-{name.rsplit('/', 1)[-1]}").write_bytes(data)
            with (arguments.out / "faults.txt").open("a") as file:
                file.write(f"{digest} {name}: {outcome.faults}\n")
        if n_files % 500 == 0:
            print(n_files, "files", n_faults, "faults", f"{worst:.1f} s", flush=True)
        time.sleep(arguments.rest)
    for verdict, count in verdicts.most_common():
        print(f"{count:8d} {verdict}")
    print(
        f"{n_files} files, {n_faults} faults, worst {worst:.1f} s, {most:.0f} MB more in the "
        f"server, {most_worker:.0f} MB in a worker"
    )


if __name__ == "__main__":
    main()
