from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from geofix.db.embedded.data_dir import exclusive, exclusive_if_free, shared
from geofix.db.errors import ServerError

HOLDER = """
import sys
from pathlib import Path
from geofix.db.embedded.data_dir import shared
with shared(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def _free(path: Path) -> bool:
    with exclusive_if_free(path) as free:
        return free


def test_a_lock_counts_within_one_process_too(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with shared(path), shared(path):
        assert not _free(path)
    with exclusive(path):
        assert not _free(path)
    assert _free(path)


def test_one_of_two_users_leaving_frees_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with shared(path):
        with shared(path):
            pass
        assert not _free(path)


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert not _free(path)
        os.kill(holder.pid, signal.SIGKILL)

    assert _free(path)


def test_a_lock_that_cannot_be_opened_says_which(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match=r"the lock file '.*/missing/lock' cannot be opened"),
        exclusive(tmp_path / "missing" / "lock"),
    ):
        pass
