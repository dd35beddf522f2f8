"""Where a chat model's calls go: into this process, to this machine, or out of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from langchain_core.language_models import BaseChatModel

IN_PROCESS = "in process"
"""Stands where a host would."""

UNKNOWN = "unknown"
"""Stands for the host of a client that does not say where it sends to."""

_OLLAMA = "http://127.0.0.1:11434"
_URLS = (
    "anthropic_api_url",
    "openai_api_base",
    "azure_endpoint",
    "base_url",
    "api_base",
    "endpoint_url",
    "endpoint",
)
_PROXIES = ("openai_proxy", "anthropic_proxy")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a call goes."""

    host: str
    """Name and port, `in process`, or `unknown`; never a login or a path."""
    stays: bool
    """Whether nothing leaves this machine."""
    proxy: str | None = None
    """Host of the proxy a call goes through; it sees where to, and what, unless TLS hides it."""

    def __str__(self) -> str:
        """Return host and proxy as a reader wants them."""
        return self.host if self.proxy is None else f"{self.host} through the proxy {self.proxy}"


def address_of(model: BaseChatModel) -> Address:
    """Return where a model's calls go, as its own client has it.

    A model of your own that runs in this process says so with an attribute `in_process = True`.
    """
    provider = model._get_ls_params().get("ls_provider")
    if getattr(model, "in_process", False) is True or provider == "transformers":
        return Address(IN_PROCESS, stays=True)
    url = url_of(model, provider)
    if url is None:
        return Address(UNKNOWN, stays=False)
    parts = urlsplit(url if "//" in url else f"http://{url}")
    host = parts.hostname or UNKNOWN
    own = next((value for name in _PROXIES if (value := getattr(model, name, None))), None)
    proxy = _host(own) if isinstance(own, str) else _environment_proxy(parts.scheme, host)
    shown = host if parts.port is None else f"{host}:{parts.port}"
    return Address(shown, stays=is_loopback(host) and proxy is None, proxy=proxy)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its name alone: nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    # 0.0.0.0 and :: are this machine too, as an address to connect to.
    return ip.is_loopback or ip.is_unspecified


def urls_of(model: BaseChatModel) -> list[str]:
    """Return every URL a model's calls use, its own and those of proxies, logins included."""
    own = url_of(model, model._get_ls_params().get("ls_provider"))
    proxies = [getattr(model, name, None) for name in _PROXIES]
    return [url for url in (own, *proxies, *getproxies().values()) if isinstance(url, str)]


def url_of(model: BaseChatModel, provider: Any) -> str | None:
    """Return where a model's calls go, with the login if there is one; none if it does not say."""
    if provider == "ollama":
        return str(getattr(model, "base_url", None) or os.environ.get("OLLAMA_HOST") or _OLLAMA)
    # The clients resolve variables of their own (OPENAI_BASE_URL, GOOGLE_GEMINI_BASE_URL, ...).
    client: Any = getattr(model, "root_client", None)
    if (url := getattr(client, "base_url", None)) is not None:
        return str(url)
    inner: Any = getattr(getattr(model, "client", None), "_api_client", None)
    if (url := getattr(getattr(inner, "_http_options", None), "base_url", None)) is not None:
        return str(url)
    given = (getattr(model, name, None) for name in _URLS)
    return next((url for url in given if isinstance(url, str) and url), None)


def _environment_proxy(scheme: str, host: str) -> str | None:
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return None if proxy is None or proxy_bypass(host) else _host(proxy)


def _host(url: str) -> str:
    parts = urlsplit(url if "//" in url else f"http://{url}")
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
