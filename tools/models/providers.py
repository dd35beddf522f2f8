"""Chat models that take images, found by `provider:model`, and what their tokens cost.

Any LangChain chat model will do where one is handed over as an object; the providers below are
also found by name. Each lives in a package of its own, which an extra of geofix installs.

A price holds at the provider's own address only. Elsewhere it is unknown, and stays so: a server
on this machine may be a gateway to one that is paid for, and one of your own costs what you say.
Only a model in this process costs 0. Prices change; `Price.parse` takes your own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr, ValidationError

from geofix.db.plain_text import SECRET_NAME, redact, secrets_in, without
from geofix.tools.errors import ModelError
from geofix.tools.models.privacy import IN_PROCESS as IN_PROCESS_HOST
from geofix.tools.models.privacy import Address, address_of, require_here, stay_offline, urls_of
from geofix.tools.models.responses import bind

if TYPE_CHECKING:
    from sqlalchemy import Engine


IN_PROCESS = "transformers"
"""Named like a provider: a hub id or folder, run here by `transformers_chat`."""

NO_KEY = "no-key-needed"
"""Sent to a server of one's own that wants no key: the clients insist on having one."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider's chat model is found, and what it takes."""

    module: str
    name: str
    extra: str
    key_variable: str
    """Where the provider's own client looks for a key."""
    takes_key: bool = True
    """Whether its class keeps a key as a secret; else the variable is the only way."""
    hosted: bool = True
    """Whether it is a service unless a URL says otherwise."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What else its class must be told."""


