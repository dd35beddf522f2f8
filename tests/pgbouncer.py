"""A real PgBouncer in transaction mode in front of a test's database."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from geofix.db.embedded.postmaster import free_port, wait_until
from geofix.db.engine import conninfo

CONFIG = """
[databases]
* = host={host} port={port} user={user} password='{password}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {servers}
; Each transaction goes over another connection to the server, as it may at any time.
server_round_robin = 1
"""


@contextmanager
def pgbouncer(url: str, *, servers: int = 6) -> Iterator[str]:
    """Run PgBouncer as Debian ships it, nothing configured for geofix, and give its URL.

    Args:
        url: Of the database behind it.
        servers: How many connections to the server it has.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed (`apt-get install pgbouncer`)")
    behind = make_url(url)
    listen = free_port()
    folder = Path(tempfile.mkdtemp(prefix="geofix-pgbouncer-"))
    folder.chmod(0o755)
    config = folder / "pgbouncer.ini"
    config.write_text(
        CONFIG.format(
            host=behind.host,
            port=behind.port or 5432,
            user=behind.username,
            password=str(behind.password).replace("'", "''"),
            listen=listen,
            servers=servers,
        )
    )
    # It refuses to run as root.
    account = "nobody" if os.geteuid() == 0 else None
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [program, str(config)], stdout=subprocess.DEVNULL, stderr=log, user=account
        )
    pooled = behind.set(host="127.0.0.1", port=listen).render_as_string(hide_password=False)
    try:
        assert wait_until(lambda: _answers(pooled), timeout_s=20), (folder / "log").read_text()
        yield pooled
    finally:
        running.terminate()
        running.wait(20)
        shutil.rmtree(folder)


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(conninfo(url)):
            return True
    except psycopg.OperationalError:
        return False
