"""One round with a model: every request, every sample, and what the trail keeps of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from geofix.agent.context import Context
from geofix.agent.draft.answers import AnyAnswer
from geofix.agent.draft.messages import as_sent
from geofix.agent.draft.presets import PRESETS, VERSION, Preset
from geofix.agent.draft.provenance import Provenance, Spending
from geofix.agent.draft.reading import read_draft
from geofix.agent.draft.request import DraftRequest
from geofix.agent.run.outgoing import outgoing
from geofix.agent.state import Draft, Hit
from geofix.tools.models.ask import ask, ask_many
from geofix.tools.models.budget import Budget
from geofix.tools.models.cache import Journal
from geofix.tools.models.prices import Price
from geofix.tools.models.privacy import ANYWHERE, BeforeSend, Privacy
from geofix.tools.models.reply import ModelAnswer, total

SEVERAL = 0.7
"""Temperature for several samples where none is given; the one G3 uses for LLaVA."""


class _Terms(TypedDict):
    budget: Budget | None
    price: Price | None
    before_send: BeforeSend
    closed: str | None
    privacy: Privacy
    journal: Journal
    answer_tokens: int
    free_form: bool


def sample(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    preset: Preset,
    samples: int,
    temperature: float | None,
    budget: Budget | None = None,
    price: Price | None = None,
    closed: str | None = None,
    privacy: Privacy = ANYWHERE,
) -> list[ModelAnswer[AnyAnswer]]:
    """Return so many answers to one question, usable or not.

    Args:
        model: As it was set up.
        messages: The question.
        preset: The form of each answer, and its longest.
        samples: How many.
        temperature: None for the model's own, unless several answers are to differ.
        budget: What may be spent.
        price: What the model's tokens cost, where you know it.
        closed: Why no call may be made; only kept answers are given then.
        privacy: What may leave this machine.

    Raises:
        ModelError: Nothing may be sent to the model.
        GeofixError: The database that keeps answers cannot be used.
    """
    step = outgoing()
    terms: _Terms = {
        "budget": budget,
        "price": price,
        "before_send": step.announce,
        "closed": closed,
        "journal": step,
        "privacy": privacy,
        "answer_tokens": preset.answer_tokens,
        "free_form": preset.free_form,
    }
    at = sampled_at(samples, temperature)
    if samples == 1:
        return [ask(model, messages, preset.schema, temperature=at, **terms)]
    return ask_many(model, messages, preset.schema, samples, at, **terms)


def sampled_at(samples: int, temperature: float | None) -> float | None:
    """Return the temperature of a request: several answers are to differ.

    Args:
        samples: How many answers.
        temperature: The one asked for; None for the model's own.
    """
    return SEVERAL if samples > 1 and temperature is None else temperature


def sampling(context: Context) -> tuple[int, float | None]:
    """Return how many answers each request gets in a run, and at which temperature."""
    preset = PRESETS[context.preset]
    samples = context.samples or preset.samples
    asked = preset.temperature if context.temperature is None else context.temperature
    return samples, sampled_at(samples, asked)


def gave_up(answers: Sequence[ModelAnswer[AnyAnswer]]) -> bool:
    """Say whether every call failed before the model said anything; it is then asked no more."""
    called = [answer for answer in answers if not answer.cached]
    failed = [answer.failure is not None and not answer.texts for answer in called]
    return bool(failed) and all(failed)


@dataclass(frozen=True, slots=True)
class ModelRound:
    """What a model said in one round."""

    drafts: list[Draft]
    """One for each usable answer."""
    answers: list[ModelAnswer[AnyAnswer]]
    """All of them, usable or not."""
    wanted: int
    """How many were asked for."""

    @property
    def failures(self) -> list[str]:
        """Why answers are not usable, each reason once."""
        reasons = (answer.failure for answer in self.answers)
        return list(dict.fromkeys(reason for reason in reasons if reason is not None))

    @property
    def notes(self) -> list[str]:
        """What had to be done without, each once."""
        return list(dict.fromkeys(note for answer in self.answers for note in answer.notes))

    def spending(self) -> Spending:
        """Return what the answers took, usable or not."""
        costs = [answer.cost for answer in self.answers]
        return Spending(
            calls=sum(answer.calls for answer in self.answers),
            tokens=total(answer.tokens for answer in self.answers),
            cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
            uncounted=sum(answer.uncounted for answer in self.answers),
        )

    def detail(self) -> dict[str, Any]:
        """Return what the trail keeps of the answers, over all requests."""
        answers = self.answers
        return {
            "answers": [text for answer in answers for text in answer.texts],
            **self.spending().model_dump(),
            "repaired": next((answer.repaired for answer in answers if answer.repaired), None),
            "cached": all(answer.cached for answer in answers),
            "asked_without": self.notes,
            **({"error": self.failures[0]} if self.failures else {}),
        }


def ask_round(
    model: BaseChatModel,
    requests: Sequence[DraftRequest],
    context: Context,
    asked: Draft,
    positives: Sequence[Hit],
    budget: Budget | None = None,
    price: Price | None = None,
    privacy: Privacy = ANYWHERE,
) -> ModelRound:
    """Return the model's drafts of a round; a model that does not answer is called no more.

    Answers that are kept are used all the same.

    Args:
        model: As it was set up.
        requests: At least one.
        context: Of the run: preset, samples, temperature.
        asked: A draft without a place: round and model.
        positives: The round's.
        budget: What is left of the run's.
        price: What the model's tokens cost, where the user says so.
        privacy: What may leave this machine.
    """
    preset = PRESETS[context.preset]
    samples, temperature = sampling(context)
    drafts: list[Draft] = []
    every: list[ModelAnswer[AnyAnswer]] = []
    closed: str | None = None
    for request in requests:
        answers = sample(
            model,
            request.messages,
            preset,
            samples,
            temperature,
            budget,
            price,
            closed,
            privacy,
        )
        every += answers
        for number, answer in enumerate(answers, start=1):
            if answer.parsed is None:
                continue
            made = asked.model_copy(
                update={"provenance": _provenance(answer, context, request, number)}
            )
            drafts.append(read_draft(answer.parsed, made, request.shown, positives))
        if closed is None and gave_up(answers):
            closed = "it failed earlier in this round"
    return ModelRound(drafts, every, samples * len(requests))


def prompts_sent(requests: Sequence[DraftRequest]) -> list[list[dict[str, Any]]]:
    """Return the messages of each request as the trail keeps them."""
    return [as_sent(request.messages) for request in requests]


def _provenance(
    answer: ModelAnswer[AnyAnswer], context: Context, request: DraftRequest, sample: int
) -> Provenance:
    return Provenance(
        preset=context.preset,
        prompt_version=VERSION,
        neighbours=len(request.shown.positives),
        sample=sample,
        model=answer.model,
        revision=answer.revision,
        tokens=answer.tokens,
        seconds=round(answer.seconds, 3),
        cost_usd=answer.cost,
        pictures=request.pictures,
    )
