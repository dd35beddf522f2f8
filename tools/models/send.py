"""One request to a model through its client, in the schema's form it supports."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence
from langchain_core.runnables.config import ensure_config, get_callback_manager_for_config
from pydantic import BaseModel

from geofix.tools.models.privacy import IN_PROCESS, address_of


@dataclass(frozen=True, slots=True)
class Form:
    """How the answer is asked for."""

    options: dict[str, Any]
    """What goes with the call; the client turns it into the provider's own request."""
    chain: Runnable[Any, Any] | None = None
    """To be called instead, where a client does not show its options; gives `{"raw": message}`."""
    in_words: bool = False
    """Whether the schema stands in the prompt, since nothing else carries it."""


IN_WORDS = Form({}, in_words=True)


def form_for(model: BaseChatModel, schema: type[BaseModel]) -> Form:
    """Return how to ask a model for `schema`."""
    provider = str(model._get_ls_params().get("ls_provider"))
    as_json = json_schema(schema)
    # As a dict, since openai's client checks an answer against a class while it reads it, and
    # raises without saying what the model wrote.
    if provider in {"openai", "azure"}:
        return _form(model, as_json, method="json_schema", strict=True)
    # Tool calling is the default of some clients, and many vision models have none.
    if provider in {"ollama", "google_genai", "transformers"}:
        return _form(model, as_json, method="json_schema")
    if provider == "anthropic":
        # Models that think refuse to be forced to call a tool, and the client only warns of it.
        with warnings.catch_warnings(action="ignore"):
            forced = _form(model, schema)
        if "tool_choice" in forced.options:
            return forced
        return _form(model, schema, method="json_schema")
    return _form(model, schema)


def _form(model: BaseChatModel, schema: Any, **how: Any) -> Form:
    try:
        chain = model.with_structured_output(schema, **how)
        first = chain.first if isinstance(chain, RunnableSequence) else chain
        if isinstance(first, RunnableSequence):
            first = first.first
        if isinstance(first, RunnableBinding) and first.bound is model:
            return Form(dict(first.kwargs))
        return Form({}, chain=model.with_structured_output(schema, include_raw=True, **how))
    except NotImplementedError:
        return IN_WORDS


@lru_cache(maxsize=32)
def json_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return a class as JSON schema; not to be changed, since it is made once."""
    return schema.model_json_schema()


def in_words(messages: Sequence[BaseMessage], schema: type[BaseModel]) -> list[BaseMessage]:
    """Return the messages with the schema in the last one's words."""
    words = (
        "Answer with one JSON object that fits this JSON schema, and nothing else:\n"
        + json.dumps(json_schema(schema))
    )
    *before, last = messages
    # Into the same message: some chat templates want roles to alternate.
    if not isinstance(last, HumanMessage):
        return [*messages, HumanMessage(words)]
    if isinstance(last.content, str):
        return [*before, HumanMessage(f"{last.content}\n\n{words}")]
    return [*before, HumanMessage([*last.content, {"type": "text", "text": words}])]


_SEVERAL = frozenset({"openai", "azure", "transformers"})
_TIMED = {
    "openai": "request_timeout",
    "azure": "request_timeout",
    "anthropic": "default_request_timeout",
    "google_genai": "timeout",
    "transformers": "timeout_s",
}
"""Clients that take a time-out with the call, and where they keep their own."""

LONGEST_CALL_S = 600.0
"""Of a model that was handed over as an object and has no time-out of its own."""


class _Reported(BaseCallbackHandler):
    """Hears what the server said of the whole response; of several answers none carries it."""

    def __init__(self) -> None:
        self.output: dict[str, Any] = {}

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.output = response.llm_output or {}


def gives_several(model: BaseChatModel) -> bool:
    """Tell whether one call can give several answers (`n`)."""
    responses_api = bool(getattr(model, "use_responses_api", False))
    return _provider(model) in _SEVERAL and "n" in type(model).model_fields and not responses_api


def send(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    form: Form,
    *,
    samples: int = 1,
    timeout_s: float | None = None,
) -> tuple[list[Any], dict[str, Any]]:
    """Ask once.

    Args:
        model: What is asked.
        messages: The question.
        form: How the answer is asked for.
        samples: How many answers one call is to give; only where `gives_several`.
        timeout_s: For the client, where it is to be shorter than its own; to a client it is the
            longest silence, so the caller bounds the whole call.

    Returns:
        The messages it answered, as many as the server gave; and what the server said beside them.

    Raises:
        Exception: Whatever the client raises; every provider has classes of its own.
    """
    if form.chain is not None:
        return [form.chain.invoke(list(messages))["raw"]], {}
    options = {**form.options, **_timeout(model, timeout_s)}
    if samples > 1:
        options["n"] = samples
    config = ensure_config()
    callbacks = get_callback_manager_for_config(config)
    reported = _Reported()
    callbacks.add_handler(reported, inherit=False)
    # Not `invoke`, which drops all answers but the first.
    result = model.generate([list(messages)], callbacks=callbacks, **options)
    generations = result.generations[0]
    raw = [one.message for one in generations if isinstance(one, ChatGeneration)]
    return raw, reported.output


def longest_call_s(model: BaseChatModel) -> float | None:
    """Return how long one call may take, seconds: the client's own time-out, as a whole.

    None for a model in this process: one from `transformers_chat` counts its time itself, once its
    turn came, and another is the host application's.
    """
    if address_of(model).host == IN_PROCESS:
        return None
    name = _TIMED.get(_provider(model))
    options = getattr(model, "client_kwargs", None)
    own = getattr(model, name, None) if name else None
    if own is None and isinstance(options, dict):
        own = options.get("timeout")
    return float(own) if isinstance(own, int | float) and own > 0 else LONGEST_CALL_S


def salvaged(error: BaseException) -> list[AIMessage]:
    """Return the answers openai's client threw away with an exception: cut off, or filtered."""
    completion: Any = getattr(error, "completion", None)
    if completion is None or not completion.choices:
        return []
    said = {
        "model_name": completion.model,
        "system_fingerprint": completion.system_fingerprint,
    }
    return [
        AIMessage(
            # The client does not check what it read: a choice may be no object or hold no message.
            str(getattr(getattr(choice, "message", None), "content", None) or ""),
            usage_metadata=_counts(completion.usage),
            response_metadata={**said, "finish_reason": getattr(choice, "finish_reason", None)},
        )
        for choice in completion.choices
    ]


def _counts(usage: Any) -> UsageMetadata | None:
    """Return what openai's client read, which it does not check, if all of it are numbers."""
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    read, written, both = (getattr(usage, name, None) for name in names)
    if not (isinstance(read, int) and isinstance(written, int) and isinstance(both, int)):
        return None
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=both)


def _timeout(model: BaseChatModel, timeout_s: float | None) -> dict[str, float]:
    name = _TIMED.get(_provider(model))
    if timeout_s is None or name is None:
        return {}
    own = getattr(model, name, None)
    return {"timeout": min(own, timeout_s) if isinstance(own, int | float) else timeout_s}


def _provider(model: BaseChatModel) -> str:
    return str(model._get_ls_params().get("ls_provider"))
