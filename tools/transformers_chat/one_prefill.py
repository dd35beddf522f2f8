"""Decoding of several samples after one pass over the prompt.

`generate(num_return_sequences=n)` copies prompt and pictures n times before its first pass. This
way of decoding, which `generate` takes as `custom_generate`, copies the cache after it instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Decoded:
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
    ) -> Decoded:
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
                    return Decoded(input_ids, inputs["past_key_values"])
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
