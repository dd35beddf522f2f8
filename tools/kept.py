"""Answers that were kept: found again by the question, the model, and which sample it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumps
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration

from geofix.tools.addresses import address_of
from geofix.tools.chat import model_name


class Kept:
    """The cache of one model, asked in one way.

    LangChain's own look-up knows neither samples nor temperatures: asked three times, it would give
    one answer three times. So we look up ourselves, and LangChain is told not to.
    """

    def __init__(self, cache: BaseCache, key: str, sample: int) -> None:
        """Use `kept_for` instead."""
        self._cache = cache
        self._key = key if sample == 0 else f"{key}|sample {sample}"

    def find(self, messages: Sequence[BaseMessage]) -> Any | None:
        """Return the message that answered this very question, if it is kept."""
        found = self._cache.lookup(dumps(list(messages)), self._key)
        first = found[0] if found else None
        return first.message if isinstance(first, ChatGeneration) else None

    def keep(self, messages: Sequence[BaseMessage], raw: Any) -> None:
        """Keep the message that answered."""
        self._cache.update(dumps(list(messages)), self._key, [ChatGeneration(message=raw)])


def cache_of(model: BaseChatModel) -> BaseCache | None:
    """Return the cache a model was given, or the one LangChain was given for all models."""
    if isinstance(model.cache, BaseCache):
        return model.cache
    return None if model.cache is False else get_llm_cache()


def kept_for(
    model: BaseChatModel,
    options: dict[str, Any],
    *,
    temperature: float | None,
    keep: bool | None,
    sample: int,
) -> Kept | None:
    """Return where answers to this way of asking are kept; None if they are not.

    Args:
        model: What is asked; only what it was given a cache for is kept.
        options: What goes with the call besides words.
        temperature: At which it answers; None if the model decides.
        keep: Whether to keep answers; None keeps them unless the temperature is known to be above
            0, where another answer each time is what was asked for.
        sample: Which of several answers to the same question, from 0.
    """
    cache = cache_of(model)
    if cache is None or keep is False or (keep is None and (temperature or 0) > 0):
        return None
    shown = {name: value for name, value in options.items() if not name.startswith("ls_")}
    key = f"{_identity(model)}{model._get_llm_string(**shown)}|temperature {temperature}"
    return Kept(cache, key, sample)


def _identity(model: BaseChatModel) -> str:
    """Return which model it is, where LangChain's own string leaves that out.

    It names the model only for clients it can serialise: of Ollama's it holds class and options
    alone, so one model would be given another's answers.
    """
    if model.is_lc_serializable():
        return ""
    return f"{model_name(model)} at {address_of(model).host}|"
