"""A real llama.cpp server with a text-only model: what it can do, and how it refuses a photo."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from geofix import Settings
from geofix.agent.draft import check as checking
from geofix.tools.encoders import Encoder
from geofix.tools.models.ask import ask, ask_many
from geofix.tools.models.load import load_chat_model
from tests.integration.scripted_model import is_in_paris
from tests.real_servers import drafted, llama_cpp, question

pytestmark = pytest.mark.slow

REFUSAL = (
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
)
"""In llama.cpp of October 2026."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with llama_cpp() as address:
        yield address


class Capital(BaseModel):
    """The capital of a country."""

    country: str
    capital: str


def test_it_keeps_to_a_schema(url: str) -> None:
    model = load_chat_model("openai:smollm2", base_url=url)
    answer = ask(model, [HumanMessage("What is the capital of France?")], Capital)
    assert answer.parsed is not None and "Paris" in answer.parsed.capital
    assert (answer.repaired, answer.notes, answer.calls) == (None, (), 1)
    assert answer.tokens["output_tokens"] > 0


def test_it_gives_no_more_answers_at_once_than_it_has_slots_and_is_asked_one_by_one(
    url: str,
) -> None:
    model = load_chat_model("openai:smollm2", base_url=url)
    answers = ask_many(model, [HumanMessage("What is the capital of France?")], Capital, 2, 0.0)
    assert all(answer.parsed is not None for answer in answers)
    assert [answer.calls for answer in answers] == [2, 1]


def test_it_refuses_a_photo_in_these_words(url: str) -> None:
    model = load_chat_model("openai:smollm2", base_url=url)
    with pytest.raises(openai.APIStatusError) as refused:
        model.invoke([question("Where is this?", photo=True)])
    assert refused.value.status_code == 500
    error = {"code": 500, "message": REFUSAL, "type": "server_error"}
    assert refused.value.response.json() == {"error": error}


def test_the_photos_vote_instead_and_the_answer_says_why(
    starter_url: str, encoder: Encoder, url: str
) -> None:
    settings = Settings(database_url=starter_url, model="openai:smollm2", model_url=url)
    fix, step = drafted(settings, encoder)
    assert fix.drafted_by == "consensus"
    assert is_in_paris(fix)
    (reason,) = fix.degraded
    assert "takes no images" in reason.text and REFUSAL in reason.text
    assert step.detail["model"] == "openai:smollm2"


def test_the_check_names_it_a_server_for_text(url: str) -> None:
    found = checking.check(Settings(model_url=url), "openai:smollm2")
    assert (found.pictures.sight, found.drafting.fit, found.several) == (
        "refused",
        "not asked",
        None,
    )
    assert found.why_not is not None and REFUSAL in found.why_not
