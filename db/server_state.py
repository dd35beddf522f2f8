"""Whether a server takes connections, told without logging in."""

from __future__ import annotations

import socket
import struct
from typing import Literal, get_args

from psycopg.conninfo import conninfo_to_dict

ASK_TIMEOUT_S = 2
"""How long a server may take to say whether it takes connections."""

DEFAULT_PORT = 5432

STARTUP = struct.pack("!ii", 21, 3 << 16) + b"user\0geofix\0\0"
"""First message of the protocol, version 3.0: length, version, and a user who need not exist."""

ServerState = Literal["up", "coming", "gone"]
"""How a server stands: it takes connections; starts, recovers or shuts down; is not there."""


def server_state(words: str) -> ServerState:
    """Ask servers whether they take connections, without logging in.

    As `pg_isready` does, and by the code of the answer, since its text is in the server's
    language; psycopg does not tell the code, and its `PGconn.ping` keeps all threads waiting.

    Args:
        words: Where they are, as `geofix.db.engine.conninfo` gives it.

    Returns:
        The best of them; `up` also where they cannot be asked, for want of a host.
    """
    asked = conninfo_to_dict(words)
    hosts = str(asked.get("hostaddr") or asked.get("host") or "")
    ports = str(asked.get("port") or DEFAULT_PORT).split(",")
    if not hosts:
        return "up"
    found = {
        _standing(host, ports[at] if len(ports) > 1 else ports[0])
        for at, host in enumerate(hosts.split(","))
    }
    return next(one for one in get_args(ServerState) if one in found)


def _standing(host: str, port: str) -> ServerState:
    try:
        with _socket(host, int(port)) as asked:
            asked.settimeout(ASK_TIMEOUT_S)
            asked.sendall(STARTUP)
            answer = asked.recv(1024)
    except (OSError, ValueError, OverflowError):
        return "gone"
    return "coming" if answer[:1] == b"E" and b"\0C57P03\0" in answer else "up"


def _socket(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), ASK_TIMEOUT_S)
    local = socket.socket(socket.AF_UNIX)
    local.settimeout(ASK_TIMEOUT_S)
    local.connect(f"{host}/.s.PGSQL.{port}")
    return local
