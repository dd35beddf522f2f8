"""The providers of chat models, one row each: all that geofix has to know of any of them.

Any LangChain chat model will do where one is handed over as an object. Those of a provider with a
row here are also found by name, `provider:model`, and asked in the form their client does best.
`add_provider` adds a row.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from geofix.tools.errors import ModelError
from geofix.tools.models.prices import Price

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@dataclass(frozen=True, slots=True)
class SchemaForm:
    """How a client is told which schema an answer must fit."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of its `with_structured_output`."""
    as_class: bool = True
    """Whether the schema goes there as a pydantic class, else as a JSON schema."""
    requires: str | None = None
    """An option that the call must have then; where the client leaves it out, for it warns and goes
    on, the next form is used."""


def stated_address(model: Any) -> str | None:
    """Return the address that a client states, with the login if there is one."""
    # Clients resolve variables of their own (OPENAI_BASE_URL, GOOGLE_GEMINI_BASE_URL, ...).
    client: Any = getattr(model, "root_client", None)
    if (url := getattr(client, "base_url", None)) is not None:
        return str(url)
    inner: Any = getattr(getattr(model, "client", None), "_api_client", None)
    if (url := getattr(getattr(inner, "_http_options", None), "base_url", None)) is not None:
        return str(url)
    given = (getattr(model, name, None) for name in _ADDRESS_FIELDS)
    return next((url for url in given if isinstance(url, str) and url), None)


_ADDRESS_FIELDS = (
    "anthropic_api_url",
    "openai_api_base",
    "azure_endpoint",
    "base_url",
    "api_base",
    "endpoint_url",
    "endpoint",
)


