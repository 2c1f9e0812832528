"""Nothing is listened to beyond this machine without certificates, and nothing is told outside."""

import importlib.util
from pathlib import Path

import pytest

from mmcore.errors import ConfigError, FederationError
from mmcore.federated import launch
from mmcore.federated.launch import Job, Transport, read_job, require_flower


def test_another_machine_is_reached_under_certificates_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"10\.0\.0\.7 is another machine"):
        Transport(host="10.0.0.7")
    assert Transport().of_server() == Transport().of_site() == ["--insecure"]
    pems = [tmp_path / name for name in ("c.pem", "k.pem", "ca.pem")]
    trusted = Transport("10.0.0.7", 9000, *pems)
    assert "--insecure" not in [*trusted.of_server(), *trusted.of_site()]
    assert trusted.of_site() == [f"--root-certificates={pems[2]}"]


@pytest.mark.parametrize("given", ["root", "certificate key", "certificate root", "key"])
def test_a_server_with_a_part_of_its_certificates_does_not_listen_without_any(
    given: str, tmp_path: Path
) -> None:
    pems = {name: tmp_path / f"{name}.pem" for name in given.split()}
    with pytest.raises(ConfigError, match="certificate, key and root together"):
        Transport(**pems).of_server()
    if "root" in pems:
        job = Job(tmp_path / "plan.yaml", tmp_path / "pack", tmp_path)
        with pytest.raises(ConfigError, match="certificate, key and root together"):
            launch.serve(job, Transport("10.0.0.7", **pems))


def test_flower_tells_nobody_that_it_runs(tmp_path: Path) -> None:
    told = launch._environment(tmp_path / "flower")
    assert told["FLWR_TELEMETRY_ENABLED"] == "0"
    assert told["FLWR_DISABLE_UPDATE_CHECK"] == "1"
    assert told["RAY_USAGE_STATS_ENABLED"] == "0"
    assert told["FLWR_HOME"] == str(tmp_path / "flower")


def test_a_job_is_read_where_it_was_written_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(launch.JOB, raising=False)
    with pytest.raises(ConfigError, match="federated serve"):
        read_job()
    for data in (None, tmp_path / "own"):
        job = Job(tmp_path / "plan.yaml", tmp_path / "pack", tmp_path, data)
        job.write(tmp_path / "job.json")
        monkeypatch.setenv(launch.JOB, str(tmp_path / "job.json"))
        assert read_job() == job


def test_without_flower_the_way_to_it_is_named() -> None:
    if importlib.util.find_spec("flwr") is not None:
        pytest.skip("Flower is installed in this environment")
    with pytest.raises(FederationError, match=r"make federated.*\.venv-federated/bin/python"):
        require_flower()


def test_the_app_that_sites_are_sent_is_one_import(tmp_path: Path) -> None:
    app = launch._write_app(tmp_path)
    code = [path for path in app.rglob("*.py") if path.stat().st_size]
    assert [path.name for path in code] == ["apps.py"]
    lines = code[0].read_text("utf-8").splitlines()
    assert lines[0] == "from mmcore.federated.apps import client, server"
    assert "dependencies = []" in (app / "pyproject.toml").read_text("utf-8")