PROVIDERS = {
    "openai": Provider("langchain_openai", "ChatOpenAI", "openai", "OPENAI_API_KEY"),
    "ollama": Provider(
        "langchain_ollama", "ChatOllama", "ollama", "OLLAMA_API_KEY", takes_key=False, hosted=False
    ),
    "anthropic": Provider("langchain_anthropic", "ChatAnthropic", "anthropic", "ANTHROPIC_API_KEY"),
    # Its client takes 0 retries for its own default, and would follow a variable to Vertex.
    "google": Provider(
        "langchain_google_genai",
        "ChatGoogleGenerativeAI",
        "google",
        "GOOGLE_API_KEY",
        options={"max_retries": 1, "vertexai": False},
    ),
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
        spec: Such as `openai:Qwen/Qwen2.5-VL-7B-Instruct`, `ollama:qwen2.5vl`, or
            `transformers:/a/folder` for a model in this process.
        base_url: Address of the server, where it is not the provider's own. The key in the
            provider's own variable is not sent there: it was not given for that server.
        api_key: Key, where the provider's own environment variable is not to be used.
        timeout_s: Longest time of one call, from the connection to the last byte, seconds; in
            this process, of one answer.
        cache_engine: Keep answers in this database and reuse them.

    Raises:
        ModelError: The provider is unknown, its package is not installed, a key is missing,
            the address is none, or `GEOFIX_OFFLINE` forbids to call it.
    """
    stay_offline()
    if spec.startswith(f"{IN_PROCESS}:") and spec != f"{IN_PROCESS}:":
        # The hub's client alone takes half a second to import.
        from geofix.tools.transformers_chat import model_by_name  # noqa: PLC0415

        loaded: BaseChatModel = model_by_name(
            spec, timeout_s=timeout_s, base_url=base_url, api_key=api_key
        )
    else:
        loaded = _client(spec, base_url, api_key, timeout_s)
    require_here(f"the model {spec!r}", address_of(loaded))
    if cache_engine is not None:
        from geofix.tools.models.cache import answer_cache  # noqa: PLC0415 - two seconds, seldom wanted

        loaded.cache = answer_cache(cache_engine)
    return loaded


def _client(
    spec: str, base_url: str | None, api_key: str | None, timeout_s: float
) -> BaseChatModel:
    provider, model = _parsed(spec)
    _check_address(spec, base_url)
    if api_key is not None and not provider.takes_key:
        raise ModelError(
            f"the model {spec!r} takes no GEOFIX_MODEL_API_KEY; unset it, and if the server wants"
            f" a key put it into {provider.key_variable}"
        )
    try:
        chat = getattr(import_module(provider.module), provider.name)
    except ImportError as error:
        raise ModelError(
            f"the model {spec!r} needs the package {provider.module!r}; install it with"
            f" pip install 'geofix[{provider.extra}]'"
        ) from error
    return _construct(chat, spec, provider, _options(provider, model, base_url, timeout_s), api_key)


def _parsed(spec: str) -> tuple[Provider, str]:
    name, _, model = spec.partition(":")
    provider = PROVIDERS.get(name)
    if provider is None or not model:
        raise ModelError(
            f"the model {spec!r} names no provider geofix knows; write provider:model, with one of"
            f" {', '.join(sorted([*PROVIDERS, IN_PROCESS]))}, for example"
            " 'openai:Qwen/Qwen2.5-VL-7B-Instruct' with GEOFIX_MODEL_URL for a server of your own"
        )
    return provider, model


def _check_address(spec: str, base_url: str | None) -> None:
    if base_url is None:
        return
    try:
        parts = urlsplit(base_url)
        good = parts.scheme in {"http", "https"} and parts.hostname is not None
    except ValueError:
        good = False
    if not good:
        raise ModelError(
            f"the model {spec!r} cannot be reached at {redact(base_url)!r}: write"
            " GEOFIX_MODEL_URL as 'http://localhost:8000/v1'"
        )


def _options(
    provider: Provider, model: str, base_url: str | None, timeout_s: float
) -> dict[str, Any]:
    options: dict[str, Any] = {"model": model}
    # Hosted models of the newer kind refuse any temperature but their own.
    if base_url is not None or not provider.hosted:
        options["temperature"] = 0.0
    if base_url is not None:
        options["base_url"] = base_url
    if provider.hosted:
        # The clients would repeat a call that timed out, three times the wait; `calls` repeats
        # only what failed quickly.
        options |= {"timeout": timeout_s, "max_retries": 0, **provider.options}
    else:
        options["client_kwargs"] = {"timeout": timeout_s}
    return options


def _construct(
    chat: type[BaseChatModel],
    spec: str,
    provider: Provider,
    options: dict[str, Any],
    api_key: str | None,
) -> BaseChatModel:
    url = options.get("base_url", "")
    key = api_key or (NO_KEY if url else None)
    if provider.takes_key and key is not None:
        options = {**options, "api_key": key}
    try:
        loaded = chat(**options)
    except Exception as error:
        # Clients raise classes of their own for a missing key (openai.OpenAIError), and pydantic
        # quotes its input, key included: hence no chain.
        reason = without(_reason(error), key, *secrets_in(url))
        raise ModelError(
            f"the model {spec!r} cannot be set up: {reason}."
            f" If it wants a key, set GEOFIX_MODEL_API_KEY or {provider.key_variable}"
        ) from None
    if provider.takes_key and not any(secrets_of(loaded)):
        raise ModelError(
            f"the model {spec!r} wants a key; set GEOFIX_MODEL_API_KEY or {provider.key_variable}"
        )
    bind(loaded)
    return loaded


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return " ".join(str(error).split()) or type(error).__name__


def secrets_of(model: BaseChatModel) -> list[str]:
    """Return the keys and logins a model holds, so that they can be kept out of what is written."""
    held = [value for value in vars(model).values() if isinstance(value, SecretStr)]
    headers = getattr(model, "default_headers", None) or {}
    return [
        *(value.get_secret_value() for value in held),
        *(str(value) for name, value in headers.items() if SECRET_NAME.search(name)),
        *(secret for url in urls_of(model) for secret in secrets_in(url)),
    ]


def model_name(model: BaseChatModel) -> str:
    """Return how the trail names a model that was handed over as an object."""
    parameters = model._get_ls_params()
    provider = parameters.get("ls_provider", type(model).__name__.lower())
    return f"{provider}:{parameters.get('ls_model_name', type(model).__name__)}"


LONG_PROMPT = 100_000
"""Input tokens above which several hosts charge more, so that no cost is given."""

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    cached: float | None = None
    """Of input read from the host's cache; charged as `input` where it is not known."""
    source: str = "given by the caller"
    """Address of the page it was read from."""
    read_on: str | None = None
    """Date, ISO; of the page itself where it is a transcript with a date."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `input/output` or `input/output/cached`, such as `2.50/10`.

        Raises:
            ModelError: It is no such price.
        """
        try:
            numbers = [float(part) for part in text.split("/")]
        except ValueError:
            numbers = []
        if len(numbers) not in (2, 3) or not all(0 <= one < float("inf") for one in numbers):
            raise ModelError(
                f"the price {text!r} is none: write US dollars per million tokens of input and of"
                " output, as '2.50/10', with a third number for cached input; '0/0' is free"
            )
        return cls(numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else None)

    def cost(self, tokens: dict[str, int]) -> float | None:
        """Return what tokens cost, US dollars; None where they were not counted, or too many."""
        if is_free(self):
            return 0.0
        if "input_tokens" not in tokens or "output_tokens" not in tokens:
            return None
        if self.read_on is not None and tokens["input_tokens"] > LONG_PROMPT:
            return None
        read = min(tokens.get("cached_input_tokens", 0), tokens["input_tokens"])
        cached = self.input if self.cached is None else self.cached
        paid = (tokens["input_tokens"] - read) * self.input + read * cached
        return (paid + tokens["output_tokens"] * self.output) / _MILLION


def is_free(price: Price | None) -> bool:
    """Tell whether nothing is paid, for certain."""
    return price is not None and price.input == price.output == 0


def price_at(address: Address, *names: str | None) -> Price | None:
    """Return the price of a model; None if it is not known.

    Args:
        address: Where its calls go.
        names: What it may be called, the surest first, dated or not.
    """
    if address.host == IN_PROCESS_HOST:
        return Price(0.0, 0.0, source="in process: nobody is paid")
    known = PRICES.get(address.host, {})
    plain = (_DATED.sub("", name) for name in names if name)
    return next((known[name] for name in plain if name in known), None)


_DATED = re.compile(r"^models/|-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")

_OPENAI_MODELS = "https://developers.openai.com/api/docs/models/"
_OPENAI_MAY = (
    "https://github.com/api-evangelist/openai/blob/0047de3a/plans/openai-plans-pricing.yml"
    " (of https://developers.openai.com/api/docs/pricing)"
)
_CLAUDE = "https://platform.claude.com/docs/en/about-claude/pricing"
_CLAUDE_5 = "https://platform.claude.com/docs/about-claude/models/whats-new-opus-5"
_SONNET_5 = "https://platform.claude.com/docs/zh-CN/models/sonnet-5/overview"
_GEMINI = (
    "https://github.com/api-evangelist/gemini/blob/3a1090a4/plans/gemini-plans-pricing.yml"
    " (of https://ai.google.dev/gemini-api/docs/pricing)"
)

PRICES: dict[str, dict[str, Price]] = {
    "api.openai.com": {
        "gpt-6.2-sol": Price(2, 10, 0.1, _OPENAI_MODELS + "gpt-6.2-sol.md", "2026-11-22"),
        "gpt-5.5": Price(5, 30, 0.5, _OPENAI_MAY, "2026-05-04"),
        "gpt-5.4": Price(2.5, 15, 0.25, _OPENAI_MAY, "2026-05-04"),
        "gpt-5.4-mini": Price(0.75, 4.5, 0.075, _OPENAI_MAY, "2026-05-04"),
        "gpt-5.4-nano": Price(0.2, 1.25, 0.02, _OPENAI_MAY, "2026-05-04"),
        "gpt-4.1": Price(
            2, 8, 0.5, "https://vercel.com/ai-gateway/models/gpt-4.1/providers", "2026-11-22"
        ),
    },
    "api.anthropic.com": {
        "claude-opus-5-5": Price(4, 20, None, _CLAUDE_5, "2026-11-22"),
        "claude-opus-5": Price(5, 25, 0.5, _CLAUDE_5, "2026-11-22"),
        "claude-opus-4-8": Price(5, 25, 0.5, _CLAUDE, "2026-11-22"),
        "claude-opus-4-7": Price(5, 25, 0.5, _CLAUDE, "2026-11-22"),
        "claude-opus-4-6": Price(5, 25, 0.5, _CLAUDE, "2026-11-22"),
        "claude-opus-4-5": Price(5, 25, 0.5, _CLAUDE, "2026-11-22"),
        "claude-sonnet-5-5": Price(2, 10, None, _CLAUDE_5, "2026-11-22"),
        "claude-sonnet-5": Price(2, 10, 0.2, _SONNET_5, "2026-11-22"),
        "claude-haiku-5-5": Price(0.1, 0.5, None, _CLAUDE_5, "2026-11-22"),
        "claude-haiku-4-5": Price(1, 5, None, _SONNET_5, "2026-11-22"),
    },
    "generativelanguage.googleapis.com": {
        "gemini-3.5-flash": Price(1.5, 9, None, _GEMINI, "2026-09-20"),
        "gemini-3.1-pro-preview": Price(2, 12, None, _GEMINI, "2026-09-20"),
    },
}
"""By host, then by name without its date. A figure nobody could show a page for is not here."""
