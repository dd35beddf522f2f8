"""The model's answers, kept in Postgres and found again by question, model and sample.

An answer is found by the whole prompt, pictures included, and by the model with its options, so
that a run asked again is identical and free. Image blocks must carry no random ids, or it never
hits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.caches import RETURN_VAL_TYPE, BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration
from sqlalchemy import Engine, Integer, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from geofix.db.engine import database_errors
from geofix.tools.errors import quiet
from geofix.tools.models.privacy import address_of
from geofix.tools.models.providers import model_name

if TYPE_CHECKING:
    from langchain_community.cache import SQLAlchemyMd5Cache


_LOCK = 7_203_451
"""Of Postgres, held while the table is made: two processes may start at once."""


class _Base(DeclarativeBase):
    """Apart from the tables of `geofix.db.tables`: this one exists only where it is wanted."""


class KeptAnswer(_Base):
    """One answer; the columns are those langchain-community fills.

    Its own class would also index the model's options, which hold a whole JSON schema, and Postgres
    refuses index entries of more than 2.7 kB.
    """

    __tablename__ = "model_answers"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    prompt_md5: Mapped[str] = mapped_column(Text, index=True)
    llm: Mapped[str] = mapped_column(Text)
    idx: Mapped[int] = mapped_column(Integer)
    prompt: Mapped[str] = mapped_column(Text)
    response: Mapped[str] = mapped_column(Text)


class AnswerCache(BaseCache):
    """Answers in Postgres; a database that fails is an error, never a model's fault."""

    def __init__(self, kept: SQLAlchemyMd5Cache, engine: Engine) -> None:
        """Use `answer_cache` instead."""
        self._kept = kept
        self._engine = engine

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """Return the answer to this very prompt by this very model, if it is kept."""
        with database_errors(self._engine):
            rows = self._kept._search_rows(prompt, llm_string)
        # Its own `lookup` would revive any class of LangChain's that a row names. Quiet, since
        # LangChain calls `loads` beta.
        with quiet():
            kept = [loads(row[0], allowed_objects=[ChatGeneration, AIMessage]) for row in rows]
        return kept or None

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Keep an answer."""
        with database_errors(self._engine):
            self._kept.update(prompt, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        """Forget every answer."""
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(KeptAnswer.__table__.delete())  # type: ignore[attr-defined]


def answer_cache(engine: Engine) -> AnswerCache:
    """Return a cache of model answers in the database of `engine`; its table is made if missing.

    Raises:
        DatabaseError: The database cannot be reached.
    """
    # The package announces its own sunset on import; DESIGN.md section 3 says why we stay.
    with quiet():
        from langchain_community.cache import (  # noqa: PLC0415 - two seconds, seldom wanted
            SQLAlchemyMd5Cache,
        )

    with database_errors(engine), engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _Base.metadata.create_all(connection)
    with database_errors(engine):
        return AnswerCache(SQLAlchemyMd5Cache(engine, KeptAnswer), engine)  # type: ignore[arg-type]


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
