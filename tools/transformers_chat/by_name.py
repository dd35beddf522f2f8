"""From `transformers:NAME@REVISION?option=value` to a chat model. Reads no weights."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError

from geofix.tools.errors import ModelError
from geofix.tools.transformers_chat.model import TransformersChat

OPTIONS = (
    "device",
    "dtype",
    "max_new_tokens",
    "quantization",
    "temperature",
    "think",
    "think_tokens",
)
"""What a name may say behind a question mark: fields of `TransformersChat`."""


def model_by_name(
    spec: str, *, timeout_s: float, base_url: str | None = None, api_key: str | None = None
) -> TransformersChat:
    """Return the model; its weights are read at the first question.

    Args:
        spec: Such as `transformers:Qwen/Qwen2.5-VL-7B-Instruct`, with a commit or tag behind an
            `@` and options as in an address: `transformers:/models/qwen?quantization=4bit`.
        timeout_s: Longest time for one answer, once its turn came, seconds.
        base_url: Refused: there is no server.
        api_key: Refused: there is nobody to show it to.

    Raises:
        ModelError: There is no such folder, an option is unknown or out of range, or the model is
            not on this machine and downloads are forbidden.
    """
    if base_url is not None or api_key is not None:
        raise ModelError(
            f"the model {spec!r} runs in this process and takes neither an address nor a key; unset"
            " GEOFIX_MODEL_URL and GEOFIX_MODEL_API_KEY"
        )
    name, _, query = spec.partition(":")[2].partition("?")
    options: dict[str, Any] = {"temperature": 0.0, **_options(spec, query)}
    try:
        return TransformersChat(model=name, timeout_s=timeout_s, **options)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelError(f"the model {spec!r} cannot be set up: {wrong}") from None


def _options(spec: str, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(options.keys() - set(OPTIONS))
    if unknown:
        raise ModelError(
            f"the model {spec!r} has no option {unknown[0]!r}; its options are {', '.join(OPTIONS)}"
        )
    return options
