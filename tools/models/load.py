"""A chat model by its name, `provider:model`.

Each provider's class lives in a package of its own, which an extra of geofix installs.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from pydantic import ValidationError

from geofix.db.plain_text import redact, secrets_in, without
from geofix.tools.errors import ModelError
from geofix.tools.models.privacy import address_of, require_here, secrets_of
from geofix.tools.models.providers import PROVIDERS, ROW, Provider
from geofix.tools.models.responses import bind

if TYPE_CHECKING:
    from sqlalchemy import Engine


NO_KEY = "no-key-needed"
"""Sent to a server of your own that needs no key, since the clients insist on one."""


def load_chat_model(
    spec: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout_s: float = 120,
    cache_engine: Engine | None = None,
    offline: bool = False,
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
        offline: Whether calls that leave this machine are forbidden; `ask` is told on its own.

    Raises:
        ModelError: The provider is unknown, its package is not installed, a key is missing,
            the address is not one, or `offline` forbids calling it.
    """
    provider, model = _parsed(spec)
    if provider.loader is None:
        loaded = _client(spec, provider, model, base_url, api_key, timeout_s)
    else:
        load = _imported(provider.loader, spec, provider)
        loaded = load(
            spec, timeout_s=timeout_s, base_url=base_url, api_key=api_key, offline=offline
        )
    loaded.metadata = {**(loaded.metadata or {}), ROW: spec.partition(":")[0]}
    require_here(f"the model {spec!r}", address_of(loaded), offline=offline)
    if cache_engine is not None:
        from geofix.tools.models.cache import answer_cache  # noqa: PLC0415 - two seconds, seldom wanted

        loaded.cache = answer_cache(cache_engine)
    return loaded


def _parsed(spec: str) -> tuple[Provider, str]:
    name, _, model = spec.partition(":")
    provider = PROVIDERS.get(name)
    if provider is None or not model:
        raise ModelError(
            f"the model {spec!r} has no known provider; write provider:model, with one of"
            f" {', '.join(sorted(PROVIDERS))}, for example"
            " 'openai:Qwen/Qwen2.5-VL-7B-Instruct' with GEOFIX_MODEL_URL for a server of your own"
        )
    return provider, model


def _imported(path: str, spec: str, provider: Provider) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise ModelError(
            f"the model {spec!r} needs the package {error.name or module!r}; install it with"
            f" pip install {provider.package!r}"
        ) from error


def _client(
    spec: str,
    provider: Provider,
    model: str,
    base_url: str | None,
    api_key: str | None,
    timeout_s: float,
) -> BaseChatModel:
    _check_address(spec, base_url)
    if api_key is not None and not provider.takes_key:
        raise ModelError(
            f"the model {spec!r} does not use GEOFIX_MODEL_API_KEY; unset it. If the server"
            f" needs a key, put it into {provider.key_variable}"
        )
    chat = _imported(provider.chat_class, spec, provider)
    options: dict[str, Any] = {"model": model, **provider.arguments(timeout_s)}
    if base_url is not None or not provider.hosted:
        options["temperature"] = 0.0
    if (url := base_url or provider.url) is not None:
        options["base_url"] = url
    if provider.takes_key and (key := _key(provider, base_url, api_key)) is not None:
        options["api_key"] = key
    return _construct(chat, spec, provider, options)


def _key(provider: Provider, base_url: str | None, api_key: str | None) -> str | None:
    """Return the key to hand to a client; None leaves it to look for its own, or go without."""
    if api_key:
        return api_key
    if base_url is not None:
        return NO_KEY
    if provider.url is None:
        return None
    # Its class is another provider's, and would look for that one's key.
    return NO_KEY if provider.key_variable is None else os.environ.get(provider.key_variable, "")


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
            f"the model {spec!r} cannot be reached at {redact(base_url)!r}, which is not a web"
            " address; write GEOFIX_MODEL_URL like 'http://localhost:8000/v1'"
        )


def _construct(
    chat: type[BaseChatModel], spec: str, provider: Provider, options: dict[str, Any]
) -> BaseChatModel:
    missing = "set GEOFIX_MODEL_API_KEY" + (
        f" or {provider.key_variable}" if provider.key_variable else ""
    )
    try:
        loaded = chat(**options)
    except Exception as error:
        # Clients raise classes of their own for a missing key (openai.OpenAIError), and pydantic
        # quotes its input, key included: hence no chain.
        url = options.get("base_url", "")
        reason = without(_reason(error), options.get("api_key"), *secrets_in(url))
        raise ModelError(
            f"the model {spec!r} cannot be set up: {reason}. If it needs a key, {missing}"
        ) from None
    if provider.takes_key and not any(secrets_of(loaded)):
        raise ModelError(f"the model {spec!r} needs a key; {missing}")
    if provider.http_client is not None:
        bind(provider.http_client(loaded))
    return loaded


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return " ".join(str(error).split()) or type(error).__name__
