"""From a chat to tokens: sampling, an end in time, thinking first. Imports torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from transformers import StopStringCriteria

from geofix.tools.transformers_chat.constraint import Constraint
from geofix.tools.transformers_chat.loading import Loaded
from geofix.tools.transformers_chat.one_prefill import Decoded, OnePrefill
from geofix.tools.transformers_chat.prompt import closing_turn, model_input, require_room
from geofix.tools.transformers_chat.watch import Watch
from geofix.tools.transformers_chat.wish import Wish


@dataclass(slots=True)
class Sample:
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

    samples: list[Sample]
    prompt_tokens: int
    """Read by the model: chat, pictures and, where it thought, the words between, each once."""


def generate(loaded: Loaded, chat: list[dict[str, Any]], wish: Wish, watch: Watch) -> Made:
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


def _turn(loaded: Loaded, wish: Wish) -> Tensor | None:
    if wish.schema is not None:
        loaded.grammars.grammar(wish.schema)
    if wish.think_tokens is None or wish.schema is None:
        return None
    return closing_turn(loaded, json.dumps(wish.schema))


def _thinking_first(
    loaded: Loaded, inputs: dict[str, Any], turn: Tensor, wish: Wish, watch: Watch
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
    inputs: dict[str, Any], thought: Decoded, thoughts: list[Sample], turn: Tensor
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


def _decode(loaded: Loaded, inputs: dict[str, Any], wish: Wish, watch: Watch) -> Decoded:
    criteria: list[Any] = [watch]
    if wish.stop:
        criteria.append(StopStringCriteria(loaded.tokenizer, list(wish.stop)))
    processors: list[Any] = []
    if wish.schema is not None:
        grammar = loaded.grammars.grammar(wish.schema)
        processors.append(Constraint(grammar, wish.max_new_tokens))
    decoded: Decoded = loaded.model.generate(
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


def _samples(loaded: Loaded, rows: Tensor, wish: Wish) -> list[Sample]:
    return [_sample(loaded, row, wish) for row in rows.tolist()]


def _sample(loaded: Loaded, row: list[int], wish: Wish) -> Sample:
    ends = set(loaded.end_tokens)
    length = next((place for place, token in enumerate(row) if token in ends), None)
    if length is not None:
        return Sample(row[:length], "stop", spent=length + 1)
    if wish.stop and any(text in loaded.tokenizer.decode(row) for text in wish.stop):
        # Padding, if any, came after it.
        row = [token for token in row if token != loaded.padding]
        return Sample(row, "stop", spent=len(row))
    reason = "length" if len(row) >= wish.max_new_tokens else "deadline"
    return Sample(row, reason, spent=len(row))
