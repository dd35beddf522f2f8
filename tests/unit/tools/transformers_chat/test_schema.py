"""Answers held to a schema, also where a model would never come to an end of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import BaseModel

from geofix.tools.errors import ModelError
from geofix.tools.models.ask import ask, ask_many
from geofix.tools.transformers_chat import TransformersChat, constraint
from tests.unit.tools.transformers_chat.conftest import QUESTION, Place

Named = Callable[..., TransformersChat]

SHORT = "max_new_tokens=150"
"""Room for a whole answer, which is closed in time; random weights fill whatever they are given."""


class Story(BaseModel):
    text: str
    tags: list[str]


def test_a_bound_schema_gives_the_object_and_the_message(named: Named) -> None:
    llava = named("llava", SHORT)
    got: Any = llava.with_structured_output(Place, include_raw=True).invoke(QUESTION)
    assert isinstance(got["parsed"], Place)
    assert got["parsing_error"] is None
    assert Place.model_validate_json(got["raw"].text) == got["parsed"]


def test_a_json_schema_gives_a_dict(named: Named) -> None:
    llava = named("llava", SHORT)
    chain = llava.with_structured_output(Place.model_json_schema(), method="json_schema")
    assert Place.model_validate(chain.invoke(QUESTION))


def test_an_answer_cut_off_is_raw_with_what_is_wrong(named: Named) -> None:
    model = named("llava", "max_new_tokens=4")
    got: Any = model.with_structured_output(Place, include_raw=True).invoke(QUESTION)
    assert got["parsed"] is None
    assert got["parsing_error"] is not None
    assert got["raw"].response_metadata["finish_reason"] == "length"


def test_geofix_asks_it_for_several_answers_by_one_call(named: Named) -> None:
    model = named("llava", SHORT)
    torch.manual_seed(0)
    answers = ask_many(model, QUESTION, Place, 3, 1.0)
    assert [answer.failure for answer in answers] == [None] * 3
    assert len({answer.texts for answer in answers}) == 3
    assert [answer.calls for answer in answers] == [1, 0, 0]
    assert answers[0].tokens["input_tokens"] > 0
    assert (answers[0].model, answers[0].revision) == ("llava", model.revision)


def test_a_model_that_cannot_stop_talking_is_stopped(
    named: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constraint, "LONGEST_STRING", 50)
    model = named("llava", "max_new_tokens=160")
    model.invoke(QUESTION, max_new_tokens=1)
    loaded = model._weights.loaded
    assert loaded is not None
    letter = loaded.tokenizer.convert_tokens_to_ids("a")
    head = loaded.model.get_output_embeddings()
    hook = head.register_forward_hook(lambda _, args, output: _always(output, letter))
    answer = ask(model, QUESTION, Story)
    hook.remove()
    assert answer.parsed is not None
    assert answer.parsed.text == "a" * 50
    assert len(answer.parsed.tags) > 0


def _always(output: torch.Tensor, token: int) -> torch.Tensor:
    output[..., token] += 1000
    return output


def test_tokens_of_pictures_are_not_written_into_texts(named: Named) -> None:
    model = named("llava", "max_new_tokens=200")
    model.invoke(QUESTION, max_new_tokens=1)
    loaded = model._weights.loaded
    assert loaded is not None
    image = loaded.tokenizer.convert_tokens_to_ids("<image>")
    head = loaded.model.get_output_embeddings()
    seen: list[list[int]] = []
    hooks = [
        head.register_forward_hook(lambda _, args, output: _always(output, image)),
        loaded.model.get_input_embeddings().register_forward_pre_hook(
            lambda _, args: seen.append(args[0].flatten().tolist())
        ),
    ]
    answer = ask(model, QUESTION, Story)
    for hook in hooks:
        hook.remove()
    assert answer.parsed is not None
    assert all(image not in tokens for tokens in seen[1:])


def test_a_schema_that_is_none_is_refused(llava: TransformersChat) -> None:
    with pytest.raises(ModelError, match="'Place' is not a schema"):
        llava.with_structured_output("Place")


def test_a_schema_xgrammar_cannot_hold_is_refused_by_name(llava: TransformersChat) -> None:
    schema = {"title": "Impossible", "$ref": "#/$defs/nowhere"}
    with pytest.raises(ModelError, match="Impossible"):
        llava.invoke(QUESTION, response_schema=schema)


def test_a_grammar_is_compiled_once(llava: TransformersChat) -> None:
    llava.invoke(QUESTION, response_schema=Place, max_new_tokens=1)
    loaded = llava._weights.loaded
    assert loaded is not None
    first = loaded.grammars.grammar(Place.model_json_schema())
    assert loaded.grammars.grammar(json.loads(json.dumps(Place.model_json_schema()))) is first
