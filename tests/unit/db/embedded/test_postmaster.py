from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from geofix.db.embedded.postmaster import (
    PidFile,
    alive,
    find_live,
    free_port,
    orphans,
    read_pid_file,
    remove_pid_file,
    tail,
    wait_until,
)


def _claim(cluster: Path, pid: int) -> None:
    (cluster / "postmaster.pid").write_text(f"{pid}\n{cluster}\n1700000000\n5433\n\n127.0.0.1\n")


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("12\n/data\n1700000000\n5433\n", PidFile(12, 5433)),
        ("12\n/data\n1700000000\n", PidFile(12, None)),
        ("", None),
        ("twelve\n", None),
    ],
)
def test_a_pid_file_is_read_as_far_as_it_goes(
    tmp_path: Path, text: str, claimed: PidFile | None
) -> None:
    (tmp_path / "postmaster.pid").write_text(text)

    assert read_pid_file(tmp_path) == claimed
    assert read_pid_file(tmp_path / "none") is None


def test_a_stranger_with_the_number_is_no_server(tmp_path: Path) -> None:
    _claim(tmp_path, os.getpid())

    assert find_live(tmp_path) is None
    assert orphans(tmp_path) == []


def test_a_zombie_is_not_alive(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    process = psutil.Process(child.pid)
    try:
        assert wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE, timeout_s=10)
        _claim(tmp_path, child.pid)

        assert not alive(process)
        assert find_live(tmp_path) is None
    finally:
        child.wait()
    assert not alive(process)


def test_a_pid_file_is_removed_only_while_it_says_the_same(tmp_path: Path) -> None:
    _claim(tmp_path, 12)
    stale = read_pid_file(tmp_path)
    _claim(tmp_path, 13)

    remove_pid_file(tmp_path, stale)
    assert (tmp_path / "postmaster.pid").exists()
    remove_pid_file(tmp_path, PidFile(13, 5433))
    assert not (tmp_path / "postmaster.pid").exists()


def test_a_free_port_can_be_taken() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))


def test_the_tail_of_a_log_starts_where_asked(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    assert tail(log) == ""
    log.write_text("one\ntwo\nthree\n")

    assert tail(log, lines=2) == "two\nthree"
    assert tail(log, since=8) == "three"


def test_waiting_ends_when_time_is_up() -> None:
    assert not wait_until(lambda: False, timeout_s=0)
