"""Several answers to one question: from one call where it gives several, else by calls at once."""

from __future__ import annotations

from typing import Any

import pytest

from geofix.tools.errors import ModelError
from geofix.tools.models.ask import MOST_AT_ONCE, ask_many
from tests.fakes import ScriptedChat
from tests.loopback import TOKENS_IN, Finished
from tests.unit.tools.models.lab import PARIS, Spot, error, question, served

NAMES = ["Paris", "Rome", "Oslo"]
SAID = [f'{{"name": "{name}"}}' for name in NAMES]
SEVERAL = Finished(SAID[0], others=tuple(SAID[1:]), model="tiny-7", fingerprint="fp_7")


def names(answers: list[Any]) -> list[str | None]:
    return [None if one.parsed is None else one.parsed.name for one in answers]


def test_one_call_gives_several_where_the_server_can() -> None:
    with served("openai", SEVERAL) as (model, server):
        answers = ask_many(model, question(), Spot, 3, 1.2)
    assert names(answers) == NAMES
    (request,) = server.received
    assert (request.body["n"], request.body["temperature"]) == (3, 1.2)
    assert [one.calls for one in answers] == [1, 0, 0]
    # What one call cost is not counted three times.
    assert [one.tokens.get("input_tokens") for one in answers] == [TOKENS_IN, None, None]
    assert {(one.model, one.revision) for one in answers} == {("tiny-7", "fp_7")}
    assert not any(one.cached for one in answers)


def test_what_a_server_gives_too_few_of_is_asked_for_again() -> None:
    with served("openai", *SAID) as (model, server):
        answers = ask_many(model, question(), Spot, 3)
    assert sorted(str(name) for name in names(answers)) == sorted(NAMES)
    assert ["n" in request.body for request in server.received] == [True, False, False]


def test_a_server_that_gives_one_a_call_is_asked_one_by_one() -> None:
    refused = error(400, "Only one completion choice is allowed")
    with served("openai", refused, *SAID) as (model, server):
        answers = ask_many(model, question(), Spot, 3)
    assert sorted(str(name) for name in names(answers)) == sorted(NAMES)
    assert len(server.received) == 4


@pytest.mark.parametrize("provider", ["ollama", "anthropic", "google"])
def test_other_providers_are_asked_at_once(provider: str) -> None:
    with served(provider, *SAID) as (model, server):
        answers = ask_many(model, question(), Spot, 3, 0.7)
    assert sorted(str(name) for name in names(answers)) == sorted(NAMES)
    assert [one.calls for one in answers] == [1, 1, 1]
    assert all("0.7" in request.text for request in server.received)


def test_each_unusable_sample_is_mended_by_itself() -> None:
    with served("openai", Finished(SAID[0], others=("Rome!", SAID[2])), SAID[1]) as (model, _):
        answers = ask_many(model, question(), Spot, 3)
    assert names(answers) == NAMES
    assert [one.repaired is not None for one in answers] == [False, True, False]
    assert [one.calls for one in answers] == [1, 1, 0]


def test_a_failed_call_for_several_fails_all_of_them_once() -> None:
    with served("openai", error(401, "bad key")) as (model, server):
        answers = ask_many(model, question(), Spot, 3)
    assert all(one.failure is not None and "bad key" in one.failure for one in answers)
    assert len(server.received) == 1


def test_one_failure_among_calls_at_once_leaves_the_others() -> None:
    model = ScriptedChat(answers=[*SAID[:2], ValueError("gone")])
    answers = ask_many(model, question(), Spot, 3)
    assert sorted(str(name) for name in names(answers)) == ["None", "Paris", "Rome"]


def test_more_samples_than_calls_at_once_are_all_asked_for() -> None:
    many = MOST_AT_ONCE + 3
    answers = ask_many(ScriptedChat(answers=[PARIS] * many), question(), Spot, many)
    assert names(answers) == ["Paris"] * many


def test_one_sample_is_a_plain_question() -> None:
    with served("openai", PARIS) as (model, server):
        (answer,) = ask_many(model, question(), Spot, 1)
    assert answer.parsed == Spot(name="Paris")
    assert "n" not in server.received[0].body


@pytest.mark.parametrize("samples", [0, -1])
def test_no_samples_are_no_question(samples: int) -> None:
    with pytest.raises(ModelError, match=str(samples)):
        ask_many(ScriptedChat(answers=[]), question(), Spot, samples)


def test_a_client_without_a_temperature_is_said_to_have_none() -> None:
    (answer,) = ask_many(ScriptedChat(answers=[PARIS]), question(), Spot, 1, 1.2)
    assert "temperature" in answer.notes[0]
