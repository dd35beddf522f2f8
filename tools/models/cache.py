"""The model's answers, kept in Postgres and found again by question, model and sample.

An answer is found by the whole prompt, pictures included, and by the model with its options, so
that a run asked again is identical and free. Image blocks must carry no random ids, or it never
hits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from langchain_core.caches import RETURN_VAL_TYPE, BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration
from sqlalchemy import Engine, delete, select

from geofix.db.engine import database_errors
from geofix.db.tables import AnswerRow
from geofix.tools.errors import quiet
from geofix.tools.models.privacy import address_of
from geofix.tools.models.providers import model_name

if TYPE_CHECKING:
    from langchain_community.cache import SQLAlchemyMd5Cache


class AnswerCache(BaseCache):
    """Answers in Postgres. A database that fails raises `DatabaseError`; no model is blamed."""

    def __init__(self, community: SQLAlchemyMd5Cache, engine: Engine) -> None:
        """Use `answer_cache` instead."""
        self._community = community
        self._engine = engine

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """Return the answer to exactly this prompt by exactly this model, if one is kept."""
        # The package's own `lookup` would revive any core class of LangChain that a row names.
        kept = (
            select(AnswerRow.response)
            .where(AnswerRow.prompt_md5 == self._community.get_md5(prompt))
            .where(AnswerRow.llm == llm_string, AnswerRow.prompt == prompt)
            .order_by(AnswerRow.idx)
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            responses = connection.execute(kept).scalars().all()
        # Quiet, since LangChain calls `loads` beta.
        with quiet():
            found = [loads(one, allowed_objects=[ChatGeneration, AIMessage]) for one in responses]
        return found or None

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Keep an answer instead of the one kept before."""
        with database_errors(self._engine):
            self._community.update(prompt, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        """Forget every answer."""
        # The package's own `clear` calls a method that no mapped class has.
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(delete(AnswerRow))


def answer_cache(engine: Engine) -> AnswerCache:
    """Return the cache of model answers in the database of `engine`, which is set up.

    Raises:
        DatabaseError: The database cannot be reached.
    """
    # The package announces its own sunset on import.
    with quiet():
        from langchain_community.cache import (  # noqa: PLC0415 - two seconds, seldom wanted
            SQLAlchemyMd5Cache,
        )

    with database_errors(engine):
        return AnswerCache(SQLAlchemyMd5Cache(engine, AnswerRow), engine)  # type: ignore[arg-type]


class Journal(Protocol):
    """Keeps what a model answered within one piece of work, so that a second try does not pay."""

    def ask_kept(self, request: str) -> tuple[int, str | None]:
        """Return which of several equal requests this one is, and its answer if that is kept."""
        ...

    def keep(self, request: str, number: int, answer: str) -> None:
        """Keep the answer to a request."""
        ...


@dataclass(frozen=True, slots=True)
class CallResult:
    """What came of one call."""

    raws: list[Any]
    """The messages."""
    said: dict[str, Any]
    """What the server said beside them."""
    notes: list[str]
    """What the call had to do without."""

    def written(self) -> str:
        """Return it as JSON.

        Raises:
            RecursionError, ValueError, TypeError: It is nested too deep, or no JSON.
        """
        beside = json.dumps({"said": self.said, "notes": self.notes})
        return json.dumps({"messages": dumps(self.raws), "beside": beside})

    @classmethod
    def read(cls, written: str) -> Self:
        """Return what was written."""
        kept = json.loads(written)
        with quiet():
            raws = loads(kept["messages"], allowed_objects=[AIMessage])
        return cls(raws, **json.loads(kept["beside"]))


class KeptAnswers:
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
) -> KeptAnswers | None:
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
    return KeptAnswers(cache, asking_key(model, options, temperature), sample)


def asking_key(model: BaseChatModel, options: dict[str, Any], temperature: float | None) -> str:
    """Return text that is equal where a model is asked in the same way."""
    shown = {name: value for name, value in options.items() if not name.startswith("ls_")}
    return f"{_identity(model)}{model._get_llm_string(**shown)}|temperature {temperature}"


def _identity(model: BaseChatModel) -> str:
    """Return which model it is, where LangChain's own string leaves that out.

    It names the model only for clients it can serialise: of Ollama's it holds class and options
    alone, so one model would be given another's answers.
    """
    if model.is_lc_serializable():
        return ""
    return f"{model_name(model)} at {address_of(model).host}|"
