from __future__ import annotations

import os
from pathlib import Path

import pytest

from geofix.agent.cli.terminal import why_not_writable, write_whole
from geofix.agent.errors import GeofixError
from tests.files import as_nobody, open_folder


def test_a_file_is_written_with_the_usual_rights_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "é.json"
    assert why_not_writable(target) is None
    assert list(tmp_path.iterdir()) == []
    umask = os.umask(0o027)
    try:
        write_whole(target, "ü\n")
    finally:
        os.umask(umask)
    assert target.read_text(encoding="utf-8") == "ü\n"
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_cannot_be_replaced_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "fix.json"
    target.write_text("before")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(GeofixError, match=r"cannot write '.*fix\.json': No space left on device"):
        write_whole(target, "after")
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real.json")
    write_whole(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real.json").read_text() == "x"


def test_why_a_file_cannot_be_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert why_not_writable(tmp_path) == "it exists and is not a file"
    assert why_not_writable(tmp_path / "pipe") == "it exists and is not a file"
    for path in (tmp_path / "nosuch" / "x", tmp_path / ("x" * 256), Path("/proc/x")):
        reason = why_not_writable(path)
        assert reason is not None and "choose a file in a folder that exists" in reason


def test_a_folder_that_may_not_be_written_is_told_apart() -> None:
    with open_folder() as folder:
        folder.chmod(0o555)
        with as_nobody():
            reason = why_not_writable(folder / "fix.json")
    assert reason is not None and reason.startswith("Permission denied")
