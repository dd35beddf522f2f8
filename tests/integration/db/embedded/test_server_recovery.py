"""Real servers that were killed, and start again."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import closing
from threading import Thread

import psutil
import psycopg
import pytest

from geofix.db.embedded.account import server_account
from geofix.db.embedded.postmaster import wait_until
from geofix.db.embedded.server import EmbeddedServer
from geofix.db.errors import ServerError
from tests.integration.db.embedded.lease_holder import LeaseHolder, pid_of


def test_after_kill_9_what_was_committed_is_there_again(server: EmbeddedServer) -> None:
    with closing(psycopg.connect(server.start(), autocommit=True)) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO kept VALUES (1001)")

        os.kill(pid_of(server), signal.SIGKILL)
        url = server.start()

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_children_of_a_killed_server_are_waited_for(server: EmbeddedServer) -> None:
    hasty = EmbeddedServer(server.data_dir, start_timeout_s=0.2)
    with closing(psycopg.connect(server.start())) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        backend.suspend()
        try:
            os.kill(pid_of(server), signal.SIGKILL)
            with pytest.raises(ServerError, match=rf"are still running in .*{backend.pid}"):
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
        assert pid_of(server) != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_whose_starter_was_killed_is_joined(server: EmbeddedServer) -> None:
    server.start()
    postmaster = psutil.Process(pid_of(server))
    postmaster.suspend()
    found: list[str] = []
    starter = Thread(target=lambda: found.append(server.start()))
    starter.start()
    postmaster.resume()
    starter.join(timeout=30)

    assert found == [server.url()]
    assert pid_of(server) == postmaster.pid


def test_a_killed_first_start_leaves_nothing_half_made(new_server: EmbeddedServer) -> None:
    user = LeaseHolder(new_server.data_dir)
    assert wait_until(lambda: any(new_server.data_dir.glob("initdb-*/global")), timeout_s=30)
    user.kill()
    assert not (new_server.data_dir / "postgres").exists()

    assert psycopg.connect(new_server.start()).close() is None
    assert list(new_server.data_dir.glob("initdb-*")) == []
