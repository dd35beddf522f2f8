"""What is wanted of one generation: options, schema, and when to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

import torch
from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from pydantic import BaseModel
from torch import Tensor

from geofix.tools.errors import ModelError


def json_schema_of(schema: Any) -> dict[str, Any]:
    """Return a pydantic class, or a JSON schema, as JSON schema.

    Raises:
        ModelError: It is neither.
    """
    if isinstance(schema, dict):
        return schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_json_schema()
    raise ModelError(f"{schema!r} is not a schema; give a pydantic class or a JSON schema")


def structured(model: BaseChatModel, schema: Any, *, include_raw: bool) -> Runnable[Any, Any]:
    """Return a chain that gives the object, or `raw`, `parsed` and `parsing_error`.

    Raises:
        ModelError: The schema is neither.
    """
    bound = model.bind(response_schema=json_schema_of(schema))
    parser: Runnable[Any, Any] = (
        JsonOutputParser()
        if isinstance(schema, dict)
        else PydanticOutputParser(pydantic_object=schema)
    )
    if not include_raw:
        return bound | parser
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=bound) | parsed.with_fallbacks([failed], exception_key="parsing_error")


_OPTIONS = frozenset(
    {
        "max_new_tokens",
        "n",
        "response_schema",
        "temperature",
        "think",
        "think_tokens",
        "timeout",
    }
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of one generation."""

    samples: int = 1
    temperature: float | None = None
    """None leaves sampling to the model's own generation_config.json."""
    max_new_tokens: int = 1024
    stop: tuple[str, ...] = ()
    """Texts that end an answer."""
    schema: dict[str, Any] | None = None
    """JSON schema the answer is held to."""
    think_tokens: int | None = None
    """Most tokens of free text before the answer; None for none."""


class Defaults(Protocol):
    """What a model wants where a call does not say."""

    n: int
    temperature: float | None
    max_new_tokens: int
    think: bool
    think_tokens: int


def wish_of(model: Defaults, stop: list[str] | None, options: dict[str, Any]) -> Wish:
    """Return what a call wants.

    Raises:
        ModelError: An option is unknown or out of range, or the schema is not one.
    """
    # Some are for LangSmith's eyes, and `stream` is LangChain's own.
    unknown = [
        name for name in options.keys() - _OPTIONS - {"stream"} if not name.startswith("ls_")
    ]
    if unknown:
        raise ModelError(
            f"a model in this process has no option {min(unknown)!r}; its options are"
            f" {', '.join(sorted(_OPTIONS))}"
        )
    given = {name: value for name, value in options.items() if value is not None}
    schema = given.get("response_schema")
    think = given.get("think", model.think)
    temperature = given.get("temperature", model.temperature)
    if temperature is not None and not temperature >= 0:
        raise ModelError(f"the temperature cannot be {temperature!r}; give 0 or more")
    return Wish(
        samples=_count("n", given.get("n", model.n)),
        temperature=temperature,
        max_new_tokens=_count("max_new_tokens", given.get("max_new_tokens", model.max_new_tokens)),
        stop=tuple(stop or ()),
        schema=None if schema is None else json_schema_of(schema),
        think_tokens=(
            _count("think_tokens", given.get("think_tokens", model.think_tokens)) if think else None
        ),
    )


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ModelError(f"{name} cannot be {value!r}; give a whole number, 1 or more")
    return value


class Watch:
    """A stopping criterion of transformers that also passes each token on.

    It is asked between tokens: one forward pass, the prompt's above all, is never cut short.
    """

    def __init__(
        self, deadline: float | None, on_tokens: Callable[[list[int]], None] | None = None
    ) -> None:
        """Begin.

        Args:
            deadline: On the clock of `time.monotonic`, seconds.
            on_tokens: Hears the token each sample was given, one call a step.
        """
        self.thinking = False
        """Whether what comes is thought before the answer."""
        self._late = False
        self._deadline = deadline
        self._on_tokens = on_tokens
        self._cancelled = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether it ended before the answer did."""
        return self._late or self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop after the next token; from any thread."""
        self._cancelled.set()

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: object) -> Tensor:
        """Return for each sample whether it is to stop, `[samples]`."""
        if self._on_tokens is not None:
            self._on_tokens(input_ids[:, -1].tolist())
        self._late = self._deadline is not None and time.monotonic() >= self._deadline
        count, where = len(input_ids), input_ids.device
        return torch.full((count,), self.stopped, dtype=torch.bool, device=where)
