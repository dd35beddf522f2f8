"""Prices: what a call costs where that is known, and None where it is not."""

from __future__ import annotations

import re
from datetime import date

import pytest

from geofix.tools.errors import ModelError
from geofix.tools.models.ask import ask
from geofix.tools.models.budget import price_at
from geofix.tools.models.prices import LONG_PROMPT, Price, is_free
from geofix.tools.models.privacy import IN_PROCESS, Destination
from geofix.tools.models.providers import PROVIDERS
from tests.fakes import ScriptedChat
from tests.unit.tools.models.lab import PARIS, Spot, question, served

OPENAI = Destination("api.openai.com", stays=False)
EVERY = [price for provider in PROVIDERS.values() for price in provider.prices.values()]


def test_a_cost_is_that_of_input_output_and_what_was_cached() -> None:
    price = Price(2.0, 8.0, 0.5)
    tokens = {"input_tokens": 1_000_000, "output_tokens": 500_000, "cached_input_tokens": 400_000}
    assert price.cost(tokens) == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 4)
    assert Price(2.0, 8.0).cost(tokens) == pytest.approx(2 + 4)


def test_a_cost_is_unknown_where_tokens_are() -> None:
    assert Price(2.0, 8.0).cost({}) is None
    assert Price(2.0, 8.0).cost({"input_tokens": 1}) is None
    assert Price(0.0, 0.0).cost({}) == 0


def test_a_long_prompt_has_no_listed_cost() -> None:
    tokens = {"input_tokens": LONG_PROMPT + 1, "output_tokens": 1}
    listed = price_at(OPENAI, "gpt-4.1")
    assert listed is not None
    assert listed.cost(tokens) is None
    assert listed.cost({**tokens, "input_tokens": LONG_PROMPT}) is not None
    assert Price(2.0, 8.0).cost(tokens) is not None


@pytest.mark.parametrize("name", ["gpt-4.1", "gpt-4.1-2025-04-14", "gpt-4.1-latest"])
def test_a_dated_name_has_the_price_of_its_model(name: str) -> None:
    assert price_at(OPENAI, name) is PROVIDERS["openai"].prices["gpt-4.1"]


def test_google_may_name_the_kind_before_the_model() -> None:
    google = Destination("generativelanguage.googleapis.com", stays=False)
    assert price_at(google, "models/gemini-3.5-flash") == price_at(google, "gemini-3.5-flash")
    assert price_at(google, "gemini-3.5-flash") is not None


@pytest.mark.parametrize("name", ["gpt-4.1-mini", "gpt-4.1-turbo", "gpt", "", None])
def test_a_name_that_only_looks_alike_has_none(name: str | None) -> None:
    assert price_at(OPENAI, name) is None


def test_the_name_the_server_gives_comes_first() -> None:
    assert price_at(OPENAI, "gpt-5.4-mini-2026-03-17", "gpt-5.4") == price_at(
        OPENAI, "gpt-5.4-mini"
    )
    assert price_at(OPENAI, "ft:mine", "gpt-5.4") == price_at(OPENAI, "gpt-5.4")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "10.0.0.1", "openrouter.ai", "unknown"])
def test_a_price_holds_at_the_providers_own_address_only(host: str) -> None:
    assert price_at(Destination(host, stays=host.startswith("127")), "gpt-4.1") is None


def test_only_a_model_in_this_process_is_free_for_certain() -> None:
    assert is_free(price_at(Destination(IN_PROCESS, stays=True), "Qwen/Qwen2.5-VL-7B-Instruct"))
    assert not is_free(None)


def test_every_figure_has_its_page_and_its_date() -> None:
    assert len(EVERY) == 18
    for price in EVERY:
        assert re.match(r"https://", price.source)
        assert price.read_on is not None
        assert date(2026, 1, 1) <= date.fromisoformat(price.read_on)
        assert 0 < price.input < price.output
        assert price.cached is None or price.cached < price.input


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("2.50/10", Price(2.5, 10)),
        ("2.5/10/0.25", Price(2.5, 10, 0.25)),
        ("0/0", Price(0, 0)),
        (" 1 / 2 ", Price(1, 2)),
    ],
)
def test_a_price_of_ones_own_is_read(text: str, price: Price) -> None:
    assert Price.parse(text) == price


@pytest.mark.parametrize("text", ["", "2.5", "2,50/10", "a/b", "-1/2", "1/2/3/4", "nan/1", "inf/1"])
def test_what_is_no_price_is_named(text: str) -> None:
    with pytest.raises(ModelError, match="per million tokens") as caught:
        Price.parse(text)
    assert repr(text) in str(caught.value)


def test_an_answer_of_a_server_of_ones_own_has_no_cost_unless_a_price_is_given() -> None:
    with served("openai", PARIS, PARIS, PARIS) as (model, _):
        unknown = ask(model, question(), Spot)
        free = ask(model, question(), Spot, price=Price(0, 0))
        paid = ask(model, question(), Spot, price=Price(1000, 0))
    assert (unknown.cost, free.cost, paid.cost) == (None, 0.0, 0.812)


def test_a_model_in_this_process_costs_nothing() -> None:
    class Local(ScriptedChat):
        in_process: bool = True

    assert ask(Local(answers=[PARIS]), question(), Spot).cost == 0.0
