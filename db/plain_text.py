"""Makes text safe to show and store: escapes control characters and hides secrets.

File names, fields of a gallery and the words of a model or a server can have characters that
control a terminal, reverse a line or are invisible. `visible` escapes them; a name that has any is
refused.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import quote, unquote, urlsplit

LONGEST_NAME = 200
"""Maximum number of characters in the name of a gallery, collection, encoder or run."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of invisible characters: controls, formats (bidirectional marks, zero-width
characters, tags), surrogates, and separators of lines and paragraphs."""

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols without a visible glyph."""

_JOINERS = frozenset("\u200c\u200d")
"""Zero-width non-joiner and joiner."""

_JOINED = frozenset({"Lo", "Mn", "Mc", "So", "Sk"})
"""Unicode categories of characters that a joiner may connect: letters without case (Persian, the
scripts of India), their marks, and emoji."""


def visible(text: str) -> str:
    r"""Return text on one line with control and invisible characters escaped, such as `\x1b`.

    Joiners stay between two characters of Persian, of an Indian script or emoji. Between Latin
    letters, where they would only hide a difference, they are escaped.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _written_out(sign) if _is_hidden(text, at) else sign for at, sign in enumerate(text)
    )


def one_line(text: str) -> str:
    """Return prose on one line: line breaks and tabs become spaces; see `visible` for the rest."""
    return visible(" ".join(text.split()))


def why_no_name(name: str) -> str | None:
    """Return what is wrong with a name; none if it is allowed."""
    if len(name) > LONGEST_NAME:
        return f"has {len(name):,} characters, and at most {LONGEST_NAME} are allowed"
    if not name.strip():
        return "is blank"
    if visible(name) != name:
        return "contains invisible or control characters"
    return None


def require_name(name: str, what: str, error: Callable[[str], Exception]) -> str:
    """Return a name if it is allowed.

    Args:
        name: The name to check.
        what: Start of the error's text, such as `the thread id`.
        error: Raised if the name is not allowed.
    """
    if (wrong := why_no_name(name)) is not None:
        raise error(f"{what} {short(name)} {wrong}; give a word or two of plain text")
    return name


def short(value: object) -> str:
    """Return a value for quoting in an error, truncated if it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}..."


def _written_out(sign: str) -> str:
    # Python holds some blank signs printable, and would leave them as they are.
    return f"\\u{ord(sign):04x}" if sign in _BLANK else repr(sign)[1:-1]


def _is_hidden(text: str, at: int) -> bool:
    sign = text[at]
    if sign in _JOINERS:
        around = text[at - 1 : at] + text[at + 1 : at + 2]
        kinds = {unicodedata.category(one) for one in around}
        return len(around) < 2 or not kinds <= _JOINED
    return sign in _BLANK or unicodedata.category(sign) in _HIDDEN


HARMLESS = frozenset(
    {
        "application_name", "client_encoding", "connect_timeout", "database", "dbname",
        "gssencmode", "host", "hostaddr", "keepalives", "keepalives_idle", "options", "port",
        "sslmode", "sslnegotiation", "target_session_attrs", "tcp_user_timeout", "user",
        "api-version", "region", "version",
    }
)  # fmt: skip
"""Options of a URL whose values may be shown. All other values are hidden."""

_OPTION = re.compile(r"(?:(?<=[?&;#\s])|^)([\w.%-]+)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^&\s]*)")
_PASSWORD = re.compile(r"(pass\w*\s*=\s*)('[^']*'|[^&\s]*)", re.IGNORECASE)
_PORT_THEN_OPTION = re.compile(r"(\d+|\d*/[^?]*)\?[\w.%-]+=")
SECRET_NAME = re.compile("key|token|secret|pass|sig|auth|cred|cookie", re.IGNORECASE)
"""Matches names of URL options and HTTP headers whose values are secret."""

SHORTEST_VALUE = 6
"""Minimum length of an option's value for hiding it in a server's messages, unless its name is
secret: hiding the value of `?stream=1` would hide every 1."""


def redact(url: str) -> str:
    """Return `url` with password and secret options hidden, even if it is malformed.

    Args:
        url: URL of a database or a server, or what was given instead of one.
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
    """Return the secrets of a URL in every form that a server may echo.

    These are the password as written, decoded and encoded; `user:password` and its Base64, as HTTP
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
    """Return `text` with every secret hidden."""
    # The longest first: a secret may be a part of another one.
    for secret in sorted({one for one in secrets if one}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
