from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path

import pytest
from django.core.management import call_command

from retrieval_site.supervisor import attach, system_user
from retrieval_site.supervisor.attach import attach_environment, ensure_secret_key
from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.lock import check_port_free, free_port, hold_lock
from retrieval_site.supervisor.logs import LogKeeper
from retrieval_site.supervisor.memory import memory_bytes
from retrieval_site.supervisor.options import read_options
from retrieval_site.supervisor.paths import DataPaths, make_private_folder
from retrieval_site.supervisor.postgres import EmbeddedPostgres
from retrieval_site.supervisor.serve import main


def test_a_second_start_on_the_same_folder_is_told_where_the_first_one_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with hold_lock(tmp_path / "serve.lock", "http://localhost:8123/"):
        assert main(["--port", "8124"]) == 1
    told = capsys.readouterr().err
    assert "already running" in told
    assert "http://localhost:8123/" in told
    assert str(os.getpid()) in told


def test_a_start_while_a_command_has_the_folder_is_told_what_is_being_done(tmp_path: Path) -> None:
    file, doing = tmp_path / "serve.lock", "a backup is being made"
    with hold_lock(file, doing=doing), pytest.raises(SupervisorError) as refused, hold_lock(file):
        pass
    assert f"is in use: a backup is being made (process {os.getpid()})" in str(refused.value)
    assert "Ctrl-C" not in str(refused.value)


def test_the_command_ends_as_the_supervisor_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with hold_lock(tmp_path / "serve.lock", ""), pytest.raises(SystemExit) as ended:
        call_command("serve", "--no-demo", "--reset-admin-password")
    assert ended.value.code == 1


def test_the_lock_is_free_again_after_its_holder(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_lock(tmp_path / "serve.lock", "http://localhost:8000/"):
            pass


def test_a_lock_whose_holder_wrote_nothing_yet_still_refuses(tmp_path: Path) -> None:
    file = tmp_path / "serve.lock"
    with hold_lock(file, ""):
        file.write_text("")
        with pytest.raises(SupervisorError, match="already running"), hold_lock(file, ""):
            pass


def test_a_port_in_use_is_said_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in capsys.readouterr().err
    assert not (tmp_path / "postgres").exists()
    check_port_free("127.0.0.1", port)


def test_a_probe_port_in_use_is_said_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PROBE_PORT", str(port))
        assert main(["--port", str(free_port("127.0.0.1"))]) == 1
    assert f"`PROBE_PORT={port + 1} make run`" in capsys.readouterr().err


def test_without_a_probe_port_a_free_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROBE_PORT", raising=False)
    found = read_options(["--port", "9000"])
    assert found.probe_port not in {9000, 9001, 0}
    check_port_free(found.probe_host, found.probe_port)


def test_a_probe_host_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_HOST", "192.0.2.1")
    with pytest.raises(SupervisorError, match=r"PROBE_HOST 192\.0\.2\.1"):
        read_options([])


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_an_impossible_port_is_refused(port: str) -> None:
    with pytest.raises(SupervisorError, match="PORT must be a number"):
        read_options([f"--port={port}"])


def test_options_come_from_the_environment_and_words_go_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("DEMO", "0")
    assert read_options([]).address == "http://localhost:8123/"
    assert read_options([]).demo is False
    assert read_options(["--port", "9000", "--host", "10.0.0.5"]).address == "http://10.0.0.5:9000/"
    for written in ("", "1", "yes"):
        monkeypatch.setenv("DEMO", written)
        assert read_options([]).demo is True
    monkeypatch.setenv("DEMO", "ture")
    with pytest.raises(SupervisorError, match="DEMO must be 1 or 0"):
        read_options([])
    monkeypatch.delenv("DEMO")
    assert read_options([]).demo is True
    assert read_options(["--no-demo"]).demo is False


@pytest.mark.parametrize("left", ["unset", "empty"])
def test_commands_find_the_embedded_servers_by_the_data_folder_alone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY"):
        monkeypatch.delenv(name)
        if left == "empty":
            monkeypatch.setenv(name, "")
    folder = tmp_path_factory.mktemp("d")  # no longer, so that a socket's path has room inside
    monkeypatch.setenv("DATA_DIR", str(folder))
    key = ensure_secret_key(DataPaths(folder))
    attach_environment()
    assert os.environ["DATABASE_URL"] == f"postgresql://postgres@/sightline?host={folder / 'run'}"
    assert os.environ["REDIS_URL"] == f"unix://{folder / 'run' / 'redis.sock'}?db=0"
    assert os.environ["SECRET_KEY"] == key


def test_what_the_environment_names_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/sightline")
    attach_environment()
    assert os.environ["DATABASE_URL"] == "postgresql://db.example/sightline"


def test_the_default_data_folder_is_var_beside_manage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATA_DIR")
    assert attach.data_paths().root == attach.PROJECT_FOLDER / "var"
    assert (attach.PROJECT_FOLDER / "manage.py").is_file()


def test_the_secret_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path)
    key = ensure_secret_key(paths)
    assert len(key) >= 50
    assert ensure_secret_key(paths) == key
    assert stat.S_IMODE(paths.secret_key.stat().st_mode) == 0o600


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "real")
    with pytest.raises(SupervisorError, match="belongs to somebody else"):
        make_private_folder(tmp_path / "run", os.getuid())


