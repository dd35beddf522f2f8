"""From tokens to LangChain's messages, with what they cost and why they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

if TYPE_CHECKING:
    from geofix.tools.transformers_chat.generation import Made, Sample
    from geofix.tools.transformers_chat.loading import Loaded
    from geofix.tools.transformers_chat.wish import Wish


def text_of(loaded: Loaded, tokens: list[int], stop: tuple[str, ...] = ()) -> str:
    """Return what tokens write, up to a text that was to end it."""
    text = str(
        loaded.tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
    )
    ends = [place for place in (text.find(one) for one in stop) if place >= 0]
    return text[: min(ends)] if ends else text


def result_of(loaded: Loaded, made: Made, wish: Wish) -> ChatResult:
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


def said_of(loaded: Loaded, sample: Sample) -> dict[str, Any]:
    """Return what stands beside an answer, as the servers of others name it."""
    return {
        "model_name": loaded.checkpoint.name,
        "system_fingerprint": loaded.checkpoint.revision,
        "finish_reason": sample.reason,
        "output_tokens": sample.spent,
    }


def thought_of(loaded: Loaded, sample: Sample) -> dict[str, str]:
    """Return what a model thought, under the name LangChain's clients use."""
    return {"reasoning_content": text_of(loaded, sample.thought)} if sample.thought else {}
