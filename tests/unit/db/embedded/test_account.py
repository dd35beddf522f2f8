from __future__ import annotations

import os
import subprocess
from pathlib import Path

from geofix.db.embedded.account import SystemAccount, blocked_at, run_as

STRANGER = SystemAccount("stranger", uid=54_321, gid=54_321)


def test_a_folder_closed_to_others_blocks_a_stranger(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    assert blocked_at(tmp_path / "a" / "b", STRANGER) is not None


def test_the_first_closed_folder_is_named_and_one_that_is_missing_blocks_nobody() -> None:
    assert blocked_at(Path("/no such folder/below"), STRANGER) is None
    assert blocked_at(Path("/usr/bin/env"), STRANGER) is None
    assert blocked_at(Path("/etc/passwd"), STRANGER) == Path("/etc/passwd")


def test_an_owner_is_judged_by_the_owner_bits(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    owner = SystemAccount("owner", uid=closed.stat().st_uid, gid=0)

    assert blocked_at(closed, owner) != closed
    closed.chmod(0o611)
    assert blocked_at(closed, owner) is not None


def test_nothing_blocks_ourselves(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    assert blocked_at(tmp_path, None) is None


def test_a_command_gets_none_of_our_environment_and_a_session_of_its_own() -> None:
    os.environ["GEOFIX_TEST_SECRET"] = "seen"
    try:
        outcome = run_as(
            None, ["/bin/sh", "-c", 'echo "${GEOFIX_TEST_SECRET-hidden}" $$; ps -o sid= $$']
        )
    finally:
        del os.environ["GEOFIX_TEST_SECRET"]

    secret, pid, session = outcome.stdout.split()
    assert (secret, session) == ("hidden", pid)


def test_errors_of_a_command_come_back_with_its_output() -> None:
    outcome = run_as(None, ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"])

    assert (outcome.returncode, outcome.stdout) == (3, "out\nerr\n")
    assert isinstance(outcome, subprocess.CompletedProcess)
