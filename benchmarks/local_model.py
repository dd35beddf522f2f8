"""A model in this process beside plain `model.generate`: tokens a second, samples, memory.

Both run the same random weights in the same process, in turns. The peer asks for several answers
as transformers does it, by `num_return_sequences`. On a GPU: `--size 2b` or `--size 7b`.
"""

from __future__ import annotations

import argparse
import base64
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage
from pydantic import BaseModel

from benchmarks.qwen2_vl import SIZES, qwen2_vl
from geofix.tools.photo.read import read_photo, to_jpeg
from geofix.tools.photo.samples import sample_path
from geofix.tools.transformers_chat import TransformersChat


class Place(BaseModel):
    """Where the photo was taken."""

    clues: list[str]
    latitude: float | None
    longitude: float | None


def question(side_px: int) -> list[BaseMessage]:
    """Return a photo and a few words."""
    pixels = read_photo(sample_path()).pixels
    pixels.thumbnail((side_px, side_px))
    encoded = base64.b64encode(to_jpeg(pixels)).decode()
    block = {"type": "image", "base64": encoded, "mime_type": "image/jpeg"}
    return [HumanMessage([block, {"type": "text", "text": "Where was this photo taken?"}])]


def ours(model: TransformersChat, asked: list[BaseMessage], **options: Any) -> int:
    """Answer by geofix; returns tokens."""
    first = model.generate([asked], **options).generations[0][0]
    return int(first.message.usage_metadata["output_tokens"])  # type: ignore[attr-defined]


def plainly(
    model: TransformersChat, asked: list[BaseMessage], samples: int, tokens: int, sample: bool
) -> int:
    """Answer by `model.generate`, its input made and its output read as its users do."""
    import torch  # noqa: PLC0415 - with the model

    from geofix.tools.transformers_chat.prompt import chat_of  # noqa: PLC0415

    with model._weights.in_use(None) as loaded, torch.inference_mode():
        inputs = loaded.processor.apply_chat_template(
            chat_of(asked),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(loaded.model.device, dtype=loaded.model.dtype)
        options = {"temperature": 1.0} if sample else {"temperature": None, "top_p": None}
        rows = loaded.model.generate(
            **inputs,
            **options,
            do_sample=sample,
            max_new_tokens=tokens,
            num_return_sequences=samples,
            eos_token_id=list(loaded.end_tokens),
            pad_token_id=loaded.padding,
        )[:, inputs["input_ids"].shape[1] :]
        loaded.tokenizer.batch_decode(rows, skip_special_tokens=True)
        return int(rows.numel())


def ways(
    model: TransformersChat, asked: list[BaseMessage], tokens: int, samples: int
) -> dict[str, Callable[[], int]]:
    """Return each way to ask."""
    several = {"n": samples, "temperature": 1.0, "max_new_tokens": tokens}
    return {
        "generate, 1": lambda: plainly(model, asked, 1, tokens, sample=False),
        "geofix, 1": lambda: ours(model, asked, max_new_tokens=tokens),
        "geofix, 1 in a schema": lambda: ours(
            model, asked, max_new_tokens=tokens, response_schema=Place
        ),
        f"generate, {samples}": lambda: plainly(model, asked, samples, tokens, sample=True),
        f"geofix, {samples}": lambda: ours(model, asked, **several),
        f"geofix, {samples} in a schema": lambda: ours(
            model, asked, **several, response_schema=Place
        ),
    }


def measured(work: Callable[[], int]) -> tuple[float, int, float]:
    """Return seconds, tokens, and peak memory in GB: of the GPU, or of the process so far."""
    import torch  # noqa: PLC0415 - with the model

    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    tokens = work()
    took = time.perf_counter() - start
    process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return took, tokens, (torch.cuda.max_memory_allocated() if gpu else process) / 1e9


def report(taken: dict[str, list[tuple[float, int, float]]], samples: int) -> None:
    """Print a table and the ratios."""
    seconds = {name: statistics.median(one[0] for one in runs) for name, runs in taken.items()}
    for name, runs in taken.items():
        speed = statistics.median(tokens / took for took, tokens, _ in runs)
        peak = max(run[2] for run in runs)
        print(f"{name:24} {seconds[name]:8.2f} s {speed:8.1f} tokens/s {peak:6.2f} GB")  # noqa: T201
    for count in (1, samples):
        ratio = seconds[f"generate, {count}"] / seconds[f"geofix, {count}"]
        print(f"speed against generate, {count}: {ratio:.2f}")  # noqa: T201
    for who in ("generate", "geofix"):
        ratio = seconds[f"{who}, {samples}"] / seconds[f"{who}, 1"]
        print(f"{who}: {samples} samples take {ratio:.2f} of the time of 1")  # noqa: T201


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--side", type=int, default=672, help="longer side of the photo, pixels")
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = qwen2_vl(Path(folder), chosen.size, chosen.device)
        model = TransformersChat(model=str(path), device=chosen.device, temperature=0.0)
        asked = question(chosen.side)
        todo = ways(model, asked, chosen.tokens, chosen.samples)
        for work in todo.values():
            work()
        taken: dict[str, list[tuple[float, int, float]]] = {name: [] for name in todo}
        for _ in range(chosen.repeats):
            for name, work in todo.items():
                taken[name].append(measured(work))
        usage = model.generate([asked], max_new_tokens=1).generations[0][0]
        prompt = usage.message.usage_metadata["input_tokens"]  # type: ignore[attr-defined]
        print(f"Qwen2-VL {chosen.size} on {chosen.device}, prompt of {prompt} tokens")  # noqa: T201
        report(taken, chosen.samples)


if __name__ == "__main__":
    main()
