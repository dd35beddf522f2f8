"""Real chat servers on loopback, scripted by the test: they say what it wants, or fail on cue."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

TOKENS_IN, TOKENS_OUT = 812, 64
"""What every answer says that it cost."""


@dataclass(frozen=True)
class Raw:
    """A response as it goes over the wire, instead of a well-formed answer."""

    status: int = 200
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Hang up in the middle of the body."""
    silent: bool = False
    """Say nothing until the server is closed."""
    drips: Literal["headers", "body"] | None = None
    """Where a byte every hundredth of a second comes from then on, until the server is closed."""


@dataclass(frozen=True)
class Finished:
    """An answer with a finish reason of its own, or a refusal instead of words."""

    text: str | None
    reason: str = "stop"
    refusal: str | None = None
    others: tuple[str, ...] = ()
    """What further choices of the same response say."""
    model: str | None = None
    """Name of the model that answers; else the one asked for."""
    fingerprint: str | None = None
    uncounted: bool = False
    """Whether the response says nothing of tokens."""
    from_cache: int = 0
    """How many tokens of the input the server had in its cache."""


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    text: str
    """The whole body."""

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed


Script = Sequence[str | Finished | Raw]
By = Callable[["Received"], str | Finished | Raw]
"""Says what a request is answered with, however many there are."""
Protocol = Callable[[Finished, str], str]


class ChatServer(ThreadingHTTPServer):
    """Answers one request after the other by its script, then all by `by`; 418 without one."""

    def __init__(self, protocol: Protocol, script: Script, by: By | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.protocol = protocol
        self.script = list(script)
        self.by = by or (lambda request: Raw(418, "the script is over"))
        self.received: list[Received] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    # HTTP/1.0: every response ends its connection, so that none is left open by a test.
    server: ChatServer

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["content-length"])).decode()
        request = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, text)
        self.server.received.append(request)
        script = self.server.script
        step = script.pop(0) if script else self.server.by(request)
        if not isinstance(step, Raw):
            answer = step if isinstance(step, Finished) else Finished(step)
            # Google's protocol has the model in the path: /v1beta/models/NAME:generateContent
            asked = request.body.get("model") or self.path.rpartition("/")[2].partition(":")[0]
            step = Raw(body=self.server.protocol(answer, answer.model or asked))
        self._send(step)

    def _send(self, raw: Raw) -> None:
        if raw.silent:
            self.server.closing.wait()
            return
        if raw.drips is not None:
            self._drip(raw.drips)
            return
        body = raw.body.encode() if isinstance(raw.body, str) else raw.body
        self.send_response(raw.status)
        for name, value in {"content-type": "application/json", **raw.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if raw.cut else body)

    def _drip(self, where: str) -> None:
        begun = "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n"
        self.wfile.write(
            f"{begun}{'x-drip: ' if where == 'headers' else chr(13) + chr(10)}".encode()
        )
        with suppress(OSError):
            while not self.server.closing.wait(0.01):
                self.wfile.write(b" ")

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""


def openai_answer(answer: Finished, model: str) -> str:
    """Return a response of POST /v1/chat/completions."""
    said = [{"role": "assistant", "content": answer.text, "refusal": answer.refusal}]
    said += [{"role": "assistant", "content": text, "refusal": None} for text in answer.others]
    usage = {
        "prompt_tokens": TOKENS_IN,
        "completion_tokens": TOKENS_OUT,
        "total_tokens": TOKENS_IN + TOKENS_OUT,
        "prompt_tokens_details": {"cached_tokens": answer.from_cache},
    }
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "system_fingerprint": answer.fingerprint,
            "choices": [
                {"index": index, "message": message, "finish_reason": answer.reason}
                for index, message in enumerate(said)
            ],
            "usage": None if answer.uncounted else usage,
        }
    )


def ollama_answer(answer: Finished, model: str) -> str:
    """Return a response of POST /api/chat: a line of JSON for what is said, one for the end."""
    when = {"model": model, "created_at": "2026-11-22T00:00:00Z"}
    said = {**when, "message": {"role": "assistant", "content": answer.text}, "done": False}
    end = {
        **when,
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": answer.reason,
        "prompt_eval_count": TOKENS_IN,
        "eval_count": TOKENS_OUT,
    }
    return f"{json.dumps(said)}\n{json.dumps(end)}\n"


def anthropic_answer(answer: Finished, model: str) -> str:
    """Return a response of POST /v1/messages that calls the tool the schema became.

    With a finish reason of its own it is text instead.
    """
    called = {"type": "tool_use", "id": "toolu_1", "name": "DraftAnswer"}
    if answer.reason == "stop":
        content = {**called, "input": json.loads(answer.text or "{}")}
    else:
        content = {"type": "text", "text": answer.text or ""}
    return json.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [content],
            "stop_reason": "tool_use" if answer.reason == "stop" else answer.reason,
            "stop_sequence": None,
            "usage": {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT},
        }
    )


def google_answer(answer: Finished, model: str) -> str:
    """Return a response of POST /v1beta/models/NAME:generateContent."""
    content = {"role": "model", "parts": [{"text": answer.text or ""}]}
    usage = {
        "promptTokenCount": TOKENS_IN,
        "candidatesTokenCount": TOKENS_OUT,
        "totalTokenCount": TOKENS_IN + TOKENS_OUT,
    }
    finished = {"content": content, "finishReason": answer.reason.upper(), "index": 0}
    blocked = {"promptFeedback": {"blockReason": answer.refusal}}
    said = {"candidates": [finished]} if answer.refusal is None else blocked
    return json.dumps({**said, "modelVersion": model, "usageMetadata": usage})


@contextmanager
def chat_server(
    protocol: Protocol, *script: str | Finished | Raw, by: By | None = None
) -> Iterator[ChatServer]:
    """Run a server that speaks `protocol` by `script`, in a thread, on a free port."""
    server = ChatServer(protocol, script, by)
    # It looks for the end of its life that often, seconds.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
