"""An engine on a database of the test's own, and servers in temporary folders."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine

from geofix.db.embedded.postmaster import wait_until
from geofix.db.embedded.server import EmbeddedServer
from geofix.db.engine import open_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Engine on a migrated, empty database."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
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
