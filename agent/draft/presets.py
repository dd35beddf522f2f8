"""The ways a model is asked, as data: which lists, how often, how freely, in which words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from geofix.agent.draft import PresetName, paper_prompts, prompts
from geofix.agent.draft.answers import AnyAnswer, DraftAnswer, PointAnswer
from geofix.agent.draft.lists import Shown

VERSION = "geofix-5"
"""Version of the wording of all prompts; raise it with every change."""

DRAFT_TOKENS = 4096
"""Most tokens of an answer with reasons, thoughts of the model included: the longest of our tests
takes 700, and who thinks takes a few thousand."""

POINT_TOKENS = 2048
"""Most tokens of an answer of coordinates. Without thoughts it takes 30."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One way to ask."""

    neighbours: tuple[int | None, ...]
    """One request each: how many of either list it shows; none for all that was retrieved."""
    samples: int
    """Answers to each request."""
    temperature: float | None
    """Temperature of the model; None leaves it as it was set up."""
    schema: type[AnyAnswer]
    answer_tokens: int
    """Most tokens of one answer."""
    system: Callable[[Shown], str]
    lists: Callable[[Shown], str]
    """What stands between the photo and the question."""
    question: Callable[[Shown], str]
    """With the form of the answer."""
    free_form: bool = False
    """Whether no schema goes along, because the question asks for another form."""
    photo_last: bool = False
    """Whether the words stand before the photo, as in the papers' requests."""


PRESETS: dict[PresetName, Preset] = {
    "geofix": Preset(
        neighbours=(None,),
        samples=1,
        temperature=None,
        schema=DraftAnswer,
        answer_tokens=DRAFT_TOKENS,
        system=prompts.our_system,
        lists=prompts.lists,
        question=prompts.our_question,
    ),
    # Four prompts, five answers each (its IM2GPS3k runs), at its temperature for GPT-4V.
    "g3": Preset(
        neighbours=(0, 5, 10, 15),
        samples=5,
        temperature=1.2,
        schema=PointAnswer,
        answer_tokens=POINT_TOKENS,
        system=paper_prompts.paper_system,
        lists=paper_prompts.no_lists,
        question=paper_prompts.g3,
        photo_last=True,
    ),
    # 16 of either list in its code, which is what a run retrieves unless it is told otherwise.
    "img2loc": Preset(
        neighbours=(None,),
        samples=1,
        temperature=None,
        schema=PointAnswer,
        answer_tokens=POINT_TOKENS,
        system=paper_prompts.paper_system,
        lists=paper_prompts.no_lists,
        question=paper_prompts.img2loc,
        free_form=True,
        photo_last=True,
    ),
    "street-level-rag": Preset(
        neighbours=(None,),
        samples=1,
        temperature=None,
        schema=PointAnswer,
        answer_tokens=POINT_TOKENS,
        system=paper_prompts.paper_system,
        lists=paper_prompts.no_lists,
        question=paper_prompts.street_level,
    ),
}
