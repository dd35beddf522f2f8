"""What one call gives: answers in number, tokens counted, an end in time, one prefill."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from geofix.tools.models.ask import ask
from geofix.tools.models.reply import Spoken
from geofix.tools.transformers_chat import TransformersChat
from geofix.tools.transformers_chat.model import BusyError
from tests.unit.tools.transformers_chat.conftest import QUESTION, Place, messages
from tests.unit.tools.transformers_chat.words import END

Named = Callable[..., TransformersChat]


def loaded(model: TransformersChat) -> Any:
    model.invoke(QUESTION, max_new_tokens=1)
    assert model._weights.loaded is not None
    return model._weights.loaded


@pytest.mark.parametrize("options", [{}, {"response_schema": Place, "think": True}])
def test_five_samples_read_prompt_and_pictures_once(
    options: dict[str, Any], llava: TransformersChat
) -> None:
    network = loaded(llava).model.model
    pictures: list[torch.Tensor] = []
    prompts: list[torch.Size] = []
    hooks = [
        network.vision_tower.register_forward_pre_hook(
            lambda _, args, kwargs: pictures.append((args or (kwargs["pixel_values"],))[0]),
            with_kwargs=True,
        ),
        network.language_model.register_forward_pre_hook(
            lambda _, args, kwargs: prompts.append(kwargs["inputs_embeds"].shape),
            with_kwargs=True,
        ),
    ]
    given = messages(llava, n=5, temperature=1.0, max_new_tokens=60, think_tokens=5, **options)
    for hook in hooks:
        hook.remove()
    assert len(given) == 5
    assert [len(one) for one in pictures] == [2]
    assert prompts[0][0] == 1
    long = [shape for shape in prompts if shape[1] > 1]
    # Thoughts and answer lie in one conversation: only the words between are read.
    assert len(long) == (2 if options else 1)
    assert {shape[0] for shape in prompts[1:]} == {5}


def test_pictures_reach_the_model_in_their_order(llava: TransformersChat) -> None:
    seen: list[torch.Tensor] = []
    tower = loaded(llava).model.model.vision_tower
    hook = tower.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append((args or (kwargs["pixel_values"],))[0]),
        with_kwargs=True,
    )
    llava.invoke(QUESTION, max_new_tokens=1)
    hook.remove()
    red, blue = seen[0].mean(dim=(2, 3))
    assert red[0] > red[2]
    assert blue[0] < blue[2]


def test_tokens_are_counted_and_the_prompt_once(llava: TransformersChat) -> None:
    one = messages(llava, max_new_tokens=7)[0]
    usage = one.usage_metadata
    assert usage is not None
    # Two pictures of 16 patches; every other byte of the chat is a token of its own.
    words = len("system\nBe brief.\nuser\nImage 1:Image 2:Where?\nassistant\n") + 5
    assert usage["input_tokens"] == words + 32
    assert usage["output_tokens"] == 7
    first, *others = messages(llava, n=3, max_new_tokens=7, temperature=1.0)
    assert first.usage_metadata is not None
    assert first.usage_metadata["input_tokens"] == usage["input_tokens"]
    spent = [message.response_metadata["output_tokens"] for message in (first, *others)]
    assert first.usage_metadata["output_tokens"] == sum(spent)
    assert [message.usage_metadata for message in others] == [None, None]


class Unheard(Spoken):
    """Nothing that is written is this."""

    @classmethod
    def from_prose(cls, text: str) -> None:
        return None


def test_a_questions_limit_holds_here_too_and_a_smaller_one_of_the_models_own(
    llava: TransformersChat,
) -> None:
    for own, most in ((1024, 3), (2, 2)):
        model = llava.model_copy(update={"max_new_tokens": own})
        answer = ask(model, QUESTION, Unheard, answer_tokens=3, free_form=True)
        # Asked, and asked once more to mend it.
        assert (answer.calls, answer.tokens["output_tokens"]) == (2, 2 * most)
        assert "it was cut off at the limit of " in str(answer.failure)
        assert ("of 3 tokens" in str(answer.failure)) == (own > 3)


def test_an_answer_says_why_it_ended_and_who_gave_it(llava: TransformersChat) -> None:
    cut = messages(llava, max_new_tokens=3)[0].response_metadata
    assert cut["finish_reason"] == "length"
    assert (cut["model_name"], cut["system_fingerprint"]) == ("llava", llava.revision)
    short = {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]}
    whole = messages(llava, response_schema=short)[0]
    assert whole.text == '{"a": null}'
    assert whole.response_metadata["finish_reason"] == "stop"
    assert whole.response_metadata["output_tokens"] == len('{"a": null}') + 1
    assert END not in whole.text


def test_a_deadline_ends_it_and_says_so(llava: TransformersChat) -> None:
    loaded(llava)
    began = time.monotonic()
    late = messages(llava, timeout=0.02, max_new_tokens=3000, n=2)
    assert time.monotonic() - began < 3
    assert {message.response_metadata["finish_reason"] for message in late} == {"deadline"}
    assert 0 < late[0].response_metadata["output_tokens"] < 3000


def test_the_models_own_time_begins_when_it_is_loaded(named: Named) -> None:
    model = named().model_copy(update={"timeout_s": 1e-6})
    cold = messages(model, max_new_tokens=50)[0].response_metadata
    assert (cold["finish_reason"], cold["output_tokens"]) == ("deadline", 1)


def test_whoever_waits_for_a_busy_model_waits_until_the_deadline(llava: TransformersChat) -> None:
    loaded(llava)
    with llava._weights.in_use(None), pytest.raises(BusyError):
        llava.invoke(QUESTION, timeout=0.01)


def test_threads_take_turns_and_load_once(named: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    model = named("llava", "max_new_tokens=12")
    expected = named("llava", "max_new_tokens=12").invoke(QUESTION).text
    reads: list[int] = []
    real = model._weights._load

    def counted() -> Any:
        reads.append(1)
        return real()

    monkeypatch.setattr(model._weights, "_load", counted)
    with ThreadPoolExecutor(4) as pool:
        copies = [model.model_copy(update={"temperature": 0.0}) for _ in range(4)]
        answers = list(pool.map(lambda copy: copy.invoke(QUESTION).text, copies))
    assert answers == [expected] * 4
    assert reads == [1]


def test_closed_it_lets_go_and_reads_again_when_asked(llava: TransformersChat) -> None:
    before = llava.invoke(QUESTION, max_new_tokens=5).text
    llava.close()
    assert llava._weights.loaded is None
    llava.close()
    assert llava.invoke(QUESTION, max_new_tokens=5).text == before


def test_texts_that_end_an_answer_end_it(llava: TransformersChat) -> None:
    whole = llava.invoke(QUESTION, max_new_tokens=30).text
    stop = whole[10:12]
    cut = llava.invoke(QUESTION, max_new_tokens=30, stop=[stop])
    assert cut.text == whole[: whole.index(stop)]
    assert cut.response_metadata["finish_reason"] == "stop"
