"""Chat models that take images: found by `provider:model`, asked for answers in a schema.

Works with any LangChain chat model; the providers below are resolved by name. Each lives in a
package of its own, which an extra of geofix installs.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel, ValidationError

from geofix.tools.errors import ModelError

if TYPE_CHECKING:
    from sqlalchemy import Engine

AnswerT = TypeVar("AnswerT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider's chat model is found, and how its options are called."""

    module: str
    name: str
    extra: str
    url: str = "base_url"
    key: str | None = "api_key"
    timeout: str | None = "timeout"
    retries: str | None = "max_retries"


PROVIDERS = {
    "openai": Provider("langchain_openai", "ChatOpenAI", "openai"),
    "ollama": Provider(
        "langchain_ollama", "ChatOllama", "ollama", key=None, timeout=None, retries=None
    ),
    "anthropic": Provider("langchain_anthropic", "ChatAnthropic", "anthropic"),
}
"""`openai` is every OpenAI-compatible server: vLLM, llama.cpp, SGLang, LM Studio, OpenAI."""


def load_chat_model(
    spec: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout_s: float = 120,
    cache_engine: Engine | None = None,
) -> BaseChatModel:
    """Return the chat model that `provider:model` names; nothing is called yet.

    Args:
        spec: Such as `openai:Qwen/Qwen2.5-VL-7B-Instruct` or `ollama:qwen2.5vl`.
        base_url: Address of the server, where it is not the provider's own.
        api_key: Key, where the provider's own environment variable is not set.
        timeout_s: For one call.
        cache_engine: Keep answers in this database and reuse them.

    Raises:
        ModelError: The provider is unknown, or its package is not installed.
    """
    name, colon, model = spec.partition(":")
    provider = PROVIDERS.get(name)
    if provider is None or not colon or not model:
        raise ModelError(
            f"the model {spec!r} is not written as provider:model; providers are"
            f" {', '.join(sorted(PROVIDERS))}, for example 'openai:Qwen/Qwen2.5-VL-7B-Instruct'"
            " with GEOFIX_MODEL_URL for a server of your own"
        )
    try:
        chat = getattr(import_module(provider.module), provider.name)
    except ImportError as error:
        raise ModelError(
            f"the model {spec!r} needs the package {provider.module!r}; install it with"
            f" pip install 'geofix[{provider.extra}]'"
        ) from error
    loaded: BaseChatModel = _construct(chat, provider, model, base_url, api_key, timeout_s, spec)
    if cache_engine is not None:
        from geofix.tools.cache import answer_cache  # noqa: PLC0415 - two seconds, seldom wanted

        loaded.cache = answer_cache(cache_engine)
    return loaded


def _construct(
    chat: type[BaseChatModel],
    provider: Provider,
    model: str,
    base_url: str | None,
    api_key: str | None,
    timeout_s: float,
    spec: str,
) -> BaseChatModel:
    options: dict[str, Any] = {"model": model, "temperature": 0.0}
    if base_url is not None:
        options[provider.url] = base_url
    # A server of one's own seldom wants a key, but the clients insist on having one.
    key = api_key or ("none" if base_url is not None else None)
    if provider.key is not None and key is not None:
        options[provider.key] = key
    if provider.timeout is not None:
        options[provider.timeout] = timeout_s
    else:
        options["client_kwargs"] = {"timeout": timeout_s}
    if provider.retries is not None:
        options[provider.retries] = 2
    try:
        return chat(**options)
    except (ValueError, TypeError) as error:
        raise ModelError(f"the model {spec!r} cannot be set up: {error}") from error
    except Exception as error:
        # Clients raise classes of their own for a missing key (openai.OpenAIError).
        raise ModelError(
            f"the model {spec!r} cannot be set up: {error}. Set GEOFIX_MODEL_API_KEY or the"
            " provider's own variable"
        ) from error


def model_name(model: BaseChatModel) -> str:
    """Return how the trail names a model that was handed over as an object."""
    parameters = model._get_ls_params()
    provider = parameters.get("ls_provider", type(model).__name__.lower())
    return f"{provider}:{parameters.get('ls_model_name', type(model).__name__)}"


@dataclass(frozen=True, slots=True)
class Answer(Generic[AnswerT]):
    """A model's answer in a schema, with what it cost."""

    parsed: AnswerT
    text: str
    """As the model wrote it."""
    tokens: dict[str, int]
    repaired: str | None
    """The error that a second turn had to mend; none if the first answer was good."""


def ask(
    model: BaseChatModel, messages: list[BaseMessage], schema: type[AnswerT]
) -> Answer[AnswerT]:
    """Ask for an answer in `schema`; an unusable one is sent back once with what is wrong.

    Raises:
        ModelError: The model failed, refused, or answered unusably twice.
    """
    text, tokens, parsed, problem = _call(model, messages, schema)
    if parsed is not None:
        return Answer(parsed, text, tokens, repaired=None)
    again = [*messages, AIMessage(text or "(empty)"), HumanMessage(_repair(problem))]
    second, more, parsed, problem_again = _call(model, again, schema)
    if parsed is None:
        raise ModelError(
            f"the model's answer cannot be used: {problem_again}; it wrote {second[:200]!r}"
        )
    tokens = {key: tokens.get(key, 0) + more.get(key, 0) for key in {*tokens, *more}}
    return Answer(parsed, second, tokens, repaired=problem)


def _repair(problem: str) -> str:
    return (
        f"That answer cannot be used: {problem}. Answer again with one JSON object that fits the"
        " schema, and nothing else."
    )


def _call(
    model: BaseChatModel, messages: list[BaseMessage], schema: type[AnswerT]
) -> tuple[str, dict[str, int], AnswerT | None, str]:
    """Return text, tokens, the parsed answer or none, and what was wrong with it."""
    try:
        result = _structured(model, schema).invoke(messages)
    except Exception as error:
        # Every provider raises classes of its own; a model's fault must not end a run.
        reason = str(error).strip().splitlines() or [""]
        raise ModelError(f"the model failed: {type(error).__name__}: {reason[0]}") from error
    raw = result["raw"]
    usage = getattr(raw, "usage_metadata", None) or {}
    tokens = {key: int(usage[key]) for key in ("input_tokens", "output_tokens") if key in usage}
    text = raw.text if isinstance(raw, AIMessage) else str(raw)
    parsed, problem = result["parsed"], result["parsing_error"]
    if isinstance(parsed, schema):
        return text, tokens, parsed, ""
    return text, tokens, *_parse(text, schema, problem)


def _structured(model: BaseChatModel, schema: type[BaseModel]) -> Any:
    # Tool calling is the default of some clients, and many vision models have none.
    provider = model._get_ls_params().get("ls_provider")
    if provider in {"openai", "ollama"}:
        return model.with_structured_output(schema, method="json_schema", include_raw=True)
    return model.with_structured_output(schema, include_raw=True)


def _parse(
    text: str, schema: type[AnswerT], problem: BaseException | None
) -> tuple[AnswerT | None, str]:
    """Find a JSON object in prose or a code fence: local servers often ignore the schema."""
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        try:
            return schema.model_validate_json(text[start : end + 1]), ""
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the object"
            return None, f"{where}: {first['msg']}"
    if problem is not None and text:
        return None, "it holds no JSON object"
    return None, "it is empty" if not text else "it holds no JSON object"
