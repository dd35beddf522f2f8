"""Kept answers: a re-run is the same and calls nobody; at a temperature only if asked for."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache

from geofix.tools.models.ask import ask, ask_many
from tests.loopback import Finished
from tests.unit.tools.models.lab import PARIS, PROTOCOLS, Spot, error, question, served

SAID = ['{"name": "Paris"}', '{"name": "Rome"}', '{"name": "Oslo"}']
SEVERAL = Finished(SAID[0], others=tuple(SAID[1:]))


def names(answers: list[Any]) -> list[str]:
    return [one.parsed.name for one in answers]


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_a_rerun_is_the_same_and_makes_no_call(provider: str) -> None:
    with served(provider, PARIS) as (model, server):
        model.cache = InMemoryCache()
        first, second = (ask(model, question(), Spot) for _ in range(2))
    assert len(server.received) == 1
    assert (first.cached, second.cached) == (False, True)
    assert (second.parsed, second.texts) == (first.parsed, first.texts)
    assert (second.tokens, second.calls, second.cost) == ({}, 0, 0.0)
    assert second.model == first.model == "tiny"


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_another_model_is_not_given_this_ones_answers(provider: str) -> None:
    cache = InMemoryCache()
    for name in ("tiny", "other"):
        with served(provider, PARIS) as (model, server):
            field = "model_name" if hasattr(model, "model_name") else "model"
            other = model.model_copy(update={field: name, "cache": cache})
            answer = ask(other, question(), Spot)
        assert (answer.cached, len(server.received)) == (False, 1)


def test_a_temperature_above_0_is_not_kept_unless_asked() -> None:
    with served("openai", *SAID) as (model, server):
        model.cache = InMemoryCache()
        answers = [ask(model, question(), Spot, temperature=0.8) for _ in range(2)]
        kept = [ask(model, question(), Spot, temperature=0.8, keep=True) for _ in range(2)]
    assert names(answers) == ["Paris", "Rome"]
    assert names(kept) == ["Oslo", "Oslo"]
    assert len(server.received) == 3


def test_nothing_is_kept_where_that_is_not_wanted() -> None:
    with served("openai", *SAID) as (model, server):
        model.cache = InMemoryCache()
        ask(model, question(), Spot, keep=False)
        ask(model, question(), Spot, keep=False)
    assert len(server.received) == 2


@pytest.mark.parametrize(("provider", "script"), [("openai", (SEVERAL,)), ("ollama", SAID)])
def test_samples_are_kept_apart(provider: str, script: Any) -> None:
    with served(provider, *script) as (model, server):
        model.cache = InMemoryCache()
        runs = [ask_many(model, question(), Spot, 3, 1.2, keep=True) for _ in range(2)]
        calls = len(server.received)
    assert sorted(names(runs[0])) == ["Oslo", "Paris", "Rome"]
    assert names(runs[1]) == names(runs[0])
    assert all(one.cached for one in runs[1])
    assert calls == len(script)


def test_only_the_samples_that_are_missing_are_asked_for() -> None:
    more = Finished(SAID[1], others=(SAID[2],))
    with served("openai", SAID[0], more) as (model, server):
        model.cache = InMemoryCache()
        ask_many(model, question(), Spot, 1, 1.2, keep=True)
        answers = ask_many(model, question(), Spot, 3, 1.2, keep=True)
    assert names(answers) == ["Paris", "Rome", "Oslo"]
    assert [one.cached for one in answers] == [True, False, False]
    assert server.received[1].body["n"] == 2


@pytest.mark.parametrize("other", [{"temperature": 0.5, "keep": True}, {"schema": "City"}])
def test_another_temperature_or_schema_is_another_question(other: dict[str, Any]) -> None:
    class City(Spot):
        pass

    schema = City if other.pop("schema", None) else Spot
    with served("openai", *SAID) as (model, server):
        model.cache = InMemoryCache()
        ask(model, question(), Spot)
        ask(model, question(), schema, **other)
    assert len(server.received) == 2


def test_a_cache_of_the_host_application_is_used_with_samples_apart() -> None:
    set_llm_cache(InMemoryCache())
    try:
        with served("openai", SEVERAL) as (model, server):
            runs = [ask_many(model, question(), Spot, 3) for _ in range(2)]
    finally:
        set_llm_cache(None)
    assert names(runs[0]) == names(runs[1]) == ["Paris", "Rome", "Oslo"]
    assert len(server.received) == 1


def test_a_failure_is_not_kept(waits: list[float]) -> None:
    with served("openai", error(401, "bad key"), PARIS) as (model, _):
        model.cache = InMemoryCache()
        assert ask(model, question(), Spot).failure is not None
        assert ask(model, question(), Spot).parsed is not None


def test_what_was_conceded_is_kept_under_the_question_asked() -> None:
    refused = error(400, "response_format is not supported")
    with served("openai", refused, PARIS) as (model, server):
        model.cache = InMemoryCache()
        first, again = (ask(model, question(), Spot) for _ in range(2))
    assert first.parsed == again.parsed is not None
    assert len(server.received) == 2
    # What the answer had to do without is told again.
    assert again.cached and again.notes == first.notes and first.notes


class Unreadable(InMemoryCache):
    """A cache whose answers were kept under fewer frames than there are now."""

    def lookup(self, prompt: str, llm_string: str) -> Any:
        raise RecursionError


def test_a_kept_answer_that_cannot_be_read_is_asked_for_again() -> None:
    with served("openai", PARIS) as (model, server):
        model.cache = Unreadable()
        answer = ask(model, question(), Spot)
    assert answer.parsed is not None and len(server.received) == 1
    assert any("cached answer could not be read (RecursionError)" in note for note in answer.notes)
