"""What a chat model can do, found out by asking it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from PIL import Image
from pydantic import BaseModel, Field

from geofix.tools.models.ask import ask, ask_many
from geofix.tools.models.privacy import ANYWHERE, Privacy, address_of
from geofix.tools.models.reply import ModelAnswer
from geofix.tools.photo.read import to_jpeg

Sight = Literal["told apart", "differ", "alike", "unreadable", "refused", "failed"]
"""What came of the two pictures: each named right; other words for each, but wrong ones; the same
words for both, so that the picture made no difference; no usable answer; the server takes no
pictures; the call failed."""

Fit = Literal["first try", "repaired", "unusable", "not asked"]


@dataclass(frozen=True, slots=True)
class PictureCheck:
    """Whether the model sees."""

    sight: Sight
    named: dict[str, str]
    """What it called each color; nothing for one it gave no usable answer to."""
    reason: str | None
    """Why an answer is missing."""


@dataclass(frozen=True, slots=True)
class Drafting:
    """Whether the answer to a draft's own question fits its schema."""

    fit: Fit
    answer: str | None
    """As the model wrote it, the last turn."""
    problem: str | None
    """What was wrong with the first answer, or why there is none."""
    tokens: dict[str, int]
    """As the server counts; empty if it does not."""
    seconds: float | None
    tokens_per_s: float | None
    """Written, over the whole time of the call: reading the question is in it."""


@dataclass(frozen=True, slots=True)
class Several:
    """Whether one question gets several answers."""

    asked: int
    usable: int
    different: int
    """Texts that are not alike."""
    calls: int
    """Requests it took."""
    seconds: float


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What was found out about a model."""

    host: str
    """Where its calls go: name and port, or `in process`."""
    leaves: bool
    """Whether they leave this machine."""
    model: str | None
    """Its name as the server says it."""
    revision: str | None
    """What the server says of its build."""
    first_call_s: float
    """Seconds for a small picture and one word, including what is loaded at the first call."""
    pictures: PictureCheck
    drafting: Drafting
    several: Several | None
    cost: float | None
    """US dollars for all of it; None where prices or tokens are unknown."""
    notes: tuple[str, ...]
    """What the model had to be asked without."""
    why_not: str | None
    """Why it cannot draft; None if it can."""


COLORS = {"red": (220, 20, 20), "blue": (20, 40, 220)}
"""What the pictures of the first two questions are filled with, RGB."""

SIDE_PX = 336
"""Side of those pictures, pixels: the input size of LLaVA's vision tower; others take it too."""

SAMPLES = 3
"""Answers asked for at once."""


class SeenColor(BaseModel):
    """The color of a picture."""

    color: str = Field(description="The color that fills the picture, in one English word.")


def check_model(
    model: BaseChatModel,
    question: Sequence[BaseMessage],
    schema: type[BaseModel],
    *,
    temperature: float,
    on_step: Callable[[str], None] = lambda line: None,
    privacy: Privacy = ANYWHERE,
    answer_tokens: int | None = None,
) -> ModelCheck:
    """Ask a model four questions, and say what came of each.

    Two are about pictures of one color, where a model that does not look answers the same twice;
    one is a draft's; the last asks that for several answers. Nothing more is asked of a model that
    takes no pictures, or does not answer.

    Args:
        model: Any LangChain chat model.
        question: A draft's, with a photo.
        schema: What the answer to it must fit.
        temperature: For several answers, so that they differ.
        on_step: Called with a line before each question.
        privacy: As for `ask`.
        answer_tokens: As for `ask`.

    Raises:
        ModelError: Nothing may be sent to the model.
    """
    colors: dict[str, ModelAnswer[SeenColor]] = {}
    for color in COLORS:
        on_step(f"showing a {color} picture")
        colors[color] = ask(
            model,
            _color_question(color),
            SeenColor,
            privacy=privacy,
            answer_tokens=answer_tokens,
        )
        if not colors[color].texts:
            break
    pictures = _pictures(colors)
    answers: list[ModelAnswer[BaseModel]] = []
    several = None
    if pictures.sight not in ("refused", "failed"):
        on_step("asking for a draft")
        answers = [ask(model, question, schema, privacy=privacy, answer_tokens=answer_tokens)]
        if answers[0].parsed is not None:
            on_step(f"asking for {SAMPLES} drafts at once")
            more = ask_many(
                model,
                question,
                schema,
                SAMPLES,
                temperature,
                privacy=privacy,
                answer_tokens=answer_tokens,
            )
            several = _several(more)
            answers += more
    drafting = _drafting(answers[0] if answers else None)
    every: list[ModelAnswer[SeenColor] | ModelAnswer[BaseModel]] = [*colors.values(), *answers]
    costs = [answer.cost for answer in every]
    where = address_of(model)
    return ModelCheck(
        host=str(where),
        leaves=not where.stays,
        model=next((answer.model for answer in every if answer.model), None),
        revision=next((answer.revision for answer in every if answer.revision), None),
        first_call_s=every[0].seconds,
        pictures=pictures,
        drafting=drafting,
        several=several,
        cost=None if None in costs else sum(cost or 0 for cost in costs),
        notes=tuple(dict.fromkeys(note for answer in every for note in answer.notes)),
        why_not=_why_not(pictures, drafting),
    )


