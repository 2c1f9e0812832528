"""What the commands refuse before anything is started."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmcore.cli import app
from mmcore.errors import ConfigError, MissingLibraryError
from mmcore.scale import cluster
from tests.tiny import tiny_pack

TOKEN = "a-token-of-the-site"


def told(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, words)
    return found.exit_code, " ".join(found.output.replace("│", " ").split())


def serve(*words: str) -> tuple[int, str]:
    return told("serve", "--pack", str(tiny_pack()), *words)


def archive(tmp_path: Path, *words: str) -> tuple[int, str]:
    return told("archive", "--pack", str(tiny_pack()), "--out", str(tmp_path / "out"), *words)


def test_a_server_for_others_wants_a_token_and_a_certificate(tmp_path: Path) -> None:
    for name in ("token", "cert", "key"):
        (tmp_path / name).write_text(TOKEN)
    token = ("--token-file", str(tmp_path / "token"))
    certificate = ("--certificate", str(tmp_path / "cert"))
    for words in ((), token, (*certificate, "--key", str(tmp_path / "key"))):
        code, words_told = serve("--host", "0.0.0.0", *words)
        assert code == 2
        assert "beyond this machine a token and a certificate are needed" in words_told
    assert serve(*certificate)[0] == 2


def test_a_token_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short")
    code, words = serve("--token-file", str(tmp_path / "token"))
    assert code == 1
    assert "16 or more" in words


def test_an_archive_is_a_folder_or_a_peer(tmp_path: Path) -> None:
    for words in ((), ("--peer", "pacs"), (str(tmp_path), "--peer", "pacs", "--days", "20240101")):
        code, words_told = archive(tmp_path, *words)
        assert code == 2
        assert "give a folder, or --peer with --days" in words_told
    assert not (tmp_path / "out").exists()


def test_without_ray_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    with pytest.raises(MissingLibraryError):
        cluster.need_ray("this")
    for code, words in (serve(), archive(tmp_path, str(tmp_path))):
        assert code == 1
        assert "pip install -r requirements-scale.txt" in words


def test_ray_tells_nobody_and_listens_here(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    monkeypatch.setattr(os, "environ", {**before})
    cluster.need_ray("this")
    first = dict(os.environ)
    assert first["RAY_USAGE_STATS_ENABLED"] == "0"
    assert first["RAY_AUTH_MODE"] == "token"
    assert first[cluster.LOOPBACK] == "0"
    cluster.need_ray("this")
    assert os.environ["RAY_AUTH_TOKEN"] != first["RAY_AUTH_TOKEN"]

    monkeypatch.setattr(os, "environ", {**before})
    cluster.need_ray("this", address="auto", is_background=True)
    assert cluster.LOOPBACK not in os.environ
    assert "RAY_AUTH_TOKEN" not in os.environ
    assert cluster.NICENESS not in os.environ


def test_what_finds_no_place_is_refused_and_not_waited_for() -> None:
    there = {"CPU": 4.0, "GPU": 1.0}
    cluster.need_places(4, cpus=1.0, gpus=0.25, there=there)
    with pytest.raises(ConfigError, match="5 processes of 1 need 5; Ray counts 4"):
        cluster.need_places(5, cpus=1.0, gpus=0.0, there=there)
    with pytest.raises(ConfigError, match=r"gpus: 2 processes of 0\.5 need 1; Ray counts 0"):
        cluster.need_places(2, cpus=1.0, gpus=0.5, there={"CPU": 4.0})
