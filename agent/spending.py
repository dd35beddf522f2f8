"""What a run may spend on its model, and what it has spent, over all its rounds."""

from __future__ import annotations

import time

from pydantic import BaseModel, Field

from geofix.agent.context import Context
from geofix.tools.budget import Budget, Spent


class Spending(BaseModel):
    """What one round's questions to the model took."""

    calls: int = 0
    tokens: dict[str, int] = Field(default_factory=dict)
    """`input_tokens`, `output_tokens`, as the server counts them."""
    cost_usd: float | None = 0.0
    """None where a price or a count is not known."""


def limited(context: Context) -> bool:
    """Say whether the run has a budget at all."""
    return (context.max_cost, context.max_tokens, context.max_seconds) != (None, None, None)


def budget_of(context: Context, began: float, rounds: list[Spending]) -> Budget | None:
    """Return what is left for this round; none where nothing is limited.

    Args:
        context: With the limits.
        began: When the run began, seconds since 1970: what a run that was cut off waited counts.
        rounds: What earlier ones took.
    """
    if not limited(context):
        return None
    costs = [one.cost_usd for one in rounds if one.calls]
    before = Spent(
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        tokens=sum(sum(one.tokens.get(kind, 0) for kind in KINDS) for one in rounds),
        seconds=max(0.0, time.time() - began),
    )
    return Budget(context.max_cost, context.max_tokens, context.max_seconds, before=before)


KINDS = ("input_tokens", "output_tokens")
