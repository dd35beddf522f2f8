"""A way to a real server that can be shut, and a clock that runs when somebody waits."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from types import TracebackType
from typing import Self

RECOVERING = b"".join(
    field + b"\0"
    for field in (b"SFATAL", b"VFATAL", b"C57P03", b"Mthe database system is in recovery mode", b"")
)
"""Fields of the message by which Postgres turns away who comes too early."""


class Door:
    """Hands every connection on to a server, byte by byte."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._sockets: list[socket.socket] = []
        self.recovering = 0
        """How many more connections are told that the server recovers."""
        self.port = 0

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shut()

    def open(self) -> None:
        """Take connections, always at the same port."""
        if self._sockets:
            return
        listening = socket.create_server(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        self._sockets = [listening]
        Thread(target=self._accept, args=(listening,), daemon=True).start()

    def shut(self) -> None:
        """Refuse connections and cut off those there are."""
        ended, self._sockets = self._sockets, []
        for one in ended:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                came, _ = listening.accept()
                self._sockets.append(came)
                Thread(target=self._serve, args=(came,), daemon=True).start()

    def _serve(self, came: socket.socket) -> None:
        with suppress(OSError):
            if self.recovering:
                self._turn_away(came)
                return
            there = socket.create_connection(self._to)
            self._sockets.append(there)
            Thread(target=_hand_on, args=(there, came), daemon=True).start()
            _hand_on(came, there)

    def _turn_away(self, came: socket.socket) -> None:
        # Whoever asks for encryption first (a length of 8) is told that there is none.
        while int.from_bytes(came.recv(4), "big") == 8:
            came.recv(4)
            came.sendall(b"N")
        self.recovering -= 1
        came.recv(65536)
        came.sendall(b"E" + (len(RECOVERING) + 4).to_bytes(4, "big") + RECOVERING)
        came.shutdown(socket.SHUT_WR)


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


class Clock:
    """Stands in for the module `time`: nobody really waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
