"""Answers piece by piece."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from langchain_core.messages import AIMessageChunk

from geofix.tools.errors import ModelError
from geofix.tools.transformers_chat import TransformersChat
from tests.unit.tools.transformers_chat.conftest import QUESTION, Place

Named = Callable[..., TransformersChat]


def joined(model: TransformersChat, **options: object) -> tuple[AIMessageChunk, int]:
    chunks = [chunk for chunk in model.stream(QUESTION, **options)]  # type: ignore[arg-type]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert isinstance(whole, AIMessageChunk)
    return whole, len(chunks)


@pytest.mark.parametrize("options", [{}, {"response_schema": Place, "max_new_tokens": 150}])
def test_a_stream_is_the_answer_in_pieces(named: Named, options: dict[str, object]) -> None:
    model = named("llava", "max_new_tokens=60")
    answer = model.invoke(QUESTION, **options)  # type: ignore[arg-type]
    whole, pieces = joined(model, **options)
    assert whole.text == answer.text
    assert pieces > 10
    assert whole.usage_metadata == answer.usage_metadata
    assert whole.response_metadata["finish_reason"] == answer.response_metadata["finish_reason"]


def test_half_characters_wait_for_their_other_half(named: Named) -> None:
    model = named("llava", "max_new_tokens=8")
    model.invoke(QUESTION, max_new_tokens=1)
    loaded = model._weights.loaded
    assert loaded is not None
    tokens = iter(loaded.tokenizer.encode("Zürich"))

    def say(_: object, args: object, output: object) -> None:
        output[..., next(tokens, loaded.end_tokens[0])] += 1000  # type: ignore[index]

    hook = loaded.model.get_output_embeddings().register_forward_hook(say)
    pieces = [chunk.text for chunk in model.stream(QUESTION)]
    hook.remove()
    assert "".join(pieces) == "Zürich"
    assert pieces[:2] == ["Z", "ü"]


def test_thoughts_and_answer_come_apart(named: Named) -> None:
    model = named("llava", "think=true&think_tokens=15&max_new_tokens=150")
    answer = model.invoke(QUESTION, response_schema=Place)
    whole, _ = joined(model, response_schema=Place)
    assert whole.text == answer.text
    assert whole.additional_kwargs == answer.additional_kwargs


def test_the_text_that_ends_an_answer_is_never_passed_on(named: Named) -> None:
    model = named("llava", "max_new_tokens=30")
    stop = model.invoke(QUESTION).text[10:13]
    cut = model.invoke(QUESTION, stop=[stop]).text
    assert "".join(chunk.text for chunk in model.stream(QUESTION, stop=[stop])) == cut


def test_a_listener_that_goes_away_stops_the_work(llava: TransformersChat) -> None:
    llava.invoke(QUESTION, max_new_tokens=1)
    stream = llava.stream(QUESTION, max_new_tokens=3500)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert not any(thread.name == "geofix-stream" for thread in threading.enumerate())
    # The lock is free again.
    llava.invoke(QUESTION, max_new_tokens=1, timeout=5)


def test_what_goes_wrong_reaches_the_listener(llava: TransformersChat) -> None:
    schema = {"title": "Impossible", "$ref": "#/$defs/nowhere"}
    with pytest.raises(ModelError, match="Impossible"):
        list(llava.stream(QUESTION, response_schema=schema))


def test_it_answers_and_streams_under_asyncio(named: Named) -> None:
    model = named("llava", "max_new_tokens=12")

    async def both() -> tuple[str, str]:
        answer = await model.ainvoke(QUESTION)
        pieces = [chunk.text async for chunk in model.astream(QUESTION)]
        return answer.text, "".join(pieces)

    answer, streamed = asyncio.run(both())
    assert answer == streamed
