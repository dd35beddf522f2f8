"""What listens to a run: a host's callback handler, and a server that poses as LangSmith's."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import zstandard
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import ChatGeneration, LLMResult


class Listener(BaseCallbackHandler):
    """A host's callback handler; it keeps all it is shown."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.tokens: list[Any] = []

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        return lambda *given, **named: self.hear(name, given, named)

    def hear(self, name: str, given: Any, named: Any) -> None:
        self.heard.append((name, repr((given, named))))
        if name == "on_llm_end" and isinstance(given[0], LLMResult):
            made = given[0].generations[0][0]
            assert isinstance(made, ChatGeneration)
            self.tokens.append(getattr(made.message, "usage_metadata", None))

    @property
    def everything(self) -> str:
        return "\n".join(text for _, text in self.heard)

    def names(self) -> set[str]:
        return {name for name, _ in self.heard}


class Collector(ThreadingHTTPServer):
    """Keeps what it is posted, unpacked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def everything(self) -> str:
        return "\n".join(self.bodies)


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_GET(self) -> None:
        """Say what LangSmith's clients ask first: that runs may come many at once, packed."""
        ways = {
            "use_multipart_endpoint": True,
            "scale_up_qsize_trigger": 1000,
            "scale_up_nthreads_limit": 1,
            "scale_down_nempty_trigger": 4,
            "size_limit": 100,
            "size_limit_bytes": 20_000_000,
        }
        flags = {"zstd_compression_enabled": True}
        self._answer({"version": "0.12.0", "batch_ingest_config": ways, "instance_flags": flags})

    def do_POST(self) -> None:
        if self.headers.get("transfer-encoding") == "chunked":
            data = b"".join(self._chunks())
        else:
            data = self.rfile.read(int(self.headers["content-length"]))
        packed = self.headers.get("content-encoding")
        if packed == "zstd":
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        elif packed == "gzip":
            data = gzip.decompress(data)
        self.server.bodies.append(data.decode("utf-8", "replace"))
        self._answer({})

    do_PATCH = do_POST

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, said: dict[str, Any]) -> None:
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""


@contextmanager
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
