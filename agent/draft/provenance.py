"""What a draft rests on, and what a round of calls cost; checkpoints store all of it."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, BaseModel, Field

from geofix.agent.answer import Line
from geofix.agent.draft import PresetName

ClueKind = Literal[
    "text", "landmark", "building", "road", "vehicle", "vegetation", "terrain", "sun", "people",
    "other",
]  # fmt: skip


class Clue(BaseModel):
    """Something in the photo that supports or contradicts a place."""

    kind: ClueKind = "other"
    observation: Line


AGREES_WITH = AliasChoices("agrees_with", "copied_from")
"""What `Draft.agrees_with` is read from; earlier versions stored it by the second name."""


class ShownPicture(BaseModel):
    """A gallery photo that the model was shown beside the photo."""

    candidate: int
    """Number of the candidate in the prompt, from 1."""
    gallery: str
    source: str
    external_id: str


class Provenance(BaseModel):
    """How a model made one draft."""

    preset: PresetName
    """Which prompt the model got."""
    prompt_version: str
    neighbours: int
    """Number of similar photos that the model was shown."""
    sample: int
    """Number of this answer among several to the same request, from 1."""
    model: str | None = None
    """The model's name as the server reports it; it can differ from the requested name."""
    revision: str | None = None
    """Revision of the model or its build, if known."""
    tokens: dict[str, int] = Field(default_factory=dict)
    """Tokens spent on this answer; empty for an answer from the cache."""
    seconds: float | None = None
    """Time from the request to this answer."""
    cost_usd: float | None = None
    """None if the prices are not known."""
    pictures: list[ShownPicture] = Field(default_factory=list)
    """Gallery photos that the model was shown."""


class SaidClue(Clue):
    """A clue, and who named it."""

    draft: int
    """Number of the run's draft that named it first, from 1."""
    model: Line


class SaidHypothesis(BaseModel):
    """A hypothesis, and who weighed it."""

    hypothesis: Line
    draft: int
    """Number of the run's draft that has it first, from 1."""
    model: Line


class DraftsSaid(BaseModel):
    """What the models' drafts of a run rest on, each thing once."""

    clues: list[SaidClue] = Field(default_factory=list)
    hypotheses: list[SaidHypothesis] = Field(default_factory=list)
    pictures: list[ShownPicture] = Field(default_factory=list)
    """Gallery photos that a model was shown in the last round that showed any."""


class Spending(BaseModel):
    """What one round's model calls cost."""

    calls: int = 0
    tokens: dict[str, int] = Field(default_factory=dict)
    """`input_tokens`, `output_tokens`, as the server counts them."""
    cost_usd: float | None = 0.0
    """None if a price or a token count is not known."""
    uncounted: int = 0
    """Calls whose answers came without a usable token count."""
