"""Calls to one model for one answer: tried again where that helps, with less where it is refused.

What goes wrong with the model or its server ends in `CallFailed`; what is wrong with how it was set
up, in a plain `ModelError`, before anything is sent.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from pydantic import BaseModel

from geofix.db.errors import GeofixError
from geofix.db.redaction import without
from geofix.tools.account import Account, CallFailed, Terms
from geofix.tools.answers import Reply, reply_of
from geofix.tools.chat import secrets_of
from geofix.tools.concessions import NO_TEMPERATURE, Asked, conceded
from geofix.tools.deadline import within
from geofix.tools.errors import ModelError
from geofix.tools.failures import reason_of, status_of, takes_no_images
from geofix.tools.kept import cache_of, kept_for
from geofix.tools.offline import untraced
from geofix.tools.responses import Line
from geofix.tools.retrying import wait_s
from geofix.tools.sending import longest_call_s, salvaged, send
from geofix.tools.structured import IN_WORDS, form_for, in_words

NO_FORM = "the model's client knows no answers in a schema, so the model was told it in words"


class Caller:
    """Asks one model for one answer."""

    def __init__(
        self, model: BaseChatModel, schema: type[BaseModel], terms: Terms, sample: int = 0
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            model: What is asked.
            schema: What the answer must fit.
            terms: On what terms.
            sample: Which of several answers to one question, from 0.

        Raises:
            ModelError: The account cannot be opened.
        """
        self.account = Account(model, terms)
        self.notes: list[str] = []
        self._schema = schema
        self._model = self._prepared(model, terms.temperature)
        self._form = form_for(self._model, schema)
        if self._form is IN_WORDS:
            self.notes.append(NO_FORM)
        self._asked = Asked(temperature=getattr(self._model, "temperature", None))
        self._kept = kept_for(
            model,
            self._form.options,
            temperature=self._asked.temperature,
            keep=terms.keep,
            sample=sample,
        )

    def kept(self, messages: Sequence[BaseMessage]) -> Reply | None:
        """Return the reply that is kept, if one is."""
        found = None if self._kept is None else self._kept.find(messages)
        return None if found is None else self._read(found, cached=True)

    def keep(self, messages: Sequence[BaseMessage], reply: Reply, raw: Any) -> None:
        """Keep a reply, where they are kept; one that was cut or miscounted is not."""
        if self._kept is None or reply.notes:
            return
        try:
            self._kept.keep(messages, raw)
        # What else the server said may be nested too deep, or no JSON.
        except (RecursionError, ValueError, TypeError) as error:
            self.notes.append(f"the model's answer could not be kept ({type(error).__name__})")

    def reply(self, messages: Sequence[BaseMessage]) -> Reply:
        """Return what the model says, from the cache or by a call.

        Raises:
            CallFailed: It said nothing.
        """
        found = self.kept(messages)
        if found is not None:
            return found
        (reply, raw), *_ = self.replies(messages)
        self.keep(messages, reply, raw)
        return reply

    def replies(self, messages: Sequence[BaseMessage], samples: int = 1) -> list[tuple[Reply, Any]]:
        """Call the model; a failure that was quick and may pass is tried again.

        Returns:
            Replies with the messages they were read from, at least one and at most `samples`. The
            first carries the tokens of all.

        Raises:
            CallFailed: No reply came.
        """
        raws, said = self._sent(messages, samples)
        if not raws:
            raise CallFailed("the model failed: its response holds no answer")
        try:
            first, *others = [self._read(raw, reported=said) for raw in raws[:samples]]
        except ModelError as error:
            raise CallFailed(f"the model failed: {error}") from error
        self.account.count(first)
        bare = [replace(one, tokens={}) for one in others]
        return list(zip([first, *bare], raws, strict=False))

    def _read(self, raw: Any, **known: Any) -> Reply:
        """Read a message; a server that echoes what it was sent may quote a key in it."""
        reply, secrets = reply_of(raw, **known), secrets_of(self._model)
        refusal = None if reply.refusal is None else without(reply.refusal, *secrets)
        return replace(reply, text=without(reply.text, *secrets), refusal=refusal)

    def _sent(
        self, messages: Sequence[BaseMessage], samples: int
    ) -> tuple[list[Any], dict[str, Any]]:
        tries = 0
        while True:
            self.account.begin(self._worded(messages))
            began = time.monotonic()
            try:
                return self._send(messages, samples)
            except GeofixError:
                raise
            # Every provider raises classes of its own.
            except Exception as error:
                if salvage := salvaged(error):
                    return list(salvage), {}
                self.account.failed(error)
                if self._conceded(error):
                    continue
                wait = self._wait(error, messages, tries, time.monotonic() - began)
            time.sleep(wait)
            tries += 1

    def _send(
        self, messages: Sequence[BaseMessage], samples: int
    ) -> tuple[list[Any], dict[str, Any]]:
        form = self._form if self._asked.schema else IN_WORDS
        longest, left = longest_call_s(self._model), self.account.left_s
        most = min((one for one in (longest, left) if one is not None), default=None)
        worded = self._worded(messages)
        line = Line()

        def call() -> tuple[list[Any], dict[str, Any]]:
            return send(self._model, worded, form, samples=samples, timeout_s=left)

        with untraced():
            return within(most, lambda: line.carry(call), given_up=line.cut)

    def _worded(self, messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
        if self._asked.schema and not self._form.in_words:
            return messages
        return in_words(messages, self._schema)

    def _conceded(self, error: Exception) -> bool:
        less = conceded(self._asked, error)
        if less is None or (self._form.in_words and not less[0].schema):
            return False
        if self._asked.temperature is not None and less[0].temperature is None:
            self._model = self._model.model_copy(update={"temperature": None})
            self._form = form_for(self._model, self._schema)
        self._asked = less[0]
        self.notes.append(less[1])
        return True

    def _wait(
        self, error: Exception, messages: Sequence[BaseMessage], tries: int, took_s: float
    ) -> float:
        """Return how long to wait before the next try.

        Raises:
            CallFailed: There is to be none.
        """
        reason = reason_of(error, self._model)
        if takes_no_images(error, messages):
            raise CallFailed(
                f"the model {self.account.name!r} takes no images, or its server was started"
                f" without that ({reason}); use a model that sees"
            ) from error
        if self.account.spent is not None:
            raise CallFailed(
                f"the model was asked in vain: {self.account.spent} ({reason})"
            ) from error
        wait, left = wait_s(error, tries, took_s), self.account.left_s
        if wait is None:
            refused = status_of(error) in {400, 422}
            raise CallFailed(f"the model failed: {reason}", refused=refused) from error
        if left is not None and wait >= left:
            raise CallFailed(
                f"the model failed: {reason}; the budget leaves no time to try again: {left:.0f} s,"
                f" and {wait:.0f} s would have to be waited"
            ) from error
        return wait

    def _prepared(self, model: BaseChatModel, temperature: float | None) -> BaseChatModel:
        """Return the model without a cache of LangChain's, at the temperature asked for."""
        update: dict[str, Any] = {} if cache_of(model) is None else {"cache": False}
        if temperature is not None:
            if "temperature" in type(model).model_fields:
                update["temperature"] = temperature
            else:
                self.notes.append(NO_TEMPERATURE)
        return model.model_copy(update=update) if update else model
