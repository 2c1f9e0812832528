"""The decoding process can be lost at any time, and nothing else with it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.worker import DecodeWorker, close_workers, decode_dicom
from mmcore.language import translate
from tests.clocks import computed_within
from tests.unit.intake.make_dicom import make_dicom, ramp

INSIDE = (
    "import sys; sys.path.insert(0, {root!r}); import mmcore.intake.decode_process as inside; "
    "{body}"
)


@pytest.fixture
def worker():
    worker = DecodeWorker()
    yield worker
    worker.close()


def run_inside(body: str) -> str:
    """Run Python as the decoding process does: isolated, without an environment."""
    program = INSIDE.format(root=str(Path.cwd()), body=body)
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], env={}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_one_process_reads_many_files(worker: DecodeWorker) -> None:
    worker.decode(make_dicom(), digest="")
    first = worker.process_id
    with pytest.raises(FileRefusedError):
        worker.decode(b"rubbish", digest="")
    worker.decode(make_dicom(), digest="")
    assert worker.process_id == first


def test_what_the_process_says_can_be_translated(worker: DecodeWorker) -> None:
    with pytest.raises(FileRefusedError) as refused:
        worker.decode(b"rubbish", digest="")
    assert translate(refused.value.detail, "zh-Hans") == "该文件不是 DICOM 文件"
    with pytest.raises(FileRefusedError) as refused:
        worker.decode(make_dicom(Rows=0), digest="")
    assert translate(refused.value.detail, "zh-Hans") == "Rows 为 0\uff1b应为 1 至 65535"
    assert refused.value.detail == "Rows is 0; expected 1 to 65535"


def test_a_killed_process_costs_at_most_one_file(worker: DecodeWorker) -> None:
    worker.decode(make_dicom(), digest="")
    os.kill(worker.process_id or 0, signal.SIGSEGV)
    time.sleep(0.2)
    with pytest.raises(FileRefusedError) as caught:
        worker.decode(make_dicom(), digest="")
    assert caught.value.code == RefusalCode.DECODE_CRASHED
    assert np.array_equal(worker.decode(make_dicom(), digest="").instance.pixels[0], ramp())


def test_a_process_that_does_not_answer_is_killed() -> None:
    worker = DecodeWorker(wall_seconds=0.5)
    try:
        worker._start()
        pid = worker.process_id or 0
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(FileRefusedError) as caught:
            worker.decode(make_dicom(), digest="")
        assert caught.value.code == RefusalCode.DECODE_TIMEOUT
        assert worker.process_id is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    finally:
        worker.close()


def test_a_process_that_used_up_its_time_is_named_so(worker: DecodeWorker) -> None:
    worker.decode(make_dicom(), digest="")
    os.kill(worker.process_id or 0, signal.SIGXCPU)
    time.sleep(0.2)
    with pytest.raises(FileRefusedError) as caught:
        worker.decode(make_dicom(), digest="")
    assert caught.value.code == RefusalCode.DECODE_TIMEOUT


def test_the_process_has_no_torch_and_little_memory() -> None:
    body = (
        "import resource; inside._limit_resources(); inside._load_codecs(); "
        "import mmcore.intake.dicom.reader; "
        "print('torch' in sys.modules, resource.getrlimit(resource.RLIMIT_AS)[0] >> 30)"
    )
    assert run_inside(body) == "False 2"


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.socket()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "open('/etc/passwd')",
        "open('/tmp/consilium-test', 'w')",
    ],
)
def test_the_sealed_process_can_not_reach_out(attempt: str) -> None:
    indented = attempt.replace("; ", "\n    ")
    body = (
        f"exec('''inside._seal()\ntry:\n    {indented}\nexcept PermissionError:\n    print(1)''')"
    )
    assert run_inside(body) == "1"


def test_every_codec_still_works_once_sealed(worker: DecodeWorker) -> None:
    import imagecodecs

    from tests.unit.intake import make_dicom as make

    for syntax, frame in (
        (make.JPEG_LS, imagecodecs.jpegls_encode(ramp())),
        (make.JPEG_2000, imagecodecs.jpeg2k_encode(ramp(), 0, codecformat="J2K", reversible=True)),
        (make.JPEG_LOSSLESS, imagecodecs.jpeg8_encode(ramp(), lossless=True, bitspersample=16)),
    ):
        data = make_dicom(make.encapsulate(frame), syntax=syntax, BitsStored=16, HighBit=15)
        assert np.array_equal(worker.decode(data, digest="").instance.pixels[0], ramp())


def test_importing_intake_is_cheap() -> None:
    program = "import sys, mmcore.intake; print({'torch', 'pydicom', 'imagecodecs', 'fhir', 'soundfile'} & set(sys.modules))"  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_sessions_in_threads_get_their_own_pixels() -> None:
    failures: list[int] = []

    def session(value: int) -> None:
        for _ in range(5):
            pixels = ramp()
            pixels[0, 0] = value
            found = decode_dicom(make_dicom(pixels), digest="").instance.pixels
            if found[0, 0, 0] != value:
                failures.append(value)

    threads = [threading.Thread(target=session, args=(value,)) for value in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_closed_workers_start_again() -> None:
    close_workers()
    assert decode_dicom(make_dicom(), digest="").instance.pixels.any()


def test_a_file_costs_little_beyond_its_decoding(worker: DecodeWorker) -> None:
    data = make_dicom(ramp(512, 512))
    worker.decode(data, digest="")
    with computed_within(20 * 0.05, worker.process_id):  # about 3 ms each
        for _ in range(20):
            worker.decode(data, digest="")


def test_after_an_interruption_no_file_gets_the_answer_to_another(
    worker: DecodeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.decode(make_dicom(), digest="")

    def interrupted(_: DecodeWorker) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DecodeWorker, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.decode(make_dicom(PatientID="first"), digest="")
    assert worker.decode(make_dicom(PatientID="second"), digest="").patient.patient_id == "second"
