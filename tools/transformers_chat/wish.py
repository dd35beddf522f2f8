"""What is wanted of one generation, out of a model's fields and a call's options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from geofix.tools.errors import ModelError
from geofix.tools.transformers_chat.structured import json_schema_of

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
        ModelError: An option is unknown or out of range, or the schema is none.
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
        raise ModelError(f"a temperature of {temperature!r} is none; give 0 or more")
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
