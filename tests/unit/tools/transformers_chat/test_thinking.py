"""Free text first, then an answer in a schema, in one conversation."""

from __future__ import annotations

import json
from collections.abc import Callable

import torch

from geofix.tools.transformers_chat import TransformersChat
from geofix.tools.transformers_chat.generation import generate
from geofix.tools.transformers_chat.prompt import chat_of, closing_turn, model_input
from geofix.tools.transformers_chat.wish import Watch, Wish
from tests.unit.tools.transformers_chat.conftest import QUESTION, Place, messages
from tests.unit.tools.transformers_chat.families import EVERY_FAMILY

Named = Callable[..., TransformersChat]


@EVERY_FAMILY
def test_every_sample_thinks_and_then_answers_in_the_schema(family: str, named: Named) -> None:
    model = named(family, "think=true&think_tokens=20&max_new_tokens=350&temperature=1")
    torch.manual_seed(0)
    given = messages(model, n=2, response_schema=Place)
    assert len(given) == 2
    for message in given:
        Place.model_validate_json(message.text)
    assert any(message.additional_kwargs.get("reasoning_content") for message in given)


@EVERY_FAMILY
def test_the_second_turn_reads_as_if_the_conversation_were_written_out(
    family: str, named: Named
) -> None:
    """Also where one thought is shorter than another, so that padding lies in the cache."""
    model = named(family)
    model.invoke(QUESTION, max_new_tokens=1)
    loaded = model._weights.loaded
    assert loaded is not None
    seen: list[torch.Tensor] = []

    def record(_: object, args: object, output: torch.Tensor) -> None:
        if len(seen) == 3:
            output[0, -1, loaded.end_tokens[0]] += 1000
        seen.append(output[:, -1].clone())

    hook = loaded.model.get_output_embeddings().register_forward_hook(record)
    wish = Wish(2, 1.0, 1, schema=Place.model_json_schema(), think_tokens=6)
    torch.manual_seed(0)
    made = generate(loaded, chat_of(QUESTION), wish, Watch(None))
    hook.remove()
    assert [len(sample.thought) for sample in made.samples] == [3, 6]
    turn = closing_turn(loaded, json.dumps(wish.schema))
    for row, sample in enumerate(made.samples):
        inputs = model_input(loaded, chat_of(QUESTION))
        more = torch.cat([torch.tensor(sample.thought), turn])[None]
        inputs["input_ids"] = torch.cat([inputs["input_ids"], more], dim=-1)
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if "mm_token_type_ids" in inputs:
            words = torch.zeros_like(more)
            inputs["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], words], dim=-1)
        with torch.inference_mode():
            anew = loaded.model(**inputs).logits[0, -1]
        assert torch.allclose(seen[6][row], anew, atol=1e-3)


def test_words_between_thought_and_answer_end_the_turn_and_show_the_schema(
    llava: TransformersChat,
) -> None:
    llava.invoke(QUESTION, max_new_tokens=1)
    loaded = llava._weights.loaded
    assert loaded is not None
    words = loaded.tokenizer.decode(closing_turn(loaded, '{"a": 1}'))
    assert words.startswith("<|im_end|>\n<|im_start|>user\n")
    assert '{"a": 1}' in words
    assert words.endswith("<|im_start|>assistant\n")


def test_without_a_schema_there_is_nothing_to_think_before(named: Named) -> None:
    plain = named("llava", "max_new_tokens=9").invoke(QUESTION)
    thinking = named("llava", "max_new_tokens=9&think=true").invoke(QUESTION)
    assert thinking.text == plain.text
    assert thinking.additional_kwargs == {}


def test_a_deadline_among_thoughts_leaves_no_answer_and_says_so(llava: TransformersChat) -> None:
    llava.invoke(QUESTION, max_new_tokens=1)
    answer = llava.invoke(
        QUESTION, response_schema=Place, think=True, think_tokens=2000, timeout=0.1
    )
    assert answer.text == ""
    assert answer.additional_kwargs["reasoning_content"]
    assert answer.response_metadata["finish_reason"] == "deadline"
