"""What a model's server sends is bounded on its way in: time, bytes, lines, encoding, redirects.

`bind` puts the bounds on the HTTP client inside a LangChain model. geofix calls models
synchronously, so the client for synchronous calls is the one that is bound.
"""

from __future__ import annotations

import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")

MOST_BYTES = 16 * 1024 * 1024
"""Largest response, as received and after decompression; twenty long answers are 2 MB."""

MOST_LINES = 65_536
"""Most lines of a response. Ollama's client makes an object of each and joins them one by one."""

_GZIP = zlib.MAX_WBITS | 16
_BLOCK = 65_536


class ResponseError(Exception):
    """The response exceeds a bound. Not a `GeofixError`, since it counts as the model's failure."""


class Line:
    """The connections of one call, so that whoever gives it up can cut them.

    A time-out of an HTTP client is the longest silence. A server that sends a byte now and then
    would hold thread and connection for ever.
    """

    def __init__(self) -> None:
        """Begin without a connection."""
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    def carry(self, work: Callable[[], ResultT]) -> ResultT:
        """Return what `work` returns, and know the connections it opens meanwhile."""
        token = _CURRENT.set(self)
        try:
            return work()
        finally:
            _CURRENT.reset(token)

    def opened(self, opened: socket.socket) -> None:
        """Note a connection; one that is opened after the call was given up is cut at once."""
        with self._lock:
            self._sockets.append(opened)
            if self._is_cut:
                _shut(opened)

    def cut(self) -> None:
        """End every connection: who waits for one wakes up with an error."""
        with self._lock:
            self._is_cut = True
            for one in self._sockets:
                _shut(one)

    def check(self) -> None:
        """Raise if the call was given up.

        Raises:
            ResponseError: It was.
        """
        if self._is_cut:
            raise ResponseError("the call was given up before this response was complete")


_CURRENT: ContextVar[Line | None] = ContextVar("line", default=None)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        # Not the method of an SSLSocket, which forgets its TLS state: whoever reads would then take
        # what is left in the buffer for plain text.
        socket.socket.shutdown(one, socket.SHUT_RDWR)


def bind(client: Any) -> None:
    """Bound what an httpx client receives."""
    client.event_hooks = {"request": [_on_request], "response": [_on_response]}
    # A redirect would take the photo to a host that nobody was told of (`tools/models/privacy.py`).
    client.follow_redirects = False
    client.headers["accept-encoding"] = "identity"
    # A new connection for each call: `Line` learns of connections when they are opened. A handshake
    # is nothing beside an answer's seconds.
    client.headers["connection"] = "close"


def _on_request(request: Any) -> None:
    line = _CURRENT.get()
    if line is None:
        return

    def trace(event: str, info: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            opened = info["return_value"].get_extra_info("socket")
            if opened is not None:
                line.opened(opened)

    request.extensions["trace"] = trace


def _on_response(response: Any) -> None:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise ResponseError(
            f"the response is compressed as {encoding[:60]!r}, which geofix did not ask for;"
            " have the server send it uncompressed, or as gzip"
        )
    if encoding == "gzip":
        # Unpacked here, bounded; the client's own decoder is not.
        del response.headers["content-encoding"]
    kind: Any = type(response.stream)
    response.stream = _bounded_class(kind)(response.stream, encoding == "gzip")


class _Bounded:
    """The stream of a response."""

    def __init__(self, stream: Any, packed: bool) -> None:
        self._stream = stream
        self._packed = packed
        self._line = _CURRENT.get()

    def __iter__(self) -> Iterator[bytes]:
        raw = _counted(self._stream, "")
        parts = _counted(_unpacked(raw), " once it is unpacked") if self._packed else raw
        lines, half = 0, b""
        for part in parts:
            if self._line is not None:
                self._line.check()
            # An end may be cut in two: what may begin one is looked at with what comes.
            seen = half + part
            half = (
                seen[-2:] if seen[-2:] == b"\xe2\x80" else seen[-1:] if seen[-1:] in _BEGIN else b""
            )
            lines += len(_ENDS.findall(seen[: len(seen) - len(half)]))
            if lines > MOST_LINES:
                raise ResponseError(f"the response has more than {MOST_LINES:,} lines; {_LEFT}")
            yield part

    def close(self) -> None:
        self._stream.close()


_BEGIN = (b"\xc2", b"\xe2")

_LEFT = "the rest was not read"

_ENDS = re.compile(rb"[\n\r\x0b\x0c\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]")
"""What httpx ends a line at, in UTF-8; `\\r\\n` counts as two."""


def _counted(parts: Iterable[bytes], when: str) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > MOST_BYTES:
            raise ResponseError(f"the response has more than {MOST_BYTES:,} bytes{when}; {_LEFT}")
        yield part


def _unpacked(parts: Iterable[bytes]) -> Iterator[bytes]:
    unpack = zlib.decompressobj(_GZIP)
    try:
        for part in parts:
            rest = part
            while rest and not unpack.eof:
                yield unpack.decompress(rest, _BLOCK)
                rest = unpack.unconsumed_tail
    except zlib.error as error:
        raise ResponseError(f"the response claims to be gzip but is not: {error}") from error
    if not unpack.eof:
        raise ResponseError("the gzip response was cut off")


@cache
def _bounded_class(kind: Any) -> type[Any]:
    """Return the class of a bounded stream that the client of `kind` takes for one of its own."""
    base = next(one for one in kind.__mro__ if one.__name__ == "SyncByteStream")
    return type("BoundedStream", (_Bounded, base), {})
