"""Models, filters and servers that will not: no arguing, and the plain reason."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from geofix.tools.models.ask import ask
from geofix.tools.models.reply import sounds_refused
from tests.loopback import Finished
from tests.unit.tools.models.lab import PARIS, PROTOCOLS, Spot, asked, error, served

NO_FORMAT = "This response_format type is unavailable now"


@pytest.mark.parametrize(
    ("provider", "refusal", "word"),
    [
        ("openai", Finished(None, refusal="I do not locate people."), "I do not locate people."),
        ("openai", Finished(None, "content_filter"), "content_filter"),
        ("openai", Finished("I'm sorry, but I can't help identify locations."), "can't help"),
        ("ollama", Finished("I can\N{RIGHT SINGLE QUOTATION MARK}t assist with that."), "assist"),
        ("anthropic", Finished("I won't help to find a person.", "refusal"), "won't help"),
        ("anthropic", Finished("", "refusal"), "refusal"),
        ("google", Finished("", "safety"), "SAFETY"),
        ("google", Finished("", refusal="PROHIBITED_CONTENT"), "PROHIBITED_CONTENT"),
    ],
)
def test_a_refusal_is_not_argued_with(provider: str, refusal: Finished, word: str) -> None:
    answer, server = asked(provider, refusal)
    assert answer.failure is not None
    assert answer.failure.startswith("the model refused: ")
    assert word in answer.failure
    assert (answer.repaired, len(server.received)) == (None, 1)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I can't help identify locations.", True),
        ("I cannot assist with identifying where a photo was taken.", True),
        ("I'm sorry, I can't do that.", True),
        ("I am unable to provide the location of this person.", True),
        ("I cannot tell where this is.", False),
        ("I can't see any text, but the dome is Sacre-Coeur.", False),
        ("The sign is in French. " * 30 + "I can't help thinking of Paris.", False),
        ("It is Paris.", False),
    ],
)
def test_a_refusal_is_told_from_an_answer_out_of_form(text: str, refused: bool) -> None:
    assert sounds_refused(text) is refused


def test_a_refusal_around_an_answer_is_an_answer() -> None:
    answer, _ = asked("openai", f"I'm sorry, I can't be sure. {PARIS}")
    assert answer.parsed is not None


@pytest.mark.parametrize("provider", list(PROTOCOLS))
@pytest.mark.parametrize(
    ("status", "message"),
    [
        (500, "image input is not supported - hint: if this is unexpected, provide the mmproj"),
        (500, "failed to process inputs: this model is missing data required for image input"),
        (400, "this model does not support image input"),
        (400, "Model does not support images. Please use a model that does."),
        (400, "/models/tiny is not a multimodal model"),
        (400, "At most 0 image(s) may be provided in one prompt."),
        (404, "No endpoints found that support image input"),
        (400, "Invalid content type. image_url is only supported by certain models."),
        (422, "unknown variant `image_url`, expected `text`"),
    ],
)
def test_a_server_that_takes_no_images_is_asked_once_and_named(
    provider: str, status: int, message: str, waits: list[float]
) -> None:
    answer, server = asked(provider, error(status, message))
    assert answer.failure is not None
    assert answer.failure.startswith("the model 'tiny' takes no images")
    assert "use a model that takes images" in answer.failure
    assert (len(server.received), waits) == (1, [])


def test_other_trouble_with_an_image_is_not_taken_for_blindness() -> None:
    answer, _ = asked("openai", error(400, "the image is too large"))
    assert answer.failure is not None and "takes no images" not in answer.failure


def test_a_question_without_a_picture_is_not_refused_for_one() -> None:
    with served("openai", error(400, "image input is not supported")) as (model, _):
        answer = ask(model, [HumanMessage("where?")], Spot)
    assert answer.failure is not None and "takes no images" not in answer.failure


def _said(server: Any, number: int) -> str:
    return str(server.received[number].body["messages"])


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, NO_FORMAT),
        (422, "response_format.type: json_schema is not supported"),
        (400, "Invalid schema for response_format 'Spot'"),
        (400, "guided decoding is not available"),
        (500, "failed to parse grammar"),
    ],
)
def test_a_server_that_refuses_the_schema_is_told_it_in_words(status: int, message: str) -> None:
    answer, server = asked("openai", error(status, message), f"Here it is: {PARIS}")
    assert answer.parsed is not None
    assert answer.repaired is None
    assert answer.notes == (
        "the server rejected the answer's schema, so the schema was put into the prompt",
    )
    first, second = server.received
    assert "response_format" in first.body and "response_format" not in second.body
    assert "fits this JSON schema" in _said(server, 1) and "fits this" not in _said(server, 0)
    assert len(second.body["messages"]) == len(first.body["messages"])


def test_a_schema_is_given_up_once() -> None:
    answer, server = asked("openai", *[error(400, NO_FORMAT)] * 2)
    assert answer.failure is not None and NO_FORMAT in answer.failure
    assert len(server.received) == 2


def test_the_repair_of_an_answer_in_words_is_in_words_too() -> None:
    answer, server = asked("openai", error(400, NO_FORMAT), "Paris!", PARIS)
    assert answer.parsed is not None
    assert "response_format" not in server.received[2].body
    assert answer.calls == 3


def test_a_model_that_takes_no_temperature_is_left_its_own() -> None:
    refused = error(400, "Unsupported value: 'temperature' does not support 0.7 with this model")
    answer, server = asked("openai", refused, PARIS, temperature=0.7)
    assert answer.parsed is not None
    assert server.received[0].body["temperature"] == 0.7
    assert "temperature" not in server.received[1].body
    assert answer.notes == ("the model does not accept a temperature and used its own",)
