"""Every family by the way users go: as plain `generate`, and held to a schema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from geofix.tools.transformers_chat import TransformersChat
from geofix.tools.transformers_chat.loading import load_processor
from geofix.tools.transformers_chat.prompt import chat_of
from tests.unit.tools.transformers_chat.conftest import QUESTION, Place, messages
from tests.unit.tools.transformers_chat.families import EVERY_FAMILY

Named = Callable[..., TransformersChat]
hf: Any = transformers


def plainly(folder: Path, **options: Any) -> list[str]:
    """What transformers alone answers to the question."""
    model = hf.AutoModelForImageTextToText.from_pretrained(folder)
    processor = load_processor(folder, model.config.model_type)
    inputs = processor.apply_chat_template(
        chat_of(QUESTION),
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    ids = processor.tokenizer
    ends = {"eos_token_id": ids.eos_token_id, "pad_token_id": ids.pad_token_id}
    rows = model.generate(**inputs, **options, **ends, max_new_tokens=24)
    written: list[str] = ids.batch_decode(
        rows[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
    )
    return written


@EVERY_FAMILY
def test_a_greedy_answer_is_that_of_generate(
    family: str, named: Named, folder: Callable[[str], Path]
) -> None:
    answer = named(family, "max_new_tokens=24").invoke(QUESTION)
    assert [answer.text] == plainly(folder(family), do_sample=False)


@EVERY_FAMILY
def test_samples_of_one_prefill_are_those_of_generate(
    family: str, named: Named, folder: Callable[[str], Path]
) -> None:
    model = named(family, "max_new_tokens=24&temperature=1.3")
    model.invoke(QUESTION, max_new_tokens=1)
    torch.manual_seed(7)
    several = messages(model, n=3)
    torch.manual_seed(7)
    expected = plainly(folder(family), do_sample=True, temperature=1.3, num_return_sequences=3)
    assert [one.text for one in several] == expected
    assert len(set(expected)) == 3


@EVERY_FAMILY
def test_a_schema_holds_for_random_weights_in_every_sample(family: str, named: Named) -> None:
    model = named(family, "temperature=1.5&max_new_tokens=350")
    torch.manual_seed(0)
    given = messages(model, n=3, response_schema=Place)
    assert len(given) == 3
    for message in given:
        Place.model_validate_json(message.text)
        assert message.response_metadata["finish_reason"] == "stop"


def test_the_tiny_llava_is_as_small_as_promised(llava: TransformersChat) -> None:
    llava.invoke(QUESTION, max_new_tokens=1)
    loaded = llava._weights.loaded
    assert loaded is not None
    assert 100_000 < loaded.model.num_parameters() < 200_000
