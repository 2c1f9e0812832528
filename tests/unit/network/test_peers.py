"""The peers file: what it may say, and an error with its place for everything else."""

from pathlib import Path

import pytest

from mmcore.errors import PeerConfigError
from mmcore.network.peers import (
    PEERS,
    Dimse,
    Secret,
    Tls,
    Web,
    find_peer,
    read_peers,
    site_peers,
)

GOOD = """
our_ae_title: OURS
peers:
  - name: pacs
    timeout: 12
    dimse: {host: pacs.example.org, port: 104, ae_title: PACS,
            tls: {ca: ca.pem, certificate: us.pem, key: us.key}}
    dicomweb: {url: "https://pacs.example.org/dicom-web/", token_env: PACS_TOKEN}
  - name: archive
    dicomweb: {url: "https://archive.example.org", user: reader, password_file: /run/secret}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "peers.yaml"
    path.write_text(text, "utf-8")
    return path


def test_peers_are_read_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    pacs, archive = read_peers(written(tmp_path, GOOD))
    tls = Tls("ca.pem", "us.pem", "us.key")
    assert pacs.dimse == Dimse("pacs.example.org", 104, "PACS", "OURS", tls)
    assert pacs.web == Web("https://pacs.example.org/dicom-web", secret=Secret("PACS_TOKEN"))
    assert pacs.timeout == 12.0
    assert archive.dimse is None
    assert archive.web is not None
    assert (archive.web.user, archive.web.secret) == ("reader", Secret(file="/run/secret"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("peers: []", "a list of at least one"),
        ("[]", "expected names and values"),
        ("peers: [{name: A}]", "lower-case"),
        ("peers: [{name: a}]", "a: give at least one of dimse, dicomweb and fhir"),
        ("peers: [{name: a, dimse: {host: h, port: 0, ae_title: T}}]", "a, dimse: port"),
        ("peers: [{name: a, dimse: {host: 'h h', port: 1, ae_title: T}}]", "host"),
        ("peers: [{name: a, dimse: {host: h, port: 1, ae_title: SEVENTEEN-LETTERS}}]", "16"),
        ("peers: [{name: a, dimse: {host: h, port: 1, ae_titel: T}}]", "'ae_titel' is not known"),
        ("peers: [{name: a, dimse: {host: h, port: 1, ae_title: T, tls: {key: k}}}]", "together"),
        ("peers: [{name: a, dicomweb: {url: 'ftp://h'}}]", "http or https"),
        ("peers: [{name: a, dicomweb: {url: 'https://u:p@h'}}]", "no password"),
        ("peers: [{name: a, dicomweb: {url: 'https://h', user: u}}]", "password_env"),
        ("peers: [{name: a, dicomweb: {url: 'https://h', password_env: P}}]", "with a user"),
        ("peers: [{name: a, timeout: soon, dicomweb: {url: 'https://h'}}]", "timeout"),
        ("peers: [{name: a, dicomweb: {url: 'https://h'}}, {name: a, dicomweb: {url: 'https://i'}}]",
         "two peers"),
        ("peers: [{name: a, dicomweb: {url: 'http://h', token_env: T}}]", "https alone"),
        ("peers: {a: [", "not YAML"),
        ("peers: !!python/object/apply:os.system ['true']", "not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PeerConfigError, match=says):
        read_peers(written(tmp_path, text))


def test_a_site_has_no_peers_unless_it_names_a_file(tmp_path: Path) -> None:
    assert site_peers({}) == ()
    found = site_peers({PEERS: str(written(tmp_path, GOOD))})
    assert [peer.name for peer in found] == ["pacs", "archive"]
    with pytest.raises(PeerConfigError, match="can not be read"):
        site_peers({PEERS: str(tmp_path / "none.yaml")})


def test_an_unknown_peer_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(PeerConfigError, match="known: pacs, archive"):
        find_peer(read_peers(written(tmp_path, GOOD)), "other")


def test_a_secret_is_read_when_it_is_needed_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_TOKEN", " a-secret ")
    assert Secret("PACS_TOKEN").read("pacs") == "a-secret"
    (tmp_path / "secret").write_text("another\n")
    assert Secret(file=str(tmp_path / "secret")).read("pacs") == "another"
    monkeypatch.delenv("PACS_TOKEN")
    with pytest.raises(PeerConfigError, match="PACS_TOKEN of the environment is empty"):
        Secret("PACS_TOKEN").read("pacs")
    assert "PACS_TOKEN" not in repr(read_peers(written(tmp_path, GOOD)))
