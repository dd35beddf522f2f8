"""From tokens to LangChain's messages, whole or piece by piece."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

if TYPE_CHECKING:
    from geofix.tools.transformers_chat.generation import Made, SampledTokens
    from geofix.tools.transformers_chat.loading import LoadedModel
    from geofix.tools.transformers_chat.wish import Watch, Wish


def text_of(loaded: LoadedModel, tokens: list[int], stop: tuple[str, ...] = ()) -> str:
    """Return what tokens write, up to a text that was to end it."""
    text = str(
        loaded.tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
    )
    ends = [place for place in (text.find(one) for one in stop) if place >= 0]
    return text[: min(ends)] if ends else text


def result_of(loaded: LoadedModel, made: Made, wish: Wish) -> ChatResult:
    """Return the samples as generations; the first carries the tokens of all."""
    spent = usage_of(made)
    generations = []
    for number, sample in enumerate(made.samples):
        message = AIMessage(
            text_of(loaded, sample.tokens, wish.stop),
            additional_kwargs=thought_of(loaded, sample),
            response_metadata=said_of(loaded, sample),
            usage_metadata=spent if number == 0 else None,
        )
        generations.append(ChatGeneration(message=message))
    output = {"model_name": loaded.checkpoint.name, "token_usage": dict(spent)}
    return ChatResult(generations=generations, llm_output=output)


def usage_of(made: Made) -> UsageMetadata:
    """Return the tokens of all samples, the prompt counted once."""
    written = sum(sample.spent for sample in made.samples)
    return UsageMetadata(
        input_tokens=made.prompt_tokens,
        output_tokens=written,
        total_tokens=made.prompt_tokens + written,
    )


def said_of(loaded: LoadedModel, sample: SampledTokens) -> dict[str, Any]:
    """Return what stands beside an answer, as the servers of others name it."""
    return {
        "model_name": loaded.checkpoint.name,
        "system_fingerprint": loaded.checkpoint.revision,
        "finish_reason": sample.reason,
        "output_tokens": sample.spent,
    }


def thought_of(loaded: LoadedModel, sample: SampledTokens) -> dict[str, str]:
    """Return what a model thought, under the name LangChain's clients use."""
    return {"reasoning_content": text_of(loaded, sample.thought)} if sample.thought else {}


_PARTIAL = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer writes for a character whose later bytes are still to come."""


class _Text:
    """What was written so far, and what of it was passed on."""

    def __init__(self, loaded: LoadedModel, stop: tuple[str, ...]) -> None:
        self._loaded, self._stop = loaded, stop
        self._held = max((len(one) for one in stop), default=1) - 1
        self._tokens: list[int] = []
        self._passed = 0

    def add(self, token: int) -> str:
        """Return what can be passed on now."""
        if token not in self._loaded.end_tokens:
            self._tokens.append(token)
        text = text_of(self._loaded, self._tokens, self._stop)
        # The beginning of what would end the answer waits until it is seen to be none.
        return "" if text.endswith(_PARTIAL) else self._pass(text[: len(text) - self._held])

    def rest(self) -> str:
        """Return what is left at the end."""
        return self._pass(text_of(self._loaded, self._tokens, self._stop))

    def _pass(self, text: str) -> str:
        piece = text[self._passed :]
        self._passed = max(self._passed, len(text))
        return piece


def stream(
    loaded: LoadedModel,
    watch_with: Callable[[Callable[[list[int]], None]], Watch],
    work: Callable[[Watch], Made],
    stop: tuple[str, ...],
) -> Iterator[ChatGenerationChunk]:
    """Yield pieces of the one answer `work` makes; the last carries tokens and reason.

    Args:
        loaded: The model.
        watch_with: Makes the watch, given what is to hear the tokens.
        work: Makes the answer.
        stop: Texts that end it.

    Raises:
        Exception: Whatever `work` raises.
    """
    queue: SimpleQueue[tuple[bool, int] | Made | BaseException] = SimpleQueue()
    watch = watch_with(lambda tokens: queue.put((watch.thinking, tokens[0])))

    def run() -> None:
        try:
            queue.put(work(watch))
        # Raised again where it is waited for.
        except BaseException as error:
            queue.put(error)

    thread = threading.Thread(target=run, name="geofix-stream", daemon=True)
    thread.start()
    try:
        yield from _pieces(loaded, queue, stop)
    finally:
        # Whoever listens may have gone before the end.
        watch.cancel()
        thread.join()


def _pieces(
    loaded: LoadedModel,
    queue: SimpleQueue[tuple[bool, int] | Made | BaseException],
    stop: tuple[str, ...],
) -> Iterator[ChatGenerationChunk]:
    thought, answer = _Text(loaded, ()), _Text(loaded, stop)
    while isinstance(came := queue.get(), tuple):
        thinking, token = came
        if thinking and (piece := thought.add(token)):
            yield _chunk(AIMessageChunk(content="", additional_kwargs={"reasoning_content": piece}))
        elif not thinking and (piece := answer.add(token)):
            yield _chunk(AIMessageChunk(content=piece))
    if isinstance(came, BaseException):
        raise came
    if left := thought.rest():
        yield _chunk(AIMessageChunk(content="", additional_kwargs={"reasoning_content": left}))
    last = AIMessageChunk(
        content=answer.rest(),
        response_metadata=said_of(loaded, came.samples[0]),
        usage_metadata=usage_of(came),
        chunk_position="last",
    )
    yield _chunk(last)


def _chunk(message: AIMessageChunk) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=message)
