"""Many readers at one server at once: nobody may lose a click, or see another's patient.

Run by hand: ``python benchmarks/many_readers.py --readers 12 --minutes 10``. Each reader is a
window of their own in Chromium. Again and again they drop a simulated patient's folder in, give an
impression and a confidence of every finding, load the page anew, look whether all of it is still
there, and ask for the model's answer, which must be the one that an engine alone gives for their
patient. Prints what happened, and every fault.
"""

import argparse
import multiprocessing
import random
import re
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from statistics import median

from playwright.sync_api import Locator, expect, sync_playwright

from dashboard import formatting, messages
from mmcore.engine import Engine
from mmcore.intake.cases import case_from_paths
from mmcore.packs import find_pack
from mmcore.records import ReadingMode, TargetPrediction
from mmcore.simulate import sample_patient
from mmcore.simulate.cohort import write_patient
from mmcore.wording import probability_beside, probability_text
from tests.browser.clinician import Clinician
from tests.browser.conftest import LAUNCH, free_port, launch, program, stop

SEED = 8_118
TRUTH = "truth.json"
PATIENTS_EACH = 8
PER_BROWSER = 4  # windows of one Chromium
PATIENCE_MS = 180_000.0
FINDING = re.compile(r": what do you see\?$")
SURE = re.compile("how sure")
PRESENCES = ("Present", "Absent", "Unsure")
REVEAL = str(messages.REVEAL[ReadingMode.READ_FIRST])


@dataclass
class Told:
    """What one reader did: clicks that were entered, seconds until each was kept, cases, faults."""

    clicks: int = 0
    seconds: list[float] = field(default_factory=list)
    cases: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Reader:
    """One person at one window; every call of ``step`` does one thing and looks at its effect."""

    person: Clinician
    number: int
    readers: int
    patients: Path
    answers: dict[str, dict[str, str]]
    told: Told
    todo: list[Callable[[], None]] = field(default_factory=list)
    entered: list[tuple[str, str]] = field(default_factory=list)
    seen: int = 0
    patient: str = ""

    def step(self) -> None:
        """Do the next thing."""
        if not self.todo:
            self.todo = [self._drop]
        self.todo.pop(0)()

    def _drop(self) -> None:
        folders = sorted(self.patients.iterdir())
        folder = folders[(self.number + self.seen * self.readers) % len(folders)]
        self.seen += 1
        self.patient, self.entered = folder.name, []
        self.person.page.goto(f"{self.person.url}/intake")
        files = [p for p in sorted(folder.iterdir()) if p.name != TRUTH]
        expect(self.person.page.locator("input[type=file]")).to_have_count(1)
        self.person.add(files)
        name = re.compile(rf"{int(folder.name[-3:]):06d}")
        expect(self.person.switcher).to_have_value(name)
        self.person.press("Review this case")
        expect(self._groups(FINDING).first).to_be_visible()
        count = self._groups(FINDING).count()
        self.todo = [*(self._enter_at(n) for n in range(count)), self._reload, self._reveal]

    def _enter_at(self, number: int) -> Callable[[], None]:
        def enter() -> None:
            draw = random.Random(f"{self.number}/{self.seen}/{number}")
            chosen = draw.choice(PRESENCES), str(draw.randint(1, 5))
            for group, words in zip((FINDING, SURE), chosen, strict=True):
                started = time.monotonic()
                found = self._groups(group).nth(number)
                found.get_by_text(words, exact=True).click()
                expect(found.get_by_role("radio", name=words, exact=True)).to_be_checked()
                self.told.clicks += 1
            progress = self.person.see("reading-progress")
            expect(progress).to_contain_text(re.compile(rf"^\s*{number + 1} of|All"))
            self.told.seconds.append(time.monotonic() - started)
            self.entered.append(chosen)

        return enter

    def _reload(self) -> None:
        self.person.page.reload()
        for number, chosen in enumerate(self.entered):
            for group, words in zip((FINDING, SURE), chosen, strict=True):
                found = self._groups(group).nth(number)
                expect(found.get_by_role("radio", name=words, exact=True)).to_be_checked()

    def _reveal(self) -> None:
        self.person.press(REVEAL)
        self.person.wait_for_explanation()
        shown = {row.name: row.value for row in self.person.findings() if row.gate != "withheld"}
        expected = self.answers[self.patient]
        wrong = {n: (v, expected.get(n)) for n, v in shown.items() if expected.get(n) != v}
        if wrong or not shown:
            self.told.faults.append(f"reader {self.number}, {self.patient}: {wrong or 'nothing'}")
        self.told.cases += 1

    def _groups(self, name: re.Pattern[str]) -> Locator:
        return self.person.page.get_by_role("radiogroup", name=name)


