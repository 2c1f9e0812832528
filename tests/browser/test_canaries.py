"""A patient whose identifiers are all canaries goes the whole way; then everything is searched.

Read, reviewed, commented, reported, de-identified, and refused where files are damaged, in a real
browser whose profile is on the disk, with every logger at its most talkative and no network. What
may hold an identifier is what the clinician asked for (the report) and what is encrypted; nothing
else may: no log, no file, no name of one, no storage of the browser, no address, no zip.
"""

import base64
import json
import os
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, expect

from tests.browser.clinician import Clinician
from tests.browser.conftest import LAUNCH, ROOT, program, serving
from tests.unit.deid.planted import Planted, planted_case

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COMMENT = "zqxcomment of the reader"
KEY = base64.b64encode(bytes(range(32))).decode()
_ENCODED = re.compile(rb"[A-Za-z0-9+/=]{64,}")
_STORAGE = """async () => JSON.stringify([
  Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, document.title,
  location.href, (await indexedDB.databases()).map((one) => one.name),
  (await caches.keys()), history.state])"""


@dataclass
class Site:
    """Where a server and a browser may write, and what they said."""

    folder: Path
    address: str = ""
    told: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """What the guard of the server's processes noted."""
        return (self.folder / "guard.txt").read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def planted() -> Planted:
    return planted_case()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a server that writes into one folder alone, talks much, and can call nobody."""
    found = Site(tmp_path_factory.mktemp("site"))
    for name in ("home", "tmp", "data", "profile"):
        (found.folder / name).mkdir()
    settings = {
        "HOME": str(found.folder / "home"), "TMPDIR": str(found.folder / "tmp"),
        "XDG_CACHE_HOME": str(found.folder / "home"), "XDG_DATA_HOME": str(found.folder / "home"),
        "CONSILIUM_DATA": str(found.folder / "data"), "CONSILIUM_KEY": KEY,
        "CONSILIUM_KEEP_DAYS": "30", "STREAMLIT_LOGGER_LEVEL": "debug",
        "GUARD_NOTES": str(found.folder / "guard.txt"), "GUARD_LOGS": "1",
        "PYTHONPATH": os.pathsep.join((str(ROOT / "tests" / "guarded"), str(ROOT))),
    }  # fmt: skip
    with serving(found.folder / "server.log", settings) as address:
        found.address = address
        yield found


def profile(browser: Browser, site: Site) -> BrowserContext:
    """Start a browser of its own, whose profile lies on the disk."""
    context = browser.browser_type.launch_persistent_context(
        str(site.folder / "profile"), executable_path=program(), args=list(LAUNCH),
        viewport={"width": 1440, "height": 900}, accept_downloads=True,
    )  # fmt: skip
    context.set_default_timeout(90_000)
    return context


@pytest.fixture(scope="module")
def travelled(
    browser: Browser, site: Site, planted: Planted, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Site, bytes]:
    """Take the patient all the way; return the site, browser closed, and the bytes of the zip."""
    out = tmp_path_factory.mktemp("asked-for")
    context = profile(browser, site)
    person = Clinician(context.new_page(), site.address)
    page = person.page
    page.on("console", lambda message: site.told.append(message.text))
    person.open()
    person.go_to("Cases")
    person.add([payload(file.name, file.data) for file in planted.files])
    person.review()
    person.report()
    page.get_by_label("Your conclusion, as it goes into the report").fill(COMMENT)
    page.keyboard.press("Tab")
    expect(person.see("report-preview")).to_contain_text(COMMENT)
    document = person.download_json(out)
    assert "zqxfamily" in json.dumps(document).lower(), "the report is about the patient"
    assert COMMENT in json.dumps(document)
    person.go_to("Cases")
    person.go_to("De-identify this case")
    person.press("See what would change")
    page.get_by_text("I have read the notes and looked at the images").click()
    person.press("De-identify the case")
    expect(person.see("deid-made")).to_be_visible()
    packed = person.download("Download the zip", out).read_bytes()
    person.go_to("Cases")
    person.add(damaged(planted))
    site.told += [words for verdict, words in person.verdicts().values() if verdict != "used"]
    page.reload()
    expect(person.see("research-banner")).to_be_visible()
    site.told.append(page.evaluate(_STORAGE))
    site.told.append(json.dumps(context.storage_state(indexed_db=True)))
    site.told += [unquote(url) for url in person.requests if not url.startswith("data:")]
    assert person.requests_elsewhere == []
    assert person.faults == []
    context.close()
    return site, packed


def payload(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def damaged(planted: Planted) -> list[FilePayload]:
    """Return files of the patient that break in different ways, with canaries in their names."""
    film, _, _, note, bundle, panel, sound = (file.data for file in planted.files)
    return [
        payload("zqx-cut.dcm", film[: len(film) // 2]),
        payload("zqx-turned.dcm", film.replace(b"Zqxfamily", b"\xff\xfe\x00amily")),
        payload("zqx-broken.json", bundle[:-40] + b', "zqxkey": }'),
        payload("zqx-broken.vcf", panel.replace(b"GT", b"ZQXGT")),
        payload("zqx-cut.wav", sound[:30] + b"zqx"),
        payload("zqx-binary.txt", note + bytes(range(256)) * 20),
        payload("zqx-nothing.zip", b"PK\x03\x04zqx" + note),
        payload("zqx-table.csv", b"test,value,unit\nZQXTEST,ZQXVALUE,ZQXUNIT\n"),
    ]


def canaries(planted: Planted) -> dict[str, re.Pattern[bytes]]:
    """Return what to look for: each value in the encodings in which it could be written."""
    found = {}
    for where, value in {**planted.values, "comment": COMMENT}.items():
        forms = {value, value.lower(), value.upper()}
        if re.fullmatch(r"[\d.-]+", value) and len(re.sub(r"\D", "", value)) < 8:
            continue  # six digits stand in times and sizes by chance
        encoded = [f.encode(e) for f in forms for e in ("utf-8", "utf-16-le")]
        encoded += [base64.b64encode(f.encode())[:-4] for f in forms if len(f) > 8]
        found[where] = re.compile(b"|".join(re.escape(one) for one in sorted(set(encoded))))
    any_other = (
        rb"zqx(?:\d{3}|[a-z]{5}|-[a-z0-9]{3})|z\0q\0x\0"  # long enough not to come by chance
    )
    return {**found, "any": re.compile(any_other, re.IGNORECASE)}


def held(data: bytes, planted: Planted) -> list[str]:
    """Return which canaries stand in data.

    Sealed text is base64, in which any eight letters come by chance once in 90,000 places: the
    canary that stands for all others is looked for beside long runs of it, each value everywhere.
    """
    words = _ENCODED.sub(b"", data)
    return [
        where for where, canary in canaries(planted).items()
        if canary.search(words if where == "any" else data)
    ]  # fmt: skip


def test_the_search_finds_what_is_there(planted: Planted) -> None:
    for file in planted.files:
        assert held(file.data, planted), file.name
    assert held("ZQX-00417".encode("utf-16-le"), planted)
    assert held(b"A" * 80 + b" zqx-004 " + b"A" * 80, planted) == ["any"]
    assert not held(b"A" * 80 + b"zqxabcde" + b"A" * 80, planted), "sealed text, by chance"
    assert not held(b"nothing of a patient, 2021", planted)


def test_no_log_names_the_patient(travelled: tuple[Site, bytes], planted: Planted) -> None:
    site, _ = travelled
    log = (site.folder / "server.log").read_bytes()
    assert b"DEBUG" in log, "it was told to say all"
    assert held(log, planted) == []


def test_no_console_address_cookie_storage_or_refusal_names_the_patient(
    travelled: tuple[Site, bytes], planted: Planted
) -> None:
    site, _ = travelled
    assert len(site.told) > 10
    assert held("\n".join(site.told).encode(), planted) == []


def test_no_file_that_server_or_browser_wrote_names_the_patient_nor_does_its_name(
    travelled: tuple[Site, bytes], planted: Planted
) -> None:
    site, _ = travelled
    written = [path for path in site.folder.rglob("*") if path.is_file()]
    assert any("profile" in path.parts for path in written)
    assert any("blobs" in path.parts for path in written)
    found = {}
    for path in written:
        data = path.read_bytes()
        where = held(data, planted)
        if where == ["any"] and b"/static/" in data and "profile" in path.parts:
            continue  # three letters in a font or script of Streamlit's, which browsers may keep
        if where:
            found[path.relative_to(site.folder).as_posix()] = where
    assert found == {}
    cached = [
        url for path in written if "Cache_Data" in path.parts
        for url in re.findall(rb"http://127\.0\.0\.1:\d+(/[!-~]*)", path.read_bytes()[:400])
    ]  # fmt: skip
    assert [url for url in cached if not url.startswith(b"/static/")] == [], "no answer of ours"
    names = "\n".join(p.relative_to(site.folder).as_posix() for p in site.folder.rglob("*"))
    assert held(names.encode(), planted) == []
    with sqlite3.connect(site.folder / "data" / "consilium.db") as database:
        assert database.execute("SELECT count(*) FROM cases").fetchone()[0] >= 1, "it was stored"


def test_the_zip_names_nobody(
    travelled: tuple[Site, bytes], planted: Planted, tmp_path: Path
) -> None:
    _, packed = travelled
    (tmp_path / "case.zip").write_bytes(packed)
    inside: dict[str, Any] = {}
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert len(inside) >= 5
    everything = b"\n".join([packed, *inside.values(), *(name.encode() for name in inside)])
    dates = {w for w, v in planted.values.items() if re.fullmatch(r"(19|20)\d\d-?\d\d-?\d\d.*", v)}
    assert [where for where in held(everything, planted) if where not in dates] == []
    assert dates & set(held(everything, planted)) == set()


def test_nobody_outside_was_called_on_the_whole_way(travelled: tuple[Site, bytes]) -> None:
    site, _ = travelled
    assert "guarded" in site.notes, "the guard was there"
    assert set(site.notes) == {"guarded"}
