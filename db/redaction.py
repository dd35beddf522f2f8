"""Secrets kept out of what is shown or stored: those in URLs, in whatever form they come back."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

HARMLESS = frozenset(
    {
        "application_name", "client_encoding", "connect_timeout", "database", "dbname",
        "gssencmode", "host", "hostaddr", "keepalives", "keepalives_idle", "options", "port",
        "sslmode", "sslnegotiation", "target_session_attrs", "tcp_user_timeout", "user",
        "api-version", "region", "version",
    }
)  # fmt: skip
"""Options of a URL whose values are shown. Of all others, unknown ones too, only the name is."""

_OPTION = re.compile(r"(?:(?<=[?&;\s])|^)([\w.%-]+)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^&\s]*)")
_PASSWORD = re.compile(r"(pass\w*\s*=\s*)('[^']*'|[^&\s]*)", re.IGNORECASE)
_PORT_THEN_OPTION = re.compile(r"(\d+|\d*/[^?]*)\?[\w.%-]+=")
SECRET_NAME = re.compile("key|token|secret|pass|sig|auth|cred|cookie", re.IGNORECASE)
"""In the names of options of a URL and of HTTP headers whose values are secret."""

SHORTEST_VALUE = 6
"""Characters of an option's value from which on it is blacked out in what a server says, unless its
name says that it is secret: `?stream=1` would black out every 1."""


def redact(url: str) -> str:
    """Return `url` fit to be shown: without password and secret options, whatever its shape.

    Args:
        url: Of a database or a server, or what was given in place of one.
    """
    shown = _PASSWORD.sub(r"\1***", url)
    scheme = re.match(r"[\w+.-]+://", shown)
    start = scheme.group() if scheme else ""
    rest = shown[len(start) :]
    login, at, tail = rest.rpartition("@")
    user, colon, password = login.partition(":")
    if at and colon:
        # `host:5432/db?option=a@b` has no login; where it may be one, what follows is left out.
        no_login = _PORT_THEN_OPTION.match(password)
        return f"{start}{_masked(user)}:***" + ("" if no_login else f"@{_masked(tail)}")
    if at and start.startswith("http") and not re.search("[/?]", login):
        # A role in a database, a token everywhere else.
        return f"{start}***@{_masked(tail)}"
    # No host follows the password: what looks like a port but is no number may be it.
    host, _, port = rest.partition(":")
    may_be_password = not host.startswith("[") and not re.match(r"\d*([/?]|$)", port)
    return f"{start}{_masked(host)}:***" if may_be_password else f"{start}{_masked(rest)}"


def _masked(text: str) -> str:
    return _OPTION.sub(
        lambda one: one[0] if one[1].lower() in HARMLESS else f"{one[1]}{one[2]}***", text
    )


def secrets_in(url: str) -> list[str]:
    """Return what of a URL must not be shown, in each form a server may echo it.

    That is: the password as written, decoded and encoded; `user:password` and its Base64, as HTTP
    sends it; a login without a password; and values of options that are not known to be harmless.
    """
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        user, password = parts.username or "", parts.password or ""
    except ValueError:
        return []
    found = []
    if password or (user and parts.scheme.startswith("http")):
        found.append(password or user)
        found += _basic(user, password) + _basic(unquote(user), unquote(password))
    for name, _, value in (one.partition("=") for one in re.split("[&;]", parts.query)):
        told = name.lower() in HARMLESS
        if not told and (len(value) >= SHORTEST_VALUE or SECRET_NAME.search(name)):
            found.append(value)
    return list(dict.fromkeys(form for secret in found for form in _forms(secret)))


def _forms(secret: str) -> Iterable[str]:
    decoded = unquote(secret)
    # As JSON quotes it, too: most servers answer in that.
    return (secret, decoded, quote(decoded, safe=""), quote(decoded), json.dumps(decoded)[1:-1])


def _basic(user: str, password: str) -> list[str]:
    login = f"{user}:{password}"
    return [login, *encoded_logins(login)]


def encoded_logins(login: str) -> list[str]:
    """Return `user:password` as HTTP's Basic scheme sends it, in both alphabets, unpadded."""
    data = login.encode("utf-8", "replace")
    both = (base64.b64encode(data), base64.urlsafe_b64encode(data))
    return [code.decode().rstrip("=") for code in both]


def without(text: str, *secrets: str | None) -> str:
    """Return `text` with every secret blacked out."""
    # The longest first: a secret may be a part of another one.
    for secret in sorted({one for one in secrets if one}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