def work(
    url: str,
    numbers: list[int],
    count: int,
    patients: Path,
    answers: dict[str, dict[str, str]],
    until: float,
    told: "multiprocessing.Queue[Told]",
) -> None:
    """Be some of the readers, in one Chromium, until the time is over."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program(), args=list(LAUNCH))
        readers = []
        for number in numbers:
            context = chromium.new_context(viewport={"width": 1440, "height": 900})
            context.set_default_timeout(PATIENCE_MS)
            person = Clinician(context.new_page(), url)
            readers.append(Reader(person, number, count, patients, answers, Told()))
        while time.time() < until:
            for reader in readers:
                try:
                    reader.step()
                except Exception:  # noqa: BLE001 - told, and the reader begins anew
                    words = traceback.format_exc(limit=3)
                    reader.told.faults.append(f"reader {reader.number}: {words}")
                    reader.todo = []
        for reader in readers:
            reader.told.faults += reader.person.faults + reader.person.requests_elsewhere
            told.put(reader.told)
        chromium.close()


def answers_of(patients: Path, count: int) -> dict[str, dict[str, str]]:
    """Write patients; return what an engine alone says of each, as a row shows it."""
    engine = Engine.load(find_pack(Path("thorax")))  # which reads files that somebody brings
    found = {}
    for index in range(count):
        patient = sample_patient(SEED, index)
        folder = patients / f"patient-{index:03d}"
        write_patient(patient, folder)
        case = case_from_paths([p for p in sorted(folder.iterdir()) if p.name != TRUTH])
        prediction = engine.predict(case)
        found[folder.name] = {t.name: _shown(t) for t in prediction.targets}
    return found


def _shown(target: TargetPrediction) -> str:
    if target.probability is None:
        return formatting.number(target.logit)
    if target.operating_point is None:
        return probability_text(target.probability)
    return probability_beside(target.probability, target.operating_point)[0]


def main() -> None:
    """Print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=12)
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        patients, log, port = Path(place) / "patients", Path(place) / "log", free_port()
        answers = answers_of(patients, PATIENTS_EACH * arguments.readers)
        settings = {
            "CONSILIUM_READING": "read-first", "CONSILIUM_KEEP_DAYS": "30",
            "CONSILIUM_DATA": str(Path(place) / "data"), "CONSILIUM_SCORING": "when asked",
        }  # fmt: skip
        server = launch(log, settings, port)
        told: multiprocessing.Queue[Told] = multiprocessing.Queue()
        until = time.time() + 60.0 * arguments.minutes
        numbers = list(range(arguments.readers))
        parts = [numbers[i : i + PER_BROWSER] for i in range(0, len(numbers), PER_BROWSER)]
        url = f"http://127.0.0.1:{port}"
        processes = [
            multiprocessing.Process(
                target=work, args=(url, part, len(numbers), patients, answers, until, told)
            )
            for part in parts
        ]
        for process in processes:
            process.start()
        found = []
        while any(p.is_alive() for p in processes) or not told.empty():
            try:
                found.append(told.get(timeout=1.0))
            except Empty:
                continue
        stop(server)
        faults = [fault for one in found for fault in one.faults]
        if "Traceback" in log.read_text():
            faults.append(log.read_text()[-4000:])
        seconds = sorted(s for one in found for s in one.seconds)
        print(f"{len(found)} readers, {arguments.minutes:.0f} minutes")
        print(f"{sum(one.clicks for one in found)} clicks, {sum(one.cases for one in found)} cases")
        if seconds:
            late = seconds[int(0.95 * (len(seconds) - 1))]
            print(f"a click is kept after {median(seconds):.1f} s (95th percentile {late:.1f} s)")
        print(f"{len(faults)} faults")
        for fault in faults:
            print(fault)


if __name__ == "__main__":
    main()
