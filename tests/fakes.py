"""Test doubles: what the real thing would be is too large to have here, or must fail on cue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, RLock
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field, ValidationError


class ColorEncoder:
    """Embeds a photo by its mean color: photos of one color are alike, others are not."""

    name = "color"
    dimension = 3

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        means = [np.asarray(image, dtype=np.float32).mean(axis=(0, 1)) - 127.5 for image in images]
        vectors = np.array(means, dtype=np.float32).reshape(-1, 3)
        norms: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(norms, 1e-6)


class WatchedLock:
    """A lock that says when a thread has to wait for it, so that a test need not sleep."""

    def __init__(self) -> None:
        self._lock = RLock()
        self.awaited = Event()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self.awaited.set()
            self._lock.acquire()

    def __exit__(self, *raised: object) -> None:
        self._lock.release()


def both(*works: Callable[[], Any]) -> list[Any]:
    """Return what each gives, each called in a thread of its own."""
    with ThreadPoolExecutor(len(works)) as threads:
        return [done.result(timeout=60) for done in [threads.submit(work) for work in works]]


class ScriptedChat(BaseChatModel):
    """Answers what the test says, in order; an exception in the script is raised."""

    answers: list[Any]
    seen: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return {"ls_provider": "scripted", "ls_model_name": "one"}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.seen.append(messages)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        message = AIMessage(
            answer,
            usage_metadata={"input_tokens": 100, "output_tokens": 10, "total_tokens": 110},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        return self | RunnableLambda(lambda raw: _parsed(schema, raw))


class CallingChat(ScriptedChat):
    """Calls tools: an answer of the script is the arguments of a call, or a last word."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.seen.append(messages)
        answer = self.answers.pop(0)
        calls = answer if isinstance(answer, list) else []
        message = AIMessage(
            answer if isinstance(answer, str) else "",
            tool_calls=[
                {"name": "locate_photo", "args": args, "id": f"call-{number}"}
                for number, args in enumerate(calls)
            ],
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def _parsed(schema: type[BaseModel], raw: AIMessage) -> dict[str, Any]:
    try:
        return {
            "raw": raw,
            "parsed": schema.model_validate_json(raw.text),
            "parsing_error": None,
        }
    except ValidationError as error:
        return {"raw": raw, "parsed": None, "parsing_error": error}
