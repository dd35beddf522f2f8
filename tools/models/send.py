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
from langgraph.constants import TAG_NOSTREAM
from pydantic import BaseModel

from geofix.tools.models.privacy import IN_PROCESS, address_of
from geofix.tools.models.providers import SchemaForm, provider_of
from geofix.tools.models.traced import QuotedError, without_pictures


@dataclass(frozen=True, slots=True)
class Form:
    """How the answer is asked for."""

    options: dict[str, Any]
    """What goes with the call; the client turns it into the provider's own request."""
    chain: Runnable[Any, Any] | None = None
    """Called instead where a client does not show its options; gives `{"raw": message}`."""
    in_words: bool = False
    """Whether the schema stands in the prompt, since nothing else carries it."""


IN_WORDS = Form({}, in_words=True)

FREE_FORM = Form({})
"""No schema goes along: the question says itself in which form to answer."""


def form_for(model: BaseChatModel, schema: type[BaseModel]) -> Form:
    """Return how to ask a model for `schema`."""
    *better, last = provider_of(model).schema_forms
    for schema_form in better:
        with warnings.catch_warnings(action="ignore"):
            form = _form(model, schema, schema_form)
        if schema_form.requires in form.options:
            return form
    return _form(model, schema, last)


def _form(model: BaseChatModel, schema: type[BaseModel], schema_form: SchemaForm) -> Form:
    wanted: Any = schema if schema_form.as_class else json_schema(schema)
    how = schema_form.options
    try:
        chain = model.with_structured_output(wanted, **how)
        first = chain.first if isinstance(chain, RunnableSequence) else chain
        if isinstance(first, RunnableSequence):
            first = first.first
        if isinstance(first, RunnableBinding) and first.bound is model:
            return Form(dict(first.kwargs))
        return Form({}, chain=model.with_structured_output(wanted, include_raw=True, **how))
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


def own_limit(model: BaseChatModel) -> dict[str, int | None]:
    """Return the field of a model that limits an answer's tokens, with its value.

    Empty where the model has no such field: a class of the caller's own.
    """
    name = provider_of(model).answer_tokens_field
    return {name: getattr(model, name)} if name in type(model).model_fields else {}


LONGEST_CALL_S = 600.0
"""Longest call, seconds, of a model handed over as an object without a time-out of its own."""


class _Reported(BaseCallbackHandler):
    """Hears what the server said of the whole response; of several answers none carries it."""

    def __init__(self) -> None:
        self.output: dict[str, Any] = {}

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.output = response.llm_output or {}


def gives_several(model: BaseChatModel) -> bool:
    """Tell whether one call can give several answers (`n`)."""
    responses_api = bool(getattr(model, "use_responses_api", False))
    several = provider_of(model).several_answers and "n" in type(model).model_fields
    return several and not responses_api


def send(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    form: Form,
    *,
    samples: int = 1,
    timeout_s: float | None = None,
    trace_photos: bool = False,
) -> tuple[list[Any], dict[str, Any]]:
    """Ask once; the run's callbacks hear of it, its token usage included.

    Args:
        model: What is asked; from `hiding_pictures` unless `trace_photos`.
        messages: The question.
        form: How the answer is asked for.
        samples: How many answers one call is to give; only where `gives_several`.
        timeout_s: For the client, where it is to be shorter than its own; to a client it is the
            longest silence, so the caller bounds the whole call.
        trace_photos: Whether callbacks see the pictures, and not their hash.

    Returns:
        The messages it answered, as many as the server gave; and what the server said beside them.

    Raises:
        Exception: Whatever the client raises; every provider has classes of its own.
    """
    if trace_photos:
        return _sent(model, messages, form, samples, timeout_s)
    with without_pictures(messages) as bare:
        try:
            return _sent(model, bare, form, samples, timeout_s)
        except QuotedError as caught:
            quoted = caught
    # Here and not `from None` there, which would take the error's own cause away.
    raise quoted.error


def _sent(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    form: Form,
    samples: int,
    timeout_s: float | None,
) -> tuple[list[Any], dict[str, Any]]:
    config = ensure_config()
    # Else a host that streams messages is given the tokens of a draft among those of its own.
    config["tags"] = [*config["tags"], TAG_NOSTREAM]
    if form.chain is not None:
        return [form.chain.invoke(list(messages), config)["raw"]], {}
    options = {**form.options, **_timeout(model, timeout_s)}
    if samples > 1:
        options["n"] = samples
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
    own = _own_timeout(model)
    return own if own is not None and own > 0 else LONGEST_CALL_S


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
    if timeout_s is None or not provider_of(model).timeout_per_call:
        return {}
    own = _own_timeout(model)
    return {"timeout": timeout_s if own is None else min(own, timeout_s)}


def _own_timeout(model: BaseChatModel) -> float | None:
    """Return the time-out a model was set up with, seconds."""
    name = provider_of(model).timeout_field
    own = None if name is None else getattr(model, name, None)
    own = own.get("timeout") if isinstance(own, dict) else own
    return float(own) if isinstance(own, int | float) else None
