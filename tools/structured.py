"""How a model is asked for an answer in a schema: in the way it supports, or in words."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence
from pydantic import BaseModel


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
