"""Where a draft comes from: how a model was asked for it, and what the answer cost."""

from __future__ import annotations

from pydantic import BaseModel, Field

from geofix.agent.preset_names import PresetName


class Provenance(BaseModel):
    """How one draft of a model came about."""

    preset: PresetName
    """In whose words the model was asked."""
    prompt_version: str
    neighbours: int
    """How many similar photos it was shown."""
    sample: int
    """Which of several answers to one question, from 1 on."""
    model: str | None = None
    """As the server names it, which may be another than was asked for."""
    revision: str | None = None
    """Of the model or its build, where it is known."""
    tokens: dict[str, int] = Field(default_factory=dict)
    """Spent on this answer; nothing for one out of the cache."""
    seconds: float | None = None
    """From the question to this answer."""
    cost_usd: float | None = None
    """Where prices are known."""
