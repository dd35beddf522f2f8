"""Several answers to one question, at a temperature that makes them differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from geofix.agent.outgoing import announce
from geofix.agent.prompts.answers import AnyAnswer
from geofix.tools.asking import Answer, ask, ask_many
from geofix.tools.budget import Budget
from geofix.tools.outbound import BeforeSend
from geofix.tools.prices import Price

SEVERAL = 0.7
"""Temperature for several samples where none is said; G3's for LLaVA."""


class _Terms(TypedDict):
    budget: Budget | None
    price: Price | None
    before_send: BeforeSend
    closed: str | None


def sample(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    schema: type[AnyAnswer],
    samples: int,
    temperature: float | None,
    budget: Budget | None = None,
    price: Price | None = None,
    closed: str | None = None,
) -> list[Answer[AnyAnswer]]:
    """Return so many answers to one question, usable or not.

    Args:
        model: As it was set up.
        messages: The question.
        schema: What each answer must fit.
        samples: How many.
        temperature: None for the model's own, unless several answers are to differ.
        budget: What may be spent.
        price: What the model's tokens cost, where you know it.
        closed: Why no call may be made; only kept answers are given then.

    Raises:
        ModelError: Nothing may be sent to the model.
        GeofixError: The database that keeps answers cannot be used.
    """
    terms: _Terms = {"budget": budget, "price": price, "before_send": announce, "closed": closed}
    if samples == 1:
        return [ask(model, messages, schema, temperature=temperature, **terms)]
    wanted = SEVERAL if temperature is None else temperature
    return ask_many(model, messages, schema, samples, wanted, **terms)


def gave_up(answers: Sequence[Answer[AnyAnswer]]) -> bool:
    """Say whether each call failed before the model said anything: nobody waits twice."""
    called = [answer for answer in answers if not answer.cached]
    failed = [answer.failure is not None and not answer.texts for answer in called]
    return bool(failed) and all(failed)