def _color_question(color: str) -> list[BaseMessage]:
    picture = to_jpeg(Image.new("RGB", (SIDE_PX, SIDE_PX), COLORS[color]))
    encoded = base64.b64encode(picture).decode("ascii")
    shown = {"type": "image", "base64": encoded, "mime_type": "image/jpeg"}
    return [HumanMessage([{"type": "text", "text": "Which color fills this picture?"}, shown])]


def _pictures(answers: dict[str, ModelAnswer[SeenColor]]) -> PictureCheck:
    parsed = {color: answer.parsed for color, answer in answers.items()}
    named = {color: said.color for color, said in parsed.items() if said is not None}
    failure = next((answer.failure for answer in answers.values() if answer.failure), None)
    return PictureCheck(_sight(answers, named, failure), named, failure)


def _sight(
    answers: dict[str, ModelAnswer[SeenColor]], named: dict[str, str], failure: str | None
) -> Sight:
    if failure is not None:
        if "takes no images" in failure:
            return "refused"
        return "unreadable" if all(answer.texts for answer in answers.values()) else "failed"
    if len({" ".join(name.lower().split()) for name in named.values()}) == 1:
        return "alike"
    right = all(re.search(rf"\b{color}\b", name.lower()) for color, name in named.items())
    return "told apart" if right else "differ"


def _drafting(answer: ModelAnswer[BaseModel] | None) -> Drafting:
    if answer is None:
        return Drafting("not asked", None, None, {}, None, None)
    fit: Fit = "first try" if answer.repaired is None else "repaired"
    written = answer.tokens.get("output_tokens")
    return Drafting(
        fit=fit if answer.parsed is not None else "unusable",
        answer=answer.texts[-1] if answer.texts else None,
        problem=answer.failure or answer.repaired,
        tokens=answer.tokens,
        seconds=answer.seconds,
        tokens_per_s=written / answer.seconds if written and answer.seconds else None,
    )


def _several(answers: Sequence[ModelAnswer[BaseModel]]) -> Several:
    return Several(
        asked=len(answers),
        usable=sum(answer.parsed is not None for answer in answers),
        different=len({answer.texts[-1] for answer in answers if answer.texts}),
        calls=sum(answer.calls for answer in answers),
        seconds=max(answer.seconds for answer in answers),
    )


def _why_not(pictures: PictureCheck, drafting: Drafting) -> str | None:
    if pictures.sight in ("refused", "failed"):
        return pictures.reason
    if pictures.sight == "alike":
        return (
            "its answer does not depend on the picture: it cannot see, or its server drops pictures"
        )
    if pictures.sight == "unreadable":
        return f"it is not known whether it sees pictures: {pictures.reason}"
    return None if drafting.fit in ("first try", "repaired") else drafting.problem
