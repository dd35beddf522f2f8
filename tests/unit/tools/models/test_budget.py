"""Budgets: a call they forbid is not begun, and a call they allow is bounded by them."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from geofix.tools.errors import ModelError
from geofix.tools.models.ask import ask, ask_many
from geofix.tools.models.budget import Budget
from geofix.tools.models.calls import DeadlineError, within
from geofix.tools.models.prices import Price
from tests.loopback import TOKENS_IN, TOKENS_OUT, Finished, Raw
from tests.unit.tools.models.lab import PARIS, PROTOCOLS, Spot, error, question, served

TWO_DOLLARS = Price(2.0, 0.0)
ONE_CALL = 2.0 * TOKENS_IN / 1e6


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test sets; sleeping moves it."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    return now


def test_tokens_and_money_are_counted_over_questions() -> None:
    budget = Budget(max_cost=1.0, max_tokens=10_000)
    with served("openai", "Paris!", PARIS, PARIS) as (model, _):
        for _ in range(2):
            answer = ask(model, question(), Spot, budget=budget, price=TWO_DOLLARS)
    assert answer.cost == pytest.approx(ONE_CALL)
    assert budget.spent.tokens == 3 * (TOKENS_IN + TOKENS_OUT)
    assert budget.spent.cost == pytest.approx(3 * ONE_CALL)
    assert budget.left.tokens == 10_000 - 3 * (TOKENS_IN + TOKENS_OUT)
    assert budget.exhausted() is None


@pytest.mark.parametrize(
    ("limit", "word"), [({"max_tokens": 500}, "500 tokens"), ({"max_cost": 0.001}, "$0.001")]
)
def test_a_call_that_the_budget_forbids_is_not_begun(limit: dict[str, Any], word: str) -> None:
    budget = Budget(**limit)
    with served("openai", PARIS, PARIS) as (model, server):
        first = ask(model, question(), Spot, budget=budget, price=TWO_DOLLARS)
        second = ask(model, question(), Spot, budget=budget, price=TWO_DOLLARS)
    assert first.parsed is not None
    assert second.failure is not None
    assert second.failure.startswith("the model was not asked: the budget of")
    assert word in second.failure
    assert (second.calls, second.cost) == (0, 0.0)
    assert len(server.received) == 1


def test_a_repair_that_the_budget_forbids_is_not_begun() -> None:
    with served("openai", "Paris!") as (model, server):
        answer = ask(model, question(), Spot, budget=Budget(max_tokens=1))
    assert answer.failure is not None and "1 tokens" in answer.failure
    assert answer.texts == ("Paris!",)
    assert len(server.received) == 1


def test_samples_share_the_budget() -> None:
    budget = Budget(max_tokens=1)
    with served("openai", Finished(PARIS, others=("Rome!",))) as (model, _):
        good, bad = ask_many(model, question(), Spot, 2, budget=budget)
    assert good.parsed is not None
    assert bad.failure is not None and "budget" in bad.failure


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_a_call_takes_no_longer_than_the_budget_leaves(provider: str) -> None:
    with served(provider, PARIS, Raw(silent=True), timeout_s=600) as (model, _):
        # What is imported and opened for a first call is not what is looked at.
        assert ask(model, question(), Spot).parsed is not None
        answer = ask(model, question(), Spot, budget=Budget(max_seconds=0.5))
    assert answer.failure is not None
    assert answer.failure.startswith(
        "the model failed and is not asked again: the budget of 0.5 s is spent"
    )


def test_a_pause_the_budget_has_no_time_for_ends_the_question(clock: list[float]) -> None:
    with served("openai", error(429, "slow down", retry_after="15")) as (model, server):
        answer = ask(model, question(), Spot, budget=Budget(max_seconds=10))
    assert answer.failure is not None
    assert "the budget leaves no time to try again: 10 s" in answer.failure
    assert len(server.received) == 1
    assert clock == [1000.0]


def test_time_goes_by_without_calls_too(clock: list[float]) -> None:
    budget = Budget(max_seconds=5)
    clock[0] += 6
    assert budget.exhausted() == "the budget of 5 s is spent"
    assert budget.left.seconds == 0


@pytest.mark.parametrize("limit", [{"max_cost": 1.0}, {"max_tokens": 99_999}])
def test_a_server_that_does_not_count_ends_a_budget_that_must(limit: dict[str, Any]) -> None:
    budget = Budget(**limit)
    with served("openai", Finished(PARIS, uncounted=True)) as (model, _):
        first = ask(model, question(), Spot, budget=budget, price=TWO_DOLLARS)
        second = ask(model, question(), Spot, budget=budget, price=TWO_DOLLARS)
    assert (first.parsed, first.cost) == (Spot(name="Paris"), None)
    assert second.failure is not None and "usable token count" in second.failure


def test_money_cannot_be_limited_where_no_price_is_known() -> None:
    with served("openai") as (model, server):
        with pytest.raises(ModelError, match=r"price is not known.*'0/0'"):
            ask(model, question(), Spot, budget=Budget(max_cost=1))
        assert server.received == []


@pytest.mark.parametrize("limit", ["max_cost", "max_tokens", "max_seconds"])
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_a_limit_below_0_is_none(limit: str, value: float) -> None:
    with pytest.raises(ModelError, match=limit):
        Budget(**{limit: value})


def test_a_call_that_may_have_been_charged_has_no_known_cost() -> None:
    with served("openai", Raw(silent=True), error(401, "bad key")) as (model, _):
        silent = ask(model, question(), Spot, price=TWO_DOLLARS)
        denied = ask(model, question(), Spot, price=TWO_DOLLARS)
    assert (silent.cost, denied.cost) == (None, 0.0)


def test_work_that_is_left_behind_is_not_waited_for() -> None:
    # Whoever waited for it would wait for ever.
    stuck = threading.Event()
    with pytest.raises(DeadlineError, match=r"within 0\.0 s"):
        within(0.01, stuck.wait)
    stuck.set()


def test_an_exception_of_the_work_is_its_own() -> None:
    def fails() -> AIMessage:
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"):
        within(5, fails)
