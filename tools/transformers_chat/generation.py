"""From a chat to tokens: one pass over the prompt for several samples. Imports torch.

`generate(num_return_sequences=n)` copies prompt and pictures n times before its first pass. This
way of decoding, which `generate` takes as `custom_generate`, copies the cache after it instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from transformers import StopStringCriteria

from geofix.tools.transformers_chat.constraint import Constraint
from geofix.tools.transformers_chat.loading import LoadedModel
from geofix.tools.transformers_chat.prompt import closing_turn, model_input, require_room
from geofix.tools.transformers_chat.wish import Watch, Wish


@dataclass(frozen=True, slots=True)
class DecodedTokens:
    """What came of it."""

    sequences: Tensor
    """`[samples, length]`: the prompt, then what was chosen; the first end token, then padding."""
    cache: Any
    """Keys and values of all but the last token."""


class OnePrefill:
    """A decoding method for `generate`."""

    def __init__(self, samples: int) -> None:
        """Begin.

        Args:
            samples: Made of each row of the prompt.
        """
        self._samples = samples

    def __call__(
        self,
        model: Any,
        input_ids: Tensor,
        *,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **inputs: Any,
    ) -> DecodedTokens:
        """Decode; `generate` prepares all arguments."""
        output = model._prefill(input_ids, generation_config, inputs)
        input_ids, inputs, scores = self._multiplied(model, input_ids, inputs, output)
        pad = generation_config._pad_token_tensor.to(input_ids.device)
        done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        with model._optimize_model_for_decode():
            while True:
                scores = logits_processor(input_ids, scores)
                chosen = torch.where(done, pad, _chosen(scores, generation_config.do_sample))
                input_ids = torch.cat([input_ids, chosen[:, None]], dim=-1)
                done = done | stopping_criteria(input_ids, scores)
                if bool(done.all()):
                    return DecodedTokens(input_ids, inputs["past_key_values"])
                step = model.prepare_inputs_for_generation(
                    input_ids, next_sequence_length=1, **inputs
                )
                output = model(**step, return_dict=True)
                inputs = model._update_model_kwargs_for_generation(output, inputs)
                scores = _last(output, input_ids)

    def _multiplied(
        self, model: Any, input_ids: Tensor, inputs: dict[str, Any], output: Any
    ) -> tuple[Tensor, dict[str, Any], Tensor]:
        scores = _last(output, input_ids)
        inputs = model._update_model_kwargs_for_generation(output, inputs)
        if self._samples == 1:
            return input_ids, inputs, scores
        inputs["past_key_values"].batch_repeat_interleave(self._samples)
        # The pictures are in the cache.
        rest = {key: value for key, value in inputs.items() if not _of_prompt(key)}
        input_ids, inputs = model._expand_inputs_for_generation(
            expand_size=self._samples, input_ids=input_ids, **rest
        )
        return input_ids, inputs, scores.repeat_interleave(self._samples, dim=0)


def _of_prompt(name: str) -> bool:
    return name.startswith(("pixel_", "image_")) or name.endswith("_pixel_values")


def _last(output: Any, input_ids: Tensor) -> Tensor:
    # A copy, since the prompt's logits may be large and are not needed any more.
    last: Tensor = output.logits[:, -1].to(copy=True, dtype=torch.float32, device=input_ids.device)
    return last


def _chosen(scores: Tensor, sample: bool) -> Tensor:
    if not sample:
        return scores.argmax(dim=-1)
    return torch.multinomial(scores.softmax(dim=-1), num_samples=1).squeeze(1)


@dataclass(slots=True)
class SampledTokens:
    """One answer."""

    tokens: list[int]
    """Without the end token."""
    reason: str
    """Why it ended: `stop`, `length` or `deadline`."""
    thought: list[int] = field(default_factory=list)
    """Tokens it thought before."""
    spent: int = 0
    """Tokens that were decoded for it, end tokens included."""


@dataclass(frozen=True, slots=True)
class Made:
    """What came of one generation."""

    samples: list[SampledTokens]
    prompt_tokens: int
    """Read by the model: chat, pictures and, where it thought, the words between, each once."""


def generate(loaded: LoadedModel, chat: list[dict[str, Any]], wish: Wish, watch: Watch) -> Made:
    """Answer a chat; the prompt is read once however many samples are made of it.

    Raises:
        UnfitPromptError: The model cannot take the prompt.
        ModelError: The answer cannot be held to the schema.
    """
    inputs = model_input(loaded, chat)
    length = inputs["input_ids"].shape[1]
    # What is wrong with the schema shows before the prompt is read.
    turn = _turn(loaded, wish)
    more = 0 if turn is None else len(turn) + (wish.think_tokens or 0)
    require_room(loaded, length + more, wish.max_new_tokens)
    with torch.inference_mode():
        if turn is None:
            decoded = _decode(loaded, inputs, wish, watch)
            return Made(_samples(loaded, decoded.sequences[:, length:], wish), length)
        return _thinking_first(loaded, inputs, turn, wish, watch)


def _turn(loaded: LoadedModel, wish: Wish) -> Tensor | None:
    if wish.schema is not None:
        loaded.grammars.grammar(wish.schema)
    if wish.think_tokens is None or wish.schema is None:
        return None
    return closing_turn(loaded, json.dumps(wish.schema))


def _thinking_first(
    loaded: LoadedModel, inputs: dict[str, Any], turn: Tensor, wish: Wish, watch: Watch
) -> Made:
    length = inputs["input_ids"].shape[1]
    free = Wish(wish.samples, wish.temperature, wish.think_tokens or 1)
    watch.thinking = True
    thought = _decode(loaded, inputs, free, watch)
    thoughts = _samples(loaded, thought.sequences[:, length:], free)
    read = length + len(turn)
    if watch.stopped:
        for sample in thoughts:
            sample.thought, sample.tokens, sample.reason = sample.tokens, [], "deadline"
        return Made(thoughts, length)
    again = _continued(inputs, thought, thoughts, turn)
    watch.thinking = False
    answer = _decode(loaded, again, replace(wish, samples=1), watch)
    samples = _samples(loaded, answer.sequences[:, again["input_ids"].shape[1] :], wish)
    for sample, before in zip(samples, thoughts, strict=True):
        sample.thought = before.tokens
        sample.spent += before.spent
    return Made(samples, read)


def _continued(
    inputs: dict[str, Any], thought: DecodedTokens, thoughts: list[SampledTokens], turn: Tensor
) -> dict[str, Any]:
    """Return the input of the second turn: what stands in the cache, and the words after it."""
    count, length = thought.sequences.shape
    asked = inputs["input_ids"].shape[1]
    turns = turn.expand(count, -1)
    mask = torch.ones((count, length + len(turn)), dtype=torch.long, device=turn.device)
    for row, sample in enumerate(thoughts):
        # Neither the end token nor the padding after it: the words after begin with an end.
        mask[row, asked + len(sample.tokens) : length] = 0
    return {
        "input_ids": torch.cat([thought.sequences, turns], dim=-1),
        "attention_mask": mask,
        "past_key_values": thought.cache,
    }


def _decode(loaded: LoadedModel, inputs: dict[str, Any], wish: Wish, watch: Watch) -> DecodedTokens:
    criteria: list[Any] = [watch]
    if wish.stop:
        criteria.append(StopStringCriteria(loaded.tokenizer, list(wish.stop)))
    processors: list[Any] = []
    if wish.schema is not None:
        grammar = loaded.grammars.grammar(wish.schema)
        processors.append(Constraint(grammar, wish.max_new_tokens))
    decoded: DecodedTokens = loaded.model.generate(
        **inputs,
        **_sampling(wish.temperature),
        max_new_tokens=wish.max_new_tokens,
        eos_token_id=list(loaded.end_tokens),
        pad_token_id=loaded.padding,
        logits_processor=processors,
        stopping_criteria=criteria,
        custom_generate=OnePrefill(wish.samples),
    )
    return decoded


def _sampling(temperature: float | None) -> dict[str, Any]:
    if temperature is None:
        return {}
    if temperature == 0:
        # What a model's own settings say of sampling means nothing then, and is warned of.
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {"do_sample": True, "temperature": temperature}


def _samples(loaded: LoadedModel, rows: Tensor, wish: Wish) -> list[SampledTokens]:
    return [_sample(loaded, row, wish) for row in rows.tolist()]


def _sample(loaded: LoadedModel, row: list[int], wish: Wish) -> SampledTokens:
    ends = set(loaded.end_tokens)
    length = next((place for place, token in enumerate(row) if token in ends), None)
    if length is not None:
        return SampledTokens(row[:length], "stop", spent=length + 1)
    if wish.stop and any(text in loaded.tokenizer.decode(row) for text in wish.stop):
        # Padding, if any, came after it.
        row = [token for token in row if token != loaded.padding]
        return SampledTokens(row, "stop", spent=len(row))
    reason = "length" if len(row) >= wish.max_new_tokens else "deadline"
    return SampledTokens(row, reason, spent=len(row))
