from __future__ import annotations

import time

import pytest

from geofix.agent.context import Context, budget_of
from geofix.agent.draft.provenance import Spending

ROUND = Spending(calls=2, tokens={"input_tokens": 70, "output_tokens": 30}, cost_usd=0.25)
NOW = time.time()


def spent(rounds: list[Spending], began_s_ago: float = 0.0, **limits: float) -> str | None:
    budget = budget_of(Context(**limits), NOW - began_s_ago, rounds)  # type: ignore[arg-type]
    assert budget is not None
    return budget.exhausted()


def test_a_run_without_limits_has_no_budget() -> None:
    assert budget_of(Context(), NOW, [ROUND]) is None


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_tokens": 200}, "the budget of 200 tokens is spent (200)"),
        ({"max_cost": 0.5}, "the budget of $0.5 is spent ($0.5000)"),
    ],
)
def test_what_earlier_rounds_took_counts(limits: dict[str, float], words: str) -> None:
    assert spent([ROUND], **limits) is None
    assert spent([ROUND, ROUND], **limits) == words


def test_time_counts_from_the_first_step_on() -> None:
    assert spent([], max_seconds=3600) is None
    assert spent([], began_s_ago=3600, max_seconds=3600) == "the budget of 3600 s is spent"


def test_a_round_that_cost_nobody_knows_what_spends_all_money() -> None:
    unknown = ROUND.model_copy(update={"cost_usd": None})
    assert "cannot be enforced" in str(spent([unknown], max_cost=100.0))
    assert spent([unknown], max_tokens=1000) is None
    assert spent([Spending(cost_usd=None)], max_cost=100.0) is None


def test_a_round_whose_tokens_nobody_counted_spends_all_tokens() -> None:
    unknown = ROUND.model_copy(update={"uncounted": 1})
    assert "cannot be enforced" in str(spent([unknown, ROUND], max_tokens=10**6))
    assert spent([unknown], max_cost=100.0) is None
