"""What must hold of every file, however broken: a verdict in words, and nothing else harmed."""

import time
from dataclasses import dataclass
from pathlib import Path

from mmcore.errors import RefusalCode
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.worker import POOL
from mmcore.records import Case, FileVerdict
from tests.unit.intake.make_dicom import make_dicom, ramp

SECONDS = 10.0
MEGABYTES = 700.0
SECRETS = ("Jane", "00123")
GOOD = RawFile("good.dcm", make_dicom(ramp(high=3000), SOPInstanceUID="9.9", SeriesInstanceUID="9"))
_FORMER = "Doe"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file, read twice.

    seconds: on the clock. megabytes: more than before in this process; worker_megabytes: the most
    that a decoding process had.
    """

    verdicts: tuple[str, ...]
    seconds: float
    megabytes: float
    worker_megabytes: float
    faults: tuple[str, ...]


def try_file(name: str, data: bytes, *, seconds: float = SECONDS) -> Outcome:
    """Read a file alone and beside a good image, and say what is wrong with what came of it."""
    _reset_peaks()
    before = _megabytes("self", "VmRSS")
    started, spent_before = time.perf_counter(), time.process_time()
    faults: list[str] = []
    verdicts: list[str] = []
    for beside in ((), (GOOD,)):
        try:
            case = case_from_files([RawFile(name, data), *beside])
        except Exception as error:  # noqa: BLE001 - what is looked for
            faults.append(f"{type(error).__name__}: {error}")
            continue
        faults += _wrong_with(case, is_beside=bool(beside))
        verdicts += [f"{file.kind} {file.verdict} {file.code or ''}".strip()
                     for file in case.files if file.name != GOOD.name]  # fmt: skip
    spent, computed = time.perf_counter() - started, time.process_time() - spent_before
    used = _megabytes("self", "VmHWM") - before
    worker = max((_megabytes(str(w.process_id), "VmHWM") for w in POOL._idle if w.process_id),
                 default=0.0)  # fmt: skip
    # Computed here, not waited for: a decoding process has limits of its own, and a busy machine
    # is slow.
    if computed > seconds:
        faults.append(f"computed for {computed:.1f} seconds")
    if used > MEGABYTES:
        faults.append(f"took {used:.0f} MB")
    return Outcome(tuple(verdicts), spent, used, worker, tuple(faults))


def _wrong_with(case: Case, *, is_beside: bool) -> list[str]:
    faults = []
    for file in case.files:
        if (file.code is None) is (file.verdict is FileVerdict.REFUSED):
            faults.append(f"{file.name} is {file.verdict} with {file.code}")
        if file.code is not None and file.code not in RefusalCode:
            faults.append(f"{file.code} is not in the list")
        if file.verdict is not FileVerdict.USED and not file.reason:
            faults.append(f"{file.name} is {file.verdict} without a word")
        faults += [f"a reason says {word}" for word in SECRETS if word in file.reason]
    told = " ".join([*case.notices, *(one.words for one in case.contradictions)])
    faults += [f"a notice says {word}" for word in (*SECRETS, _FORMER) if word in told]
    good = [file for file in case.files if file.name == GOOD.name]
    if is_beside and not any(
        file.verdict is FileVerdict.USED or file.code == RefusalCode.PATIENT_MISMATCH
        or file.code == RefusalCode.DUPLICATE_FILE for file in good
    ):  # fmt: skip
        faults.append(f"the good image became {[str(file.code) for file in good]}")
    for instance in case.instances:
        if not instance.pixels.size or instance.pixels.min() == instance.pixels.max():
            faults.append("an image of one value is shown")
    for observation in case.observations:
        if not abs(observation.value) < float("inf"):
            faults.append("a value is not finite")
    return faults


def _reset_peaks() -> None:
    for process in ("self", *(str(w.process_id) for w in POOL._idle if w.process_id)):
        try:
            Path(f"/proc/{process}/clear_refs").write_text("5")
        except OSError:  # the process is gone
            continue


def _megabytes(process: str, field: str) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = next((line for line in lines if line.startswith(field)), f"{field}: 0 kB")
    return int(found.split()[1]) / 1024
