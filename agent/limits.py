"""What a run may still spend on its model: its limits less what its rounds took."""

from __future__ import annotations

import time

from geofix.agent.context import Context
from geofix.agent.spending import Spending
from geofix.tools.answers import COUNTED
from geofix.tools.budget import Budget, Spent


def budget_of(context: Context, began_epoch_s: float, rounds: list[Spending]) -> Budget | None:
    """Return what is left for this round; none where nothing is limited.

    Args:
        context: With the limits.
        began_epoch_s: When the run began, seconds since 1970: what a run that was cut off waited
            counts.
        rounds: What earlier ones took.
    """
    if (context.max_cost, context.max_tokens, context.max_seconds) == (None, None, None):
        return None
    costs = [one.cost_usd for one in rounds if one.calls]
    before = Spent(
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        tokens=None if any(one.uncounted for one in rounds) else _tokens(rounds),
        seconds=max(0.0, time.time() - began_epoch_s),
    )
    return Budget(context.max_cost, context.max_tokens, context.max_seconds, before=before)


def _tokens(rounds: list[Spending]) -> int:
    return sum(one.tokens.get(kind, 0) for one in rounds for kind in COUNTED)
