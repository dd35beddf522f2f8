"""A question with a picture, put to a real server on loopback that answers by a script."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from PIL import Image
from pydantic import BaseModel

from geofix.tools.models.ask import ModelAnswer, ask
from geofix.tools.models.load import load_chat_model
from geofix.tools.photo.read import to_jpeg
from tests.loopback import (
    ChatServer,
    Finished,
    Protocol,
    Raw,
    anthropic_answer,
    chat_server,
    google_answer,
    ollama_answer,
    openai_answer,
)

SILENT_S, TIMEOUT_S = 0.3, 60.0
"""How long a server is waited for that says nothing, and one that answers."""

PROTOCOLS: dict[str, tuple[Protocol, str]] = {
    "openai": (openai_answer, "/v1"),
    "ollama": (ollama_answer, ""),
    "anthropic": (anthropic_answer, ""),
    "google": (google_answer, ""),
}


class Spot(BaseModel):
    name: str


PARIS = '{"name": "Paris"}'
JPEG = to_jpeg(Image.new("RGB", (64, 48), "teal"))


def question(jpeg: bytes = JPEG) -> list[BaseMessage]:
    picture = {
        "type": "image",
        "base64": base64.b64encode(jpeg).decode("ascii"),
        "mime_type": "image/jpeg",
    }
    return [HumanMessage([{"type": "text", "text": "Image 1 is the photo."}, picture])]


@contextmanager
def served(
    provider: str, *script: str | Finished | Raw, **options: Any
) -> Iterator[tuple[BaseChatModel, ChatServer]]:
    """A model whose server answers by `script`."""
    protocol, path = PROTOCOLS[provider]
    silent = any(isinstance(step, Raw) and step.silent for step in script)
    options = {"timeout_s": SILENT_S if silent else TIMEOUT_S, **options}
    with chat_server(protocol, *script) as server:
        yield load_chat_model(f"{provider}:tiny", base_url=server.url + path, **options), server


def asked(
    provider: str, *script: str | Finished | Raw, **terms: Any
) -> tuple[ModelAnswer[Spot], ChatServer]:
    """Ask once."""
    with served(provider, *script) as (model, server):
        return ask(model, question(), Spot, **terms), server


def error(status: int, message: str, **headers: str) -> Raw:
    """A failure as servers word it; keys of headers with `_` for `-`."""
    body = f'{{"error": {{"message": "{message}", "code": {status}, "status": "FAILED"}}}}'
    return Raw(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
