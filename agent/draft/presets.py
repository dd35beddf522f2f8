"""The ways a model is asked, as data: which lists, how often, how freely, in which words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from geofix.agent.draft import PresetName, prompts
from geofix.agent.draft.answers import AnyAnswer, DraftAnswer, PointAnswer
from geofix.agent.draft.lists import Shown

VERSION = "geofix-4"
"""Version of the wording of all prompts; raise it with every change."""


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
    system: Callable[[Shown], str]
    lists: Callable[[Shown], str]


PRESETS: dict[PresetName, Preset] = {
    "geofix": Preset(
        neighbours=(None,),
        samples=1,
        temperature=None,
        schema=DraftAnswer,
        system=prompts.our_system,
        lists=prompts.lists,
    ),
    # Four prompts, five answers each (its IM2GPS3k runs), at its temperature for GPT-4V.
    "g3": Preset(
        neighbours=(0, 5, 10, 15),
        samples=5,
        temperature=1.2,
        schema=PointAnswer,
        system=prompts.paper_system,
        lists=prompts.g3,
    ),
    "img2loc": Preset(
        neighbours=(16,),
        samples=1,
        temperature=None,
        schema=PointAnswer,
        system=prompts.paper_system,
        lists=prompts.img2loc,
    ),
    # Its wording is not published; Img2Loc's stands in for it.
    "street-level-rag": Preset(
        neighbours=(None,),
        samples=1,
        temperature=None,
        schema=PointAnswer,
        system=prompts.paper_system,
        lists=prompts.img2loc,
    ),
}
