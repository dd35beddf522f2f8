"""A Postgres of the benchmark's own: started in a folder under /tmp, removed at the end."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import Engine, make_url

from geofix.db.embedded.server import EmbeddedServer
from geofix.db.engine import conninfo, open_engine
from geofix.db.schema import upgrade_schema

GB = 2**30

SHARED_BUFFERS_GB = 8
"""Or a quarter of the machine's memory, if that is less."""

SHOWN = ("server_version", "shared_buffers", "fsync", "synchronous_commit", "wal_level")
"""Settings printed with the results; those not set by us are Postgres's or geofix's defaults."""


@dataclass(frozen=True)
class Server:
    """The running server, and a folder for whatever else the benchmark writes."""

    url: str
    folder: Path

    def execute(self, statement: str, *, database: str | None = None) -> list[tuple[object, ...]]:
        """Run one statement on its own, by default in the server's first database."""
        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def conninfo(self, database: str | None) -> str:
        """Return how libpq reaches a database."""
        return conninfo(self.named(database))

    def named(self, database: str | None) -> str:
        """Return the URL of a database."""
        url = make_url(self.url)
        if database is not None:
            url = url.set(database=database)
        return url.render_as_string(hide_password=False)

    @contextmanager
    def scratch(self, name: str) -> Iterator[str]:
        """Make a database with pgvector in it, and drop it at the end; yields its URL."""
        self.execute(f"create database {name}")
        try:
            self.execute("create extension vector", database=name)
            yield self.named(name)
        finally:
            self.execute(f"drop database {name} with (force)")

    def gallery_engine(self, name: str) -> Engine:
        """Make a database with geofix's tables and return its engine."""
        self.execute(f"create database {name}")
        engine = open_engine(self.named(name))
        upgrade_schema(engine)
        return engine

    def settings(self) -> str:
        """Say what the server runs with."""
        shown = [f"{name}={self.execute(f'show {name}')[0][0]}" for name in SHOWN]
        versions = "select default_version from pg_available_extensions where name = 'vector'"
        return ", ".join([*shown, f"pgvector={self.execute(versions)[0][0]}"])


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server with a large cache; fsync stays on. Everything is removed at the end."""
    # So that it is also stopped, and its folder removed, where somebody ends this.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    # Not the user's own folders: under root Postgres runs as an account that cannot reach those.
    home = Path(tempfile.mkdtemp(prefix="geofix-bench-"))
    home.chmod(0o755)
    embedded = EmbeddedServer(home / "postgres")
    try:
        server = Server(embedded.start(), home)
        quarter = psutil.virtual_memory().total // 4 // GB
        server.execute(
            f"alter system set shared_buffers = '{max(1, min(SHARED_BUFFERS_GB, quarter))}GB'"
        )
        # Checkpoints by time alone would tell more about the disk than about the ways to load.
        server.execute("alter system set max_wal_size = '8GB'")
        embedded.stop()
        with embedded.lease() as url:
            yield Server(url, home)
    finally:
        embedded.stop()
        shutil.rmtree(home)
