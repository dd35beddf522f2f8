"""One question to a chat model, answered in a schema: tried again if it failed, mended once.

Whatever a model or its server does ends in an `ModelAnswer`, usable or with the reason why not: a
model's fault must not end a run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables.config import ContextThreadPoolExecutor
from pydantic import BaseModel

from geofix.db.plain_text import one_line
from geofix.tools.errors import ModelError
from geofix.tools.models.budget import Budget, CallFailed, Terms
from geofix.tools.models.cache import Journal
from geofix.tools.models.calls import Caller
from geofix.tools.models.failures import MAX_REASON
from geofix.tools.models.prices import Price
from geofix.tools.models.privacy import ANYWHERE, BeforeSend, Privacy, require_bare
from geofix.tools.models.reply import (
    MOST_TEXT,
    ModelAnswer,
    Reply,
    parse_answer,
    sounds_refused,
    total,
)
from geofix.tools.models.send import gives_several, json_schema

__all__ = ["MAX_REASON", "ModelAnswer", "ask", "ask_many"]

AnswerT = TypeVar("AnswerT", bound=BaseModel)

MOST_AT_ONCE = 8
"""Calls under way together, where one call gives one answer."""

MOST_QUOTED = 4000
"""Characters of an unusable answer that go back to the model: some never stop writing."""


def ask(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    schema: type[AnswerT],
    *,
    temperature: float | None = None,
    budget: Budget | None = None,
    price: Price | None = None,
    before_send: BeforeSend | None = None,
    keep: bool | None = None,
    closed: str | None = None,
    privacy: Privacy = ANYWHERE,
    journal: Journal | None = None,
    answer_tokens: int | None = None,
    free_form: bool = False,
) -> ModelAnswer[AnswerT]:
    """Ask for an answer in `schema`; an unusable one is sent back once with what is wrong.

    Args:
        model: Any LangChain chat model.
        messages: The question; pictures as JPEGs of bare pixels.
        schema: What the answer must fit.
        temperature: Instead of the model's own.
        budget: What may be spent; shared with other questions.
        price: What the model's tokens cost, where you know better than the table of providers.
        before_send: Called before each call with what it sends; what it raises stops the question.
        keep: Whether to use and fill the model's cache; by default not at a temperature above 0.
        closed: Why no call may be made; then only a cached answer is given.
        privacy: Whether calls that leave this machine are forbidden, and what tracers see.
        journal: Keeps each answer before it is used.
        answer_tokens: Most tokens of one answer; a smaller limit of the model's own holds.
        free_form: Whether no schema is sent, since the question says in which form to answer; the
            schema has to be `Spoken` then.

    Raises:
        ModelError: A picture carries more than pixels, outbound calls are forbidden and this would
            be one, or the budget is in money and the model's price unknown. Nothing was sent.
        GeofixError: The database that keeps answers cannot be used.
    """
    sizes = tuple(require_bare(messages))
    terms = Terms(
        budget,
        price,
        before_send,
        temperature,
        keep,
        sizes,
        closed,
        privacy,
        journal,
        answer_tokens,
        free_form,
    )
    return _converse(Caller(model, schema, terms), messages, schema)


def ask_many(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    schema: type[AnswerT],
    samples: int,
    temperature: float | None = None,
    *,
    budget: Budget | None = None,
    price: Price | None = None,
    before_send: BeforeSend | None = None,
    keep: bool | None = None,
    closed: str | None = None,
    privacy: Privacy = ANYWHERE,
    journal: Journal | None = None,
    answer_tokens: int | None = None,
    free_form: bool = False,
) -> list[ModelAnswer[AnswerT]]:
    """Ask for several answers to one question: by one call where the model gives several.

    Args:
        model: As for `ask`, and so all others.
        messages: The question.
        schema: What each answer must fit.
        samples: How many answers, at least 1.
        temperature: Instead of the model's own, which may be 0: then all answers are alike.
        budget: What may be spent on all of them.
        price: What the model's tokens cost.
        before_send: Called before each call, from several threads.
        keep: As for `ask`; each sample is kept apart, so that a re-run gives the same ones.
        closed: As for `ask`.
        privacy: As for `ask`.
        journal: As for `ask`.
        answer_tokens: As for `ask`.
        free_form: As for `ask`.

    Returns:
        As many answers as were asked for, in a fixed order. Those of one call stand in for its
        tokens and its cost in the first. Where the call for those that are not kept fails, those
        that are kept are given all the same.

    Raises:
        ModelError: As for `ask`, or `samples` is below 1.
    """
    if samples < 1:
        raise ModelError(f"{samples!r} answers cannot be asked for; ask for 1 or more")
    sizes = tuple(require_bare(messages))
    terms = Terms(
        budget,
        price,
        before_send,
        temperature,
        keep,
        sizes,
        closed,
        privacy,
        journal,
        answer_tokens,
        free_form,
    )
    callers = [Caller(model, schema, terms, sample) for sample in range(samples)]
    began = time.monotonic()
    given: list[Reply | None] = [None] * samples
    failed: str | None = None
    if gives_several(model):
        given, failed = _given(callers, messages)

    def answer(caller: Caller, reply: Reply | None) -> ModelAnswer[AnswerT]:
        if reply is None and failed is not None:
            return _answer(caller, [], None, failed, None, began)
        return _converse(caller, messages, schema, reply, began)

    with ContextThreadPoolExecutor(max_workers=min(samples, MOST_AT_ONCE)) as pool:
        return list(pool.map(answer, callers, given))


def _given(
    callers: list[Caller], messages: Sequence[BaseMessage]
) -> tuple[list[Reply | None], str | None]:
    """Return the replies that are kept or that one call gave, and why that call failed.

    None stands for a reply that is still missing.
    """
    given = [caller.kept(messages) for caller in callers]
    missing = [number for number, reply in enumerate(given) if reply is None]
    if len(missing) < 2:
        return given, None
    try:
        came = callers[missing[0]].replies(messages, len(missing))
    except CallFailed as failed:
        # Some servers give one answer a call only, and say so.
        return given, None if failed.refused else str(failed)
    for number, (reply, raw) in zip(missing, came, strict=False):
        callers[number].keep(messages, reply, raw)
        given[number] = reply
    return given, None


def _converse(
    caller: Caller,
    messages: Sequence[BaseMessage],
    schema: type[AnswerT],
    reply: Reply | None = None,
    began: float | None = None,
) -> ModelAnswer[AnswerT]:
    began = time.monotonic() if began is None else began
    replies: list[Reply] = []
    parsed: AnswerT | None = None
    failure = repaired = None
    turn = list(messages)
    try:
        replies.append(reply or caller.reply(turn))
        parsed, problem = _parsed(replies[-1], schema, caller.limit)
        if parsed is None:
            repaired = problem
            turn += [
                AIMessage(replies[-1].text[:MOST_QUOTED] or "(empty)"),
                _mend(problem, caller, schema),
            ]
            replies.append(caller.reply(turn))
            parsed, problem = _parsed(replies[-1], schema, caller.limit)
        failure = None if parsed is not None else _unusable(problem, replies[-1].text)
    except CallFailed as failed:
        failure = str(failed)
    return _answer(caller, replies, parsed, failure, repaired, began)


def _parsed(reply: Reply, schema: type[AnswerT], limit: int | None) -> tuple[AnswerT | None, str]:
    """Return the answer, or what is wrong with it.

    Args:
        reply: The model's.
        schema: What the answer must fit.
        limit: Most tokens of it, where we set that.

    Raises:
        CallFailed: It is a refusal.
    """
    if reply.refusal is not None:
        raise CallFailed(f"the model refused: {one_line(reply.refusal)[:MAX_REASON]}")
    parsed, problem = parse_answer(reply.text, schema, cut=reply.cut)
    if parsed is None and sounds_refused(reply.text):
        raise CallFailed(f"the model refused: {one_line(reply.text)[:MAX_REASON]}")
    if parsed is None and reply.cut:
        most = "" if limit is None else f"{limit:,} "
        return None, f"it was cut off at the limit of {most}tokens, so be brief; {problem}"
    if parsed is None and reply.too_long:
        return None, f"it has more than {MOST_TEXT:,} characters, so be brief; {problem}"
    return parsed, problem


def _mend(problem: str, caller: Caller, schema: type[BaseModel]) -> HumanMessage:
    if caller.free_form:
        return HumanMessage(
            f"That answer cannot be used: {problem}. Answer again in the form that was asked for,"
            " and with nothing else."
        )
    # With the schema: a server that ignored the request's may never have shown it to the model.
    return HumanMessage(
        f"That answer cannot be used: {problem}. Answer again with one JSON object that fits this"
        f" JSON schema, and nothing else:\n{json.dumps(json_schema(schema))}"
    )


def _unusable(problem: str, text: str) -> str:
    wrote = f"; it wrote {text[:200]!r}" if text else ""
    return f"the model's answer cannot be used: {problem}{wrote}"


def _answer(
    caller: Caller,
    replies: Sequence[Reply],
    parsed: AnswerT | None,
    failure: str | None,
    repaired: str | None,
    began: float,
) -> ModelAnswer[AnswerT]:
    last = replies[-1] if replies else None
    counted = total(reply.tokens for reply in replies)
    notes = [*caller.notes, *(note for reply in replies for note in reply.notes)]
    return ModelAnswer(
        parsed=parsed,
        failure=failure,
        texts=tuple(reply.text for reply in replies),
        tokens=counted,
        repaired=repaired,
        cached=bool(replies) and all(reply.cached for reply in replies),
        model=None if last is None else last.model,
        revision=None if last is None else last.revision,
        seconds=time.monotonic() - began,
        calls=caller.account.calls,
        cost=caller.account.cost,
        uncounted=caller.account.uncounted,
        notes=tuple(notes),
    )
