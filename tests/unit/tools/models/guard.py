"""A socket guard: whatever tries to leave this machine is refused, and the test fails by it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from geofix.tools.models.privacy import is_loopback


@contextmanager
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Refuse every connection and every look-up that is not of this machine.

    Yields:
        What was tried, which a client may have swallowed; the caller looks at it.
    """
    tried: list[str] = []

    def judged(real: Any, host_of: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            host = host_of(*arguments, **options)
            if host is not None and not is_loopback(str(host)):
                tried.append(str(host))
                raise OSError(f"the guard refuses {host!r}")
            return real(*arguments, **options)

        return call

    def peer(one: socket.socket, address: Any, *rest: Any) -> Any:
        # A path is a socket of this machine.
        return address[0] if isinstance(address, tuple) else None

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, judged(getattr(socket.socket, name), peer))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        looked_up = judged(getattr(socket, name), lambda host, *rest, **options: host)
        monkeypatch.setattr(socket, name, looked_up)
    yield tried


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with guarded(monkeypatch) as tried:
        yield tried
    assert tried == []