def test_a_folder_that_cannot_be_made_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SupervisorError, match="cannot be used"):
        make_private_folder(tmp_path / "file" / "run", os.getuid())
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file" / "data"))
    assert main([]) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_nobody_is_told_to_remove_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("data", "wal"):
        (tmp_path / name).mkdir()
    os.chown(tmp_path / "wal", 12345, 12345)
    monkeypatch.setenv("WAL_ARCHIVE", str(tmp_path / "wal"))
    with pytest.raises(SupervisorError, match="keep what is in it") as refused:
        EmbeddedPostgres(DataPaths(tmp_path / "data")).prepare()
    assert "Remove" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.chown(tmp_path / "run", 12345, 12345)
    with pytest.raises(SupervisorError, match="belongs to somebody else"):
        make_private_folder(tmp_path / "run", 23456)


def test_an_ordinary_user_runs_the_database_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    user = system_user.database_user()
    assert user.uid is None
    assert user.owner == os.getuid()
    system_user.let_enter(Path("/nonexistent/below"))  # nothing to do, nothing touched


def test_no_system_user_to_be_had_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(system_user, "_find", lambda name: None)
    monkeypatch.setattr(system_user.shutil, "which", lambda name, path: None)
    with pytest.raises(SupervisorError, match="set DATABASE_URL"):
        system_user.database_user()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root opens folders for another user")
def test_root_lets_the_database_user_pass_through_closed_folders(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    system_user.let_enter(closed / "postgres")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o701


def test_a_containers_memory_limit_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1073741824\n")
    (tmp_path / "unlimited").write_text("max\n")
    assert memory_bytes((tmp_path / "memory.max",)) == 1024**3
    assert memory_bytes((tmp_path / "unlimited", tmp_path / "missing")) > 1024**3


def test_a_log_that_is_too_long_is_put_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    with (tmp_path / "web.log").open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        keeper = LogKeeper(tmp_path, max_bytes=50, looked_at=time.monotonic() - 100)
        keeper.look_after()
        writer.write(b"after")
        keeper.look_after()  # within the same minute: nothing
    assert (tmp_path / "web.log.1").read_bytes() == b"x" * 100
    assert (tmp_path / "web.log").read_bytes() == b"after"


def _looked_after(folder: Path, keep_days: int) -> set[str]:
    LogKeeper(folder, keep_days=keep_days, looked_at=-1000).look_after()
    return {file.name for file in folder.iterdir()}


def _days_ago(file: Path, days: float) -> None:
    at = time.time() - days * 86_400
    os.utime(file, (at, at))


def test_nothing_in_a_log_grows_older_than_its_days(tmp_path: Path) -> None:
    for name in ("web", "bulk", "quiet"):
        (tmp_path / f"{name}.log").write_text(f"{name} now")
        (tmp_path / f"{name}.log.1").write_text(f"{name} before")
    (tmp_path / "quiet.log").write_text("")
    (tmp_path / "gone.log.1").write_text("of a program that is not there any more")
    (tmp_path / "bench.txt").write_text("none of ours")
    for name, days in (("web", 5.1), ("bulk", 4.9), ("quiet", 5.1), ("gone", 5.1)):
        _days_ago(tmp_path / f"{name}.log.1", days)
    kept = _looked_after(tmp_path, keep_days=10)
    assert kept == {
        "web.log", "web.log.1", "bulk.log", "bulk.log.1", "quiet.log", "quiet.log.1", "bench.txt",
    }  # fmt: skip
    texts = {name: (tmp_path / name).read_text() for name in kept}
    assert (texts["web.log"], texts["web.log.1"]) == ("", "web now")
    assert (texts["bulk.log"], texts["bulk.log.1"]) == ("bulk now", "bulk before")
    assert (texts["quiet.log"], texts["quiet.log.1"]) == ("", "")
    (tmp_path / "web.log").write_text("web later")
    assert _looked_after(tmp_path, keep_days=10) == kept
    assert (tmp_path / "web.log.1").read_text() == "web now"  # younger than half of the days


def test_a_log_of_unknown_age_is_put_aside_at_once_and_none_without_days(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("a line")
    (tmp_path / "gone.log.1").write_text("a line")
    _days_ago(tmp_path / "gone.log.1", 9_000)
    assert _looked_after(tmp_path, keep_days=0) == {"web.log", "gone.log.1"}
    assert _looked_after(tmp_path, keep_days=1) == {"web.log", "web.log.1"}
    assert (tmp_path / "web.log").read_text() == ""


@pytest.mark.parametrize("written", ["-1", "a week", "1.5", "9" * 9])
def test_a_number_of_days_that_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("LOG_KEEP_DAYS", written)
    with pytest.raises(SupervisorError, match="LOG_KEEP_DAYS must be a number of days"):
        read_options([])


def test_logs_are_kept_as_long_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for written, days in (("", 0), ("0", 0), ("30", 30)):
        monkeypatch.setenv("LOG_KEEP_DAYS", written)
        assert read_options([]).log_keep_days == days
    monkeypatch.delenv("LOG_KEEP_DAYS")
    assert read_options([]).log_keep_days == 0
