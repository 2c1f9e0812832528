"""A real PACS for tests: Orthanc with its DICOMweb plug-in, in a folder of its own."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from mmcore.network.peers import Dimse, Peer, Secret, Web
from tests.ports import free_port

USER, PASSWORD, VARIABLE = "reader", "a-password", "TEST_PACS_PASSWORD"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass(frozen=True)
class Pacs:
    """A running Orthanc. our_port: where it believes our listener to be."""

    dicom_port: int
    http_port: int
    our_port: int

    @property
    def peer(self) -> Peer:
        dimse = Dimse("127.0.0.1", self.dicom_port, "ORTHANC", "CONSILIUM")
        url = f"http://127.0.0.1:{self.http_port}/dicom-web"
        return Peer("pacs", dimse, Web(url, USER, Secret(VARIABLE)), timeout=20.0)

    def ask(self, path: str, **query: Any) -> Any:
        return self._request("get", path, params=query).json()

    def instances(self, study_uid: str) -> dict[str, dict[str, Any]]:
        """Return what Orthanc holds of a study, by SOP Instance UID."""
        found = self._request(
            "post", "tools/find",
            json={"Level": "Instance", "Expand": True, "Query": {"StudyInstanceUID": study_uid}},
        ).json()  # fmt: skip
        return {one["MainDicomTags"]["SOPInstanceUID"]: one for one in found}

    def file(self, instance: str) -> bytes:
        return self._request("get", f"instances/{instance}/file").content

    def upload(self, data: bytes) -> None:
        self._request("post", "instances", data=data)

    def clear(self) -> None:
        for study in self.ask("studies"):
            self._request("delete", f"studies/{study}")

    def _request(self, method: str, path: str, **more: Any) -> requests.Response:
        url = f"http://127.0.0.1:{self.http_port}/{path}"
        answer = requests.request(method, url, auth=(USER, PASSWORD), timeout=20, **more)
        answer.raise_for_status()
        return answer


@contextmanager
def running_pacs(folder: Path) -> Iterator[Pacs]:
    """Run Orthanc in ``folder``; skip where it is not installed."""
    program = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None or not PLUGIN.exists():
        pytest.skip("Orthanc with its DICOMweb plug-in is not installed (make peers)")
    pacs = Pacs(free_port(), free_port(), free_port())
    settings = {
        "Name": "TEST", "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"), "Plugins": [str(PLUGIN)],
        "HttpPort": pacs.http_port, "DicomPort": pacs.dicom_port, "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True, "RegisteredUsers": {USER: PASSWORD},
        "DicomModalities": {
            "consilium": {
                "AET": "CONSILIUM", "Host": "127.0.0.1", "Port": pacs.our_port,
                "AllowGet": True, "AllowMove": True, "AllowFind": True, "AllowStore": True,
            }
        },
        "DicomAlwaysAllowGet": True, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowMove": True,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "OverwriteInstances": True,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log)
        try:
            _wait(pacs, process, folder / "orthanc.log")
            yield pacs
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(pacs: Pacs, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"Orthanc ended: {log.read_text(errors='replace')[-2000:]}")
        try:
            pacs.ask("system")
        except requests.RequestException:
            time.sleep(0.2)
        else:
            return
    pytest.fail("Orthanc did not answer within a minute")
