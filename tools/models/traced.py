"""What callbacks and tracers see of a call: every word, and each picture by its hash.

A chat model shows its callbacks the messages it is given, so it is given messages without pictures;
its client gets the real ones just before it builds the request. Were that to fail, the server would
be sent a hash, and no tracer a picture.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache, wraps
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables.config import var_child_runnable_config

from geofix.db.errors import GeofixError
from geofix.tools.models.failures import chain, without_base64, words_of
from geofix.tools.models.privacy import picture_of, untraced

BY_HASH = "sha256:"
"""Stands before the hash of a picture: of the JPEG that is sent, as the trail names it."""

Block = dict[str, Any]

_PICTURES: ContextVar[Mapping[str, Block]] = ContextVar("pictures", default={})  # noqa: B039 - never changed
"""The blocks of the call that is being made, by reference."""


@contextmanager
def without_pictures(messages: Sequence[BaseMessage]) -> Iterator[list[BaseMessage]]:
    """Give the messages with each picture replaced by its hash.

    A model from `hiding_pictures` that is called inside has its client send the pictures.
    """
    pictures: dict[str, Block] = {}

    def hidden(block: Block) -> Block:
        picture = picture_of(block)
        if picture is None:
            return block
        digest = hashlib.sha256(base64.b64decode(picture)).hexdigest()
        pictures[BY_HASH + digest] = block
        return {"type": "image", "url": BY_HASH + digest}

    bare = [_changed(message, hidden) for message in messages]
    token = _PICTURES.set(pictures)
    try:
        yield bare
    finally:
        _PICTURES.reset(token)


def hiding_pictures(model: BaseChatModel) -> BaseChatModel:
    """Return a copy of a model whose client is sent the pictures its callbacks do not see."""
    copied = model.model_copy()
    # A copy of an instance, since it holds a client and keys that cannot be given again.
    object.__setattr__(copied, "__class__", _hiding_class(type(model)))
    return copied


def _with_pictures(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    pictures = _PICTURES.get()

    def shown(block: Block) -> Block:
        url = block.get("url")
        if not isinstance(url, str) or not url.startswith(BY_HASH):
            return block
        return dict(pictures[url])

    return [_changed(message, shown) for message in messages]


def _changed(message: BaseMessage, change: Callable[[Block], Block]) -> BaseMessage:
    if isinstance(message.content, str):
        return message
    content = [change(one) if isinstance(one, dict) else one for one in message.content]
    return message.model_copy(update={"content": content})


@cache
def _hiding_class(kind: type[BaseChatModel]) -> type[BaseChatModel]:
    """Return a class like `kind`, also by name, whose client gets the pictures.

    Of the methods that build requests, those for synchronous calls: geofix makes no others.
    """

    @wraps(kind._generate)
    def generate(self: Any, messages: list[BaseMessage], *args: Any, **options: Any) -> Any:
        shown = _with_pictures(messages)
        # A model that calls others would show them the pictures under the run's callbacks.
        inside = copy_context()
        inside.run(var_child_runnable_config.set, None)

        def call() -> Any:
            with untraced(True):
                return kind._generate(self, shown, *args, **options)

        try:
            return inside.run(call)
        except GeofixError:
            raise
        # Every client raises classes of its own.
        except Exception as error:
            said = [str(one) for one in chain(error, hidden=True)]
            if said == [without_base64(one) for one in said]:
                raise
            raise QuotedError(error) from None

    replaced: dict[str, Any] = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "_generate": generate,
    }
    for name in ("_stream", "_stream_chat_model_events"):
        # LangChain asks whether a class has them.
        streams = getattr(kind, name, None)
        if streams is not None and streams is not getattr(BaseChatModel, name, None):
            replaced[name] = _streaming(streams)
    metaclass: Any = type(kind)
    made: type[BaseChatModel] = metaclass(kind.__name__, (kind,), replaced)
    return made


def _streaming(streams: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(streams)
    def stream(self: Any, messages: list[BaseMessage], *args: Any, **options: Any) -> Any:
        return streams(self, _with_pictures(messages), *args, **options)

    return stream


class QuotedError(Exception):
    """Stands for a client's error that quotes a picture, wherever callbacks see it."""

    def __init__(self, error: Exception) -> None:
        """Say what the error says, without the picture."""
        super().__init__(without_base64(f"{type(error).__name__}: {words_of(error)}"))
        self.error = error
        """What the client raised."""
