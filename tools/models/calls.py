"""Calls to one model for one answer: bounded in time, retried, simplified where rejected.

What goes wrong with the model or its server ends in `CallFailed`; what is wrong with how it was set
up, in a plain `ModelError`, before anything is sent.

What a server refuses (`geofix.tools.models.demands`) is given up once, and the answer says so, also
when it was kept and is found again.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import replace
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumps
from langchain_core.messages import BaseMessage
from pydantic import BaseModel

from geofix.db.errors import GeofixError
from geofix.db.plain_text import without
from geofix.tools.errors import ModelError
from geofix.tools.models.budget import CallAccount, CallFailed, Terms
from geofix.tools.models.cache import CallResult, asking_key, cache_of, kept_for
from geofix.tools.models.demands import NO_TEMPERATURE, Demands, conceded
from geofix.tools.models.failures import reason_of, status_of, takes_no_images, wait_s
from geofix.tools.models.privacy import Privacy, secrets_of, untraced
from geofix.tools.models.reply import Reply, reply_of
from geofix.tools.models.responses import Line
from geofix.tools.models.send import (
    FREE_FORM,
    IN_WORDS,
    Form,
    form_for,
    in_words,
    longest_call_s,
    own_limit,
    salvaged,
    send,
)
from geofix.tools.models.traced import hiding_pictures

ResultT = TypeVar("ResultT")


class DeadlineError(TimeoutError):
    """The work took too long and was left behind."""


def within(
    seconds: float | None,
    work: Callable[[], ResultT],
    given_up: Callable[[], None] | None = None,
) -> ResultT:
    """Return what `work` returns, or raise what it raises.

    The time-out of an HTTP client is the longest silence, not the longest call: a server that
    sends a byte now and then keeps it waiting for ever. Work that is left behind goes on in a
    thread of its own, which does not keep the process alive.

    Args:
        seconds: How long to wait; None for as long as it takes, in this thread.
        work: Called once, with the context variables of the caller.
        given_up: Called when it took longer, to make the work end.

    Raises:
        DeadlineError: It took longer.
    """
    if seconds is None:
        return work()
    future: Future[ResultT] = Future()
    context = copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(work))
        # Raised again where it is waited for.
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="geofix-call", daemon=True).start()
    try:
        return future.result(timeout=max(seconds, 0.0))
    except TimeoutError:
        if future.done():
            return future.result()
        if given_up is not None:
            given_up()
        raise DeadlineError(f"timed out: no answer within {seconds:.1f} s") from None


CONCEDED = "geofix_without"
"""Key of a cached message that lists what its question had to do without."""

NO_FORM = (
    "the model's client does not support structured output, so the schema was put into the prompt"
)


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
        self.account = CallAccount(model, terms)
        self.notes: list[str] = []
        self.free_form = terms.free_form
        self._schema = schema
        self._privacy: Privacy = terms.privacy
        self._given = model
        self._model = self._prepared(model, terms.temperature)
        self.limit = self._limited(terms.answer_tokens)
        self._form = self._asked_in()
        if self._form is IN_WORDS:
            self.notes.append(NO_FORM)
        self._demands = Demands(
            schema=not self.free_form,
            temperature=getattr(self._model, "temperature", None),
            answer_tokens=self.limit,
        )
        self._journal = terms.journal
        self._sample = sample
        self._asking = asking_key(model, self._form.options, self._demands.temperature)
        self._kept = kept_for(
            model,
            self._form.options,
            temperature=self._demands.temperature,
            keep=terms.keep,
            sample=sample,
        )

    def kept(self, messages: Sequence[BaseMessage]) -> Reply | None:
        """Return the reply that is kept, if one is and can be read."""
        if self._kept is None:
            return None
        try:
            found = self._kept.find(messages)
        # It was written under fewer frames, or by another version of its classes.
        except (RecursionError, ValueError, TypeError) as error:
            self.notes.append(f"the cached answer could not be read ({type(error).__name__})")
            return None
        if found is None:
            return None
        without_what = found.response_metadata.get(CONCEDED, ())
        self.notes += [note for note in without_what if note not in self.notes]
        return self._read(found, cached=True)

    def keep(self, messages: Sequence[BaseMessage], reply: Reply, raw: Any) -> None:
        """Keep a reply, where they are kept; one that was cut or miscounted is not."""
        if self._kept is None or reply.notes or reply.cut:
            return
        said = {**raw.response_metadata, CONCEDED: list(self.notes)}
        try:
            self._kept.keep(messages, raw.model_copy(update={"response_metadata": said}))
        # What else the server said may be nested too deep, or no JSON.
        except (RecursionError, ValueError, TypeError) as error:
            self.notes.append(f"the model's answer could not be cached ({type(error).__name__})")

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
        raws, said = self._answered(messages, samples)
        if not raws:
            raise CallFailed("the model failed: its response contains no answer")
        try:
            first, *others = [self._read(raw, reported=said) for raw in raws[:samples]]
        except ModelError as error:
            raise CallFailed(f"the model failed: {error}") from error
        self.account.count(first)
        bare = [replace(one, tokens={}) for one in others]
        return list(zip([first, *bare], raws, strict=False))

    def _answered(
        self, messages: Sequence[BaseMessage], samples: int
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the messages of a call, or those that it had when the same work was cut off."""
        if self._journal is None:
            return self._sent(messages, samples)
        asked = f"{self._asking}|sample {self._sample} of {samples}|{dumps(list(messages))}"
        request = hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()
        number, kept = self._journal.ask_kept(request)
        if kept is not None:
            before = CallResult.read(kept)
            self.account.calls += 1
            self.notes += [note for note in before.notes if note not in self.notes]
            return before.raws, before.said
        raws, said = self._sent(messages, samples)
        try:
            written = CallResult(raws, said, self.notes).written()
        # What else the server said may be nested too deep, or no JSON.
        except (RecursionError, ValueError, TypeError) as error:
            self.notes.append(f"the model's answer could not be kept ({type(error).__name__})")
        else:
            self._journal.keep(request, number, written)
        return raws, said

    def _read(self, raw: Any, **known: Any) -> Reply:
        """Read a message; a server that echoes what it was sent may quote a key in it."""
        reply, secrets = reply_of(raw, **known), secrets_of(self._model)

        def cleaned(said: str | None) -> str | None:
            return None if said is None else without(said, *secrets)

        return replace(
            reply,
            text=without(reply.text, *secrets),
            refusal=cleaned(reply.refusal),
            model=cleaned(reply.model),
            revision=cleaned(reply.revision),
            notes=tuple(without(note, *secrets) for note in reply.notes),
        )

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
        form = self._form if self._demands.schema or self.free_form else IN_WORDS
        longest, left = longest_call_s(self._model), self.account.left_s
        most = min((one for one in (longest, left) if one is not None), default=None)
        worded = self._worded(messages)
        line = Line()

        def call() -> tuple[list[Any], dict[str, Any]]:
            return send(
                self._model,
                worded,
                form,
                samples=samples,
                timeout_s=left,
                trace_photos=self._privacy.trace_photos,
            )

        with untraced(self._privacy.offline):
            return within(most, lambda: line.carry(call), given_up=line.cut)

    def _worded(self, messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
        if self.free_form or (self._demands.schema and not self._form.in_words):
            return messages
        return in_words(messages, self._schema)

    def _conceded(self, error: Exception) -> bool:
        less = conceded(self._demands, error)
        if less is None or (self._form.in_words and not less[0].schema):
            return False
        if self._demands.temperature is not None and less[0].temperature is None:
            self._model = self._model.model_copy(update={"temperature": None})
            self._form = self._asked_in()
        if self._demands.answer_tokens is not None and less[0].answer_tokens is None:
            self._model = self._model.model_copy(update=own_limit(self._given))
            self._form = self._asked_in()
        self._demands = less[0]
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
                f" without image support ({reason}); use a model that takes images"
            ) from error
        if self.account.spent is not None:
            raise CallFailed(
                f"the model failed and is not asked again: {self.account.spent} ({reason})"
            ) from error
        wait, left = wait_s(error, tries, took_s), self.account.left_s
        if wait is None:
            refused = status_of(error) in {400, 422}
            raise CallFailed(f"the model failed: {reason}", refused=refused) from error
        if left is not None and wait >= left:
            raise CallFailed(
                f"the model failed: {reason}; the budget leaves no time to try again: {left:.0f} s"
                f" are left, and the next try has to wait {wait:.0f} s"
            ) from error
        return wait

    def _asked_in(self) -> Form:
        return FREE_FORM if self.free_form else form_for(self._model, self._schema)

    def _limited(self, answer_tokens: int | None) -> int | None:
        """Set the limit of an answer's tokens; return it, or None where the model's own holds."""
        own = own_limit(self._given)
        if answer_tokens is None or not own:
            return None
        ((name, most),) = own.items()
        # Below 1 Ollama has its marks for "without limit".
        if isinstance(most, int) and 0 < most <= answer_tokens:
            return None
        self._model = self._model.model_copy(update={name: answer_tokens})
        return answer_tokens

    def _prepared(self, model: BaseChatModel, temperature: float | None) -> BaseChatModel:
        """Return the model as it is asked: at that temperature, without a cache of LangChain's.

        Nor does it stream unless it was set up to: a listener of the host's would have it do so.
        """
        update: dict[str, Any] = {} if cache_of(model) is None else {"cache": False}
        if not getattr(model, "streaming", False):
            update["disable_streaming"] = True
        if temperature is not None:
            if "temperature" in type(model).model_fields:
                update["temperature"] = temperature
            else:
                self.notes.append(NO_TEMPERATURE)
        prepared = model.model_copy(update=update)
        return prepared if self._privacy.trace_photos else hiding_pictures(prepared)
