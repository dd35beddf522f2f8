"""One question to a chat model, answered in a schema: tried again if it failed, mended once.

Whatever a model or its server does ends in an `Answer`, usable or with the reason why not: a
model's fault must not end a run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import BaseModel

from geofix.db.errors import GeofixError
from geofix.tools.chat import secrets_of, without
from geofix.tools.errors import ModelError
from geofix.tools.parsing import legible, parse_answer

AnswerT = TypeVar("AnswerT", bound=BaseModel)

WAITS_S = (0.5, 2.0)
"""Before the second and the third try, where the server does not say how long to wait."""

LONGEST_WAIT_S = 20.0
"""A server that wants a longer pause is given up on."""

QUICK_S = 10.0
"""Only a failure this quick is tried again; a time-out is not worth a second one."""

MAX_REASON = 300
"""Characters of an error that are kept; some servers quote the whole request, photo included."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[AnswerT]):
    """What a model answered, with what it cost."""

    parsed: AnswerT | None
    """None if nothing usable came."""
    failure: str | None
    """Why nothing usable came."""
    texts: tuple[str, ...]
    """Every answer as the model wrote it, in order; two where the first had to be mended."""
    tokens: dict[str, int]
    """Spent; nothing for an answer out of the cache."""
    repaired: str | None
    """What was wrong with the first answer, if a second turn was needed."""
    cached: bool
    """Whether no call was made at all."""


@dataclass(frozen=True, slots=True)
class _Reply:
    text: str
    tokens: dict[str, int]
    cached: bool
    refusal: str | None


def ask(
    model: BaseChatModel, messages: Sequence[BaseMessage], schema: type[AnswerT]
) -> Answer[AnswerT]:
    """Ask for an answer in `schema`; an unusable one is sent back once with what is wrong.

    Raises:
        GeofixError: The database that keeps answers cannot be used.
    """
    replies: list[_Reply] = []
    parsed: AnswerT | None = None
    first_problem: str | None = None
    turn = list(messages)
    try:
        replies.append(_reply(model, turn, schema))
        parsed, problem = parse_answer(replies[0].text, schema)
        if parsed is None:
            first_problem = problem
            turn += [AIMessage(replies[0].text or "(empty)"), _repair(problem, schema)]
            replies.append(_reply(model, turn, schema))
            parsed, problem = parse_answer(replies[1].text, schema)
        failure = None if parsed is not None else _unusable(problem, replies[-1].text)
    except ModelError as error:
        failure = str(error)
    return Answer(
        parsed=parsed,
        failure=failure,
        texts=tuple(reply.text for reply in replies),
        tokens=_sum([reply.tokens for reply in replies if not reply.cached]),
        repaired=first_problem,
        cached=bool(replies) and all(reply.cached for reply in replies),
    )


def _repair(problem: str, schema: type[BaseModel]) -> HumanMessage:
    # With the schema: a server that ignored the request's may never have shown it to the model.
    return HumanMessage(
        f"That answer cannot be used: {problem}. Answer again with one JSON object that fits this"
        f" JSON schema, and nothing else:\n{json.dumps(schema.model_json_schema())}"
    )


def _unusable(problem: str, text: str) -> str:
    wrote = f"; it wrote {text[:200]!r}" if text else ""
    return f"the model's answer cannot be used: {problem}{wrote}"


def _sum(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    names = {name: None for count in counts for name in count}
    return {name: sum(count.get(name, 0) for count in counts) for name in names}


def _reply(model: BaseChatModel, messages: list[BaseMessage], schema: type[BaseModel]) -> _Reply:
    """Return what the model says; a failure that was quick and may pass is tried again.

    Raises:
        ModelError: The model failed or refused.
    """
    tries = 0
    while True:
        began = time.monotonic()
        try:
            reply = _read(_structured(model, schema).invoke(messages)["raw"])
            break
        except GeofixError:
            raise
        except Exception as error:
            # Every provider raises classes of its own.
            quick = time.monotonic() - began <= QUICK_S
            wait_s = _wait_s(error, tries) if quick else None
            if wait_s is None:
                raise ModelError(_reason(error, model)) from error
        time.sleep(wait_s)
        tries += 1
    if reply.refusal is not None:
        raise ModelError(f"the model refused: {legible(reply.refusal)[:MAX_REASON]}")
    return reply


def _wait_s(error: Exception, tries: int) -> float | None:
    """Return how long to wait before the next try; None if there is to be none."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or not (status == 429 or status >= 500):
        return None
    if tries >= len(WAITS_S):
        return None
    asked_for = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")
    wait_s = float(asked_for) if asked_for.isdecimal() else WAITS_S[tries]
    return wait_s if wait_s <= LONGEST_WAIT_S else None


def _reason(error: Exception, model: BaseChatModel) -> str:
    # `Connection error.` alone does not say why; what caused it does.
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    lines = [" ".join(str(one).split()) for one in chain]
    reason = " / ".join(dict.fromkeys(line for line in lines if line))
    blacked = without(legible(reason), *secrets_of(model))[:MAX_REASON]
    return f"the model failed: {type(error).__name__}: {blacked}"


def _structured(model: BaseChatModel, schema: type[BaseModel]) -> Runnable[Any, Any]:
    """Return the model, asked for `schema` in the way it supports; gives `{"raw": message}`."""
    provider = model._get_ls_params().get("ls_provider")
    # As a dict, since openai's client checks an answer against a class while it reads it, and
    # raises without saying what the model wrote.
    if provider in {"openai", "azure"}:
        return model.with_structured_output(
            schema.model_json_schema(), method="json_schema", strict=True, include_raw=True
        )
    # Tool calling is the default of some clients, and many vision models have none.
    if provider == "ollama":
        return model.with_structured_output(
            schema.model_json_schema(), method="json_schema", include_raw=True
        )
    try:
        return model.with_structured_output(schema, include_raw=True)
    except NotImplementedError:
        return model | RunnableLambda(lambda raw: {"raw": raw})


def _read(raw: Any) -> _Reply:
    usage = getattr(raw, "usage_metadata", None) or {}
    if not isinstance(raw, AIMessage):
        raise ModelError(f"the model answered with {type(raw).__name__!r}, not with a message")
    text = str(raw.text)
    # Where the answer came as a tool's arguments, they are what the model wrote.
    if not text.strip() or raw.tool_calls:
        calls: Sequence[Any] = raw.tool_calls or raw.invalid_tool_calls
        written = [call["args"] for call in calls][:1]
        text = next((a if isinstance(a, str) else json.dumps(a) for a in written), text)
    return _Reply(
        text=legible(text),
        tokens={key: int(usage[key]) for key in ("input_tokens", "output_tokens") if key in usage},
        # LangChain marks an answer out of a cache so; no client writes a cost.
        cached=usage.get("total_cost") == 0,
        refusal=raw.additional_kwargs.get("refusal"),
    )
