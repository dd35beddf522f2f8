"""Creates a Postgres cluster on disk completely or not at all, with its password and databases."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import psutil
import psycopg

from geofix.db.embedded.account import SystemAccount, run_as
from geofix.db.embedded.binaries import Binaries
from geofix.db.embedded.postmaster import wait_until
from geofix.db.errors import ServerError
from geofix.db.failures import kind_of, reason_of

ROLE = "geofix"
_PASSWORD_NAME = "password"
_HALF_MADE = "initdb-"

# jit costs more than it saves on queries of milliseconds, and a load of gigabytes should not stop
# for a checkpoint each. They go into postgresql.conf, so that an owner may change them.
_SETTINGS = """
# geofix
fsync = on
jit = off
lc_messages = 'C'
log_timezone = 'UTC'
max_connections = 60
max_wal_size = 4GB
shared_buffers = {shared_buffers_mb}MB
timezone = 'UTC'
"""

_LEAST_BUFFERS_MB, _MOST_BUFFERS_MB = 256, 4096
_BUFFERS_SHARE = 8
"""One eighth of the machine's memory: an index of a million vectors that fits there is searched
twice as fast as from the system's cache (4.4 against 8.5 ms, from the research behind DESIGN.md).
Unused memory is not taken."""


def create_cluster(folder: Path, binaries: Binaries, account: SystemAccount | None) -> None:
    """Run `initdb` beside `folder` and move the whole into place in one step.

    Args:
        folder: Where the cluster is to be; must not exist, its parent must.
        binaries: Postgres's programs.
        account: Who is to own it, None for ourselves.

    Raises:
        ServerError: `initdb` failed; nothing is left behind.
    """
    for leftover in folder.parent.glob(f"{_HALF_MADE}*"):
        _remove(leftover)
    password = _password(folder.parent, make=True)
    # A name of its own each time: an `initdb` whose caller was killed may still be writing.
    half_made = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=folder.parent))
    try:
        if account is not None:
            os.chown(half_made, account.uid, account.gid)
        _initdb(half_made, binaries, account, password)
        with (half_made / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(_settings())
        half_made.rename(folder)
    finally:
        _remove(half_made)


def _settings() -> str:
    share_mb = psutil.virtual_memory().total // 1_000_000 // _BUFFERS_SHARE
    buffers_mb = max(_LEAST_BUFFERS_MB, min(_MOST_BUFFERS_MB, share_mb))
    return _SETTINGS.format(shared_buffers_mb=buffers_mb)


def _remove(folder: Path) -> None:
    # An `initdb` whose caller was killed goes on writing here until it misses its files.
    def gone() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    if not wait_until(gone, timeout_s=10):
        raise ServerError(
            f"{str(folder)!r} was left by a start that was killed; remove it, then try again"
        )


def read_password(data_dir: Path) -> str:
    """The password of the role `geofix`.

    Raises:
        ServerError: The file is gone or not readable.
    """
    return _password(data_dir, make=False)


def _password(data_dir: Path, *, make: bool) -> str:
    file = data_dir / _PASSWORD_NAME
    try:
        if make and not file.exists():
            unnamed = file.with_suffix(".new")
            unnamed.touch(mode=0o600)
            unnamed.write_text(secrets.token_urlsafe(24), encoding="ascii")  # as is in a URL
            unnamed.rename(file)
        return file.read_text(encoding="ascii")
    except OSError as error:
        raise ServerError(
            f"the database password in {str(file)!r} cannot be read: {error}. Restore the file,"
            " or run geofix as the user who created it"
        ) from error


def _initdb(folder: Path, binaries: Binaries, account: SystemAccount | None, password: str) -> None:
    command: list[str | Path] = [binaries.program("initdb"), "-D", folder, "-U", ROLE]
    command += ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-instructions"]
    command += ["--pwfile=/dev/stdin"]
    reader, writer = os.pipe()
    try:
        os.write(writer, password.encode() + b"\n")
        os.close(writer)
        if account is not None:
            # Opening /dev/stdin checks who owns the pipe.
            os.fchown(reader, account.uid, account.gid)
        outcome = run_as(account, command, stdin=reader)
    except OSError as error:
        raise ServerError(f"initdb cannot be run: {error}") from error
    finally:
        os.close(reader)
    if outcome.returncode != 0:
        said = "\n".join(outcome.stdout.splitlines()[-15:])
        raise ServerError(
            f"initdb failed with status {outcome.returncode} for {str(folder.parent)!r}:\n{said}"
        )


GEOFIX = "geofix"
# LangGraph's tables get a database of their own: see `geofix.db.checkpoints`.
CHECKPOINTS = "geofix_checkpoints"
MAINTENANCE = "postgres"

Connect = Callable[[str], psycopg.Connection]
"""Opens an autocommit connection to the database of that name."""


def prepared(databases: Collection[str]) -> bool:
    """Whether `prepare` once came to its end; it makes this database last."""
    return CHECKPOINTS in databases


def prepare(connect: Connect, databases: Collection[str]) -> None:
    """Make both databases and the extension `vector`, from wherever an earlier try stopped.

    Args:
        connect: Opens connections to the running server.
        databases: The databases that already exist.

    Raises:
        ServerError: pgvector is missing, too old, or not made for this processor.
    """
    if GEOFIX not in databases:
        _create(connect, GEOFIX)
    _probe_vectors(connect)
    _create(connect, CHECKPOINTS)


def _create(connect: Connect, database: str) -> None:
    with connect(MAINTENANCE) as connection:
        connection.execute(f"CREATE DATABASE {database}")  # both names are constants above


def _probe_vectors(connect: Connect) -> None:
    with connect(GEOFIX) as connection:
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute("SELECT '[1,2]'::halfvec <=> '[2,1]'::halfvec")
            # Came with pgvector 0.8; a filtered search silently returns too few rows without it.
            connection.execute("SET hnsw.iterative_scan = relaxed_order")
        except psycopg.Error as error:
            if connection.broken:
                raise ServerError(_processor_text(), original=error) from None
            raise ServerError(
                f"this Postgres has no usable pgvector >= 0.8: {reason_of(error)!r}. Set"
                " GEOFIX_POSTGRES_BIN or GEOFIX_DATABASE_URL to a Postgres that has it",
                kind=kind_of(error),
                sqlstate=error.sqlstate,
                original=error,
            ) from None


def _processor_text() -> str:
    return (
        "Postgres crashed on its first vector. This build of pgvector needs processor"
        f" instructions (x86-64: AVX2; Linux arm64: SVE) that this machine ({platform.system()}"
        f" {platform.machine()}) seems to lack. Set GEOFIX_DATABASE_URL to your own Postgres"
        " with pgvector >= 0.8 (`docker compose up -d db`)"
    )
