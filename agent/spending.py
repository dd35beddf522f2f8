"""What a run has spent on its model."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Spending(BaseModel):
    """What one round's questions to the model took."""

    calls: int = 0
    tokens: dict[str, int] = Field(default_factory=dict)
    """`input_tokens`, `output_tokens`, as the server counts them."""
    cost_usd: float | None = 0.0
    """None where a price or a count is not known."""
    uncounted: int = 0
    """Calls that were answered without a usable count of their tokens."""
