"""The limit of an answer's tokens: sent to every provider, given up where refused, and told."""

from __future__ import annotations

from typing import Any

import pytest

from geofix.tools.models.ask import ask
from geofix.tools.models.demands import NO_LIMIT
from tests.loopback import Finished
from tests.unit.tools.models.lab import PARIS, Spot, asked, error, question, served

TOO_LONG = "'max_tokens' is too large: 500. This model's maximum context length is 400 tokens"

FIELDS: dict[str, tuple[str, ...]] = {
    "openai": ("max_completion_tokens",),
    "ollama": ("options", "num_predict"),
    "anthropic": ("max_tokens",),
    "google": ("generationConfig", "maxOutputTokens"),
}


def sent(provider: str, body: Any) -> Any:
    for name in FIELDS[provider]:
        body = body.get(name, {})
    return body or None


@pytest.mark.parametrize("provider", FIELDS)
def test_every_provider_is_told_in_its_own_way(provider: str) -> None:
    answer, server = asked(provider, PARIS, answer_tokens=500)
    assert answer.parsed is not None
    assert [sent(provider, request.body) for request in server.received] == [500]


def test_a_smaller_limit_of_the_models_own_holds() -> None:
    for own, most in ((100, 100), (10_000, 500)):
        with served("openai", PARIS) as (model, server):
            ask(model.model_copy(update={"max_tokens": own}), question(), Spot, answer_tokens=500)
        assert sent("openai", server.received[0].body) == most


def test_a_server_that_refuses_the_limit_is_asked_without_it_and_that_is_said() -> None:
    answer, server = asked("openai", error(400, TOO_LONG), PARIS, answer_tokens=500)
    assert (answer.parsed, answer.notes) == (Spot(name="Paris"), (NO_LIMIT,))
    assert [sent("openai", request.body) for request in server.received] == [500, None]


def test_an_answer_cut_off_at_the_limit_is_told_as_one() -> None:
    cut = Finished(PARIS[:-5], "length")
    answer, server = asked("ollama", cut, PARIS, answer_tokens=500)
    assert answer.repaired is not None
    assert answer.repaired.startswith("it was cut off at the limit of 500 tokens, so be brief; ")
    assert "limit of 500 tokens" in server.received[1].text
