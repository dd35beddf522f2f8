"""Real servers in temporary folders: started, shared, kept and left."""

from __future__ import annotations

import os
import signal

import psutil
import psycopg
import pytest

from geofix.db.embedded.server import EmbeddedServer
from tests.integration.db.embedded.lease_holder import LeaseHolder, pid_of


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
    pid = pid_of(server)

    assert server.start() == url
    assert pid_of(server) == pid
    assert (server.stop(), server.stop()) == (True, False)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not server.status().running

    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_processes_that_start_at_once_share_one_server_until_the_last_leaves(
    new_server: EmbeddedServer,
) -> None:
    users = [LeaseHolder(new_server.data_dir) for _ in range(3)]
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
    user = LeaseHolder(server.data_dir)
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


def test_ctrl_c_and_a_closed_pipe_are_the_clients_alone(server: EmbeddedServer) -> None:
    user = LeaseHolder(server.data_dir, "keep")
    url = user.url()
    os.killpg(user.process.pid, signal.SIGINT)

    # Returns only if the server holds neither end of the client's pipes.
    assert user.leave() != 0
    assert psycopg.connect(url).close() is None