def timeout_without_retries(timeout_s: float) -> dict[str, Any]:
    """Return a time-out in seconds and no retries, as most clients take them.

    A client would repeat a call that timed out, three times the wait; `tools/models/calls.py`
    repeats only what failed quickly.
    """
    return {"timeout": timeout_s, "max_retries": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider."""

    chat_class: str
    """Its LangChain chat model, as `module:class`."""
    package: str
    """What pip installs it from."""
    reported_as: tuple[str, ...] = ()
    """What its class calls the provider (`ls_provider`), where that is not the name of the row."""
    loader: str | None = None
    """`module:function` that makes the model of a name instead of `load_chat_model`: where no
    server is asked."""

    # Address and key
    hosted: bool = True
    """Whether it is a service unless an address says otherwise. A service is told no temperature
    unless one is asked for: newer models refuse any but their own."""
    url: str | None = None
    """Address of its server where none is given; None leaves it to the class."""
    address: Callable[[Any], str | None] = stated_address
    """Reads from a model the address it calls."""
    proxy_field: str | None = None
    """Field of the class that holds a proxy."""
    key_variable: str | None = None
    """Environment variable with the provider's key; None where it has none."""
    takes_key: bool = True
    """Whether the class takes a key (`api_key`) and keeps it as a secret; else the variable is the
    only way."""

    # The call
    arguments: Callable[[float], Mapping[str, Any]] = timeout_without_retries
    """What else the class is told, by the longest time of one call in seconds."""
    timeout_field: str | None = None
    """Field in which the class keeps its time-out, alone or as `timeout` in a dictionary."""
    timeout_per_call: bool = False
    """Whether a call takes a time-out of its own (`timeout`)."""
    answer_tokens_field: str = "max_tokens"
    """Field in which the class keeps the most tokens of an answer."""
    several_answers: bool = False
    """Whether one call gives several answers (`n`)."""
    schema_forms: tuple[SchemaForm, ...] = (SchemaForm(),)
    """Forms of the answer's schema, the best first."""
    http_client: Callable[[Any], Any] | None = None
    """Takes a model and returns the httpx client of its synchronous calls, shared with no other
    model; what a server sends through it is then bounded (`tools/models/responses.py`)."""

    # The answer
    refusals: frozenset[str] = frozenset()
    """Finish reasons that mean a refusal, in small letters."""
    picture_px: int = 1024
    """Longer side of a picture; local vision models tile or scale larger ones."""
    priced_at: str | None = None
    """Host at which `prices` hold. Elsewhere a price is unknown: a server on this machine may be a
    gateway to one that is paid for, and one of your own costs what you say."""
    prices: Mapping[str, Price] = field(default_factory=dict)
    """Prices by name of the model without its date, each with the page it was read from."""


def openai_http_client(model: Any) -> Any:
    """Return a new client inside a `ChatOpenAI` or a class derived from it.

    The package shares one client among all models of an address, and those of the host application
    are not ours to bound.
    """
    sdk = import_module("openai")
    http = sdk.DefaultHttpxClient(timeout=model.request_timeout, proxy=model.openai_proxy)
    model.root_client = model.root_client.with_options(http_client=http)
    model.client = model.root_client.chat.completions
    return http


def _anthropic_http_client(model: Any) -> Any:
    sdk = import_module("anthropic")
    http = sdk.DefaultHttpxClient(
        timeout=model.default_request_timeout, proxy=model.anthropic_proxy
    )
    # Made when it is first used, and kept under this name from then on.
    model.__dict__["_client"] = model._client.with_options(http_client=http)
    return http


def _ollama_address(model: Any) -> str:
    given = getattr(model, "base_url", None) or os.environ.get("OLLAMA_HOST")
    return str(given or "http://127.0.0.1:11434")


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

_OPENAI_PRICES = {
    "gpt-6.2-sol": Price(2, 10, 0.1, _OPENAI_MODELS + "gpt-6.2-sol.md", "2026-11-22"),
    "gpt-5.5": Price(5, 30, 0.5, _OPENAI_MAY, "2026-05-04"),
    "gpt-5.4": Price(2.5, 15, 0.25, _OPENAI_MAY, "2026-05-04"),
    "gpt-5.4-mini": Price(0.75, 4.5, 0.075, _OPENAI_MAY, "2026-05-04"),
    "gpt-5.4-nano": Price(0.2, 1.25, 0.02, _OPENAI_MAY, "2026-05-04"),
    "gpt-4.1": Price(
        2, 8, 0.5, "https://vercel.com/ai-gateway/models/gpt-4.1/providers", "2026-11-22"
    ),
}
_ANTHROPIC_PRICES = {
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
}
_GOOGLE_PRICES = {
    "gemini-3.5-flash": Price(1.5, 9, None, _GEMINI, "2026-09-20"),
    "gemini-3.1-pro-preview": Price(2, 12, None, _GEMINI, "2026-09-20"),
}

# As JSON schema and not as a class: openai's client checks an answer against a class while it reads
# it, and raises without saying what the model wrote. By method, since calling a tool is the default
# of some clients, and many vision models have none.
_JSON_SCHEMA = SchemaForm({"method": "json_schema"}, as_class=False)

_PROVIDERS = {
    # Every OpenAI-compatible server too: vLLM, llama.cpp, SGLang, LM Studio.
    "openai": Provider(
        chat_class="langchain_openai:ChatOpenAI",
        package="geofix[openai]",
        reported_as=("openai", "azure"),
        proxy_field="openai_proxy",
        key_variable="OPENAI_API_KEY",
        timeout_field="request_timeout",
        timeout_per_call=True,
        several_answers=True,
        schema_forms=(SchemaForm({"method": "json_schema", "strict": True}, as_class=False),),
        http_client=openai_http_client,
        refusals=frozenset({"content_filter"}),
        priced_at="api.openai.com",
        prices=_OPENAI_PRICES,
    ),
    "ollama": Provider(
        chat_class="langchain_ollama:ChatOllama",
        package="geofix[ollama]",
        hosted=False,
        address=_ollama_address,
        key_variable="OLLAMA_API_KEY",
        takes_key=False,
        arguments=lambda timeout_s: {"client_kwargs": {"timeout": timeout_s}},
        timeout_field="client_kwargs",
        answer_tokens_field="num_predict",
        schema_forms=(_JSON_SCHEMA,),
        http_client=lambda model: model._client._client,
    ),
    "anthropic": Provider(
        chat_class="langchain_anthropic:ChatAnthropic",
        package="geofix[anthropic]",
        proxy_field="anthropic_proxy",
        key_variable="ANTHROPIC_API_KEY",
        timeout_field="default_request_timeout",
        timeout_per_call=True,
        # Models that think cannot be forced to call a tool.
        schema_forms=(SchemaForm(requires="tool_choice"), SchemaForm({"method": "json_schema"})),
        http_client=_anthropic_http_client,
        refusals=frozenset({"refusal"}),
        # Larger ones are scaled down by the service (its vision guide), smaller ones are not.
        picture_px=1568,
        priced_at="api.anthropic.com",
        prices=_ANTHROPIC_PRICES,
    ),
    "google": Provider(
        chat_class="langchain_google_genai:ChatGoogleGenerativeAI",
        package="geofix[google]",
        reported_as=("google_genai",),
        key_variable="GOOGLE_API_KEY",
        # Its client takes 0 retries for its own default, and would follow a variable to Vertex.
        arguments=lambda timeout_s: {"timeout": timeout_s, "max_retries": 1, "vertexai": False},
        timeout_field="timeout",
        timeout_per_call=True,
        answer_tokens_field="max_output_tokens",
        schema_forms=(_JSON_SCHEMA,),
        http_client=lambda model: model.client._api_client._httpx_client,
        refusals=frozenset({"safety", "prohibited_content", "blocklist", "spii", "image_safety"}),
        priced_at="generativelanguage.googleapis.com",
        prices=_GOOGLE_PRICES,
    ),
    # One account for models of many makers, in OpenAI's protocol. It has prices of its own.
    "openrouter": Provider(
        chat_class="langchain_openai:ChatOpenAI",
        package="geofix[openai]",
        url="https://openrouter.ai/api/v1",
        proxy_field="openai_proxy",
        key_variable="OPENROUTER_API_KEY",
        timeout_field="request_timeout",
        timeout_per_call=True,
        schema_forms=(SchemaForm({"method": "json_schema", "strict": True}, as_class=False),),
        http_client=openai_http_client,
        refusals=frozenset({"content_filter"}),
    ),
    # A hub id or folder, run in this process.
    "transformers": Provider(
        chat_class="geofix.tools.transformers_chat:TransformersChat",
        package="geofix[local]",
        loader="geofix.tools.transformers_chat:model_by_name",
        hosted=False,
        timeout_field="timeout_s",
        timeout_per_call=True,
        answer_tokens_field="max_new_tokens",
        several_answers=True,
        schema_forms=(_JSON_SCHEMA,),
    ),
}

PROVIDERS: Mapping[str, Provider] = MappingProxyType(_PROVIDERS)
"""Rows by the name that stands before the colon."""

UNKNOWN = Provider(chat_class="", package="")
"""Stands for the provider of a model that was handed over as an object and has no row."""


def add_provider(name: str, provider: Provider) -> None:
    """Add a provider, for the whole process: `name:model` then names its models.

    Raises:
        ModelError: The name is taken, or is not an identifier.
    """
    if not name.isidentifier():
        raise ModelError(f"the provider {name!r} needs a name of letters, digits and underscores")
    if name in _PROVIDERS:
        raise ModelError(f"there is a provider {name!r} already; choose another name")
    _PROVIDERS[name] = provider


ROW = "geofix_provider"
"""Key in a model's metadata for the row it was made from, since one class may serve several."""


def provider_of(model: BaseChatModel) -> Provider:
    """Return the row of a model's provider, or `UNKNOWN`."""
    made_from = (model.metadata or {}).get(ROW)
    return provider_named(str(made_from or model._get_ls_params().get("ls_provider")))


def provider_named(name: str) -> Provider:
    """Return the row of that name, or of a provider that a class reports so, or `UNKNOWN`."""
    reported = (row for row in _PROVIDERS.values() if name in row.reported_as)
    return _PROVIDERS.get(name) or next(reported, UNKNOWN)


def model_name(model: BaseChatModel) -> str:
    """Return how the trail names a model that was handed over as an object."""
    parameters = model._get_ls_params()
    provider = parameters.get("ls_provider", type(model).__name__.lower())
    return f"{provider}:{parameters.get('ls_model_name', type(model).__name__)}"
