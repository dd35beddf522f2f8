"""Text that is shown or stored: characters that steer are written out, secrets blacked out.

A file name, a field of a gallery, the words of a model or of a server can hold characters that
steer a terminal, turn the line around or cannot be seen. `visible` writes these out; a name is
refused if it has any.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import quote, unquote, urlsplit

LONGEST_NAME = 200
"""Characters of a name: of a gallery, a collection, an encoder, a run."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's controls, formats (bidirectional marks, zero-width characters, tags), halves of pairs,
and separators of lines and paragraphs."""

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that are drawn as nothing."""

_JOINERS = frozenset("\u200c\u200d")
"""Zero-width non-joiner and joiner."""

_JOINED = frozenset({"Lo", "Mn", "Mc", "So", "Sk"})
"""Of what a joiner stands between: letters without case (Persian, the scripts of India), their
marks, and emoji."""


def visible(text: str) -> str:
    r"""Return text on one line, with what steers or hides written out, as `\x1b` or `\u202e`.

    The joiners of Persian, of the scripts of India and of emoji stay between two signs of these;
    between Latin letters, where they only hide a difference, they are written out.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _written_out(sign) if _is_hidden(text, at) else sign for at, sign in enumerate(text)
    )


def one_line(text: str) -> str:
    """Return prose on one line: line breaks and tabs become spaces, the rest as by `visible`."""
    return visible(" ".join(text.split()))


def why_no_name(name: str) -> str | None:
    """Return what is wrong with a name a person or a program gives; none if it can be kept."""
    if len(name) > LONGEST_NAME:
        return f"has {len(name):,} characters, and at most {LONGEST_NAME} are allowed"
    if not name.strip():
        return "is blank"
    if visible(name) != name:
        return "contains invisible or control characters"
    return None


def require_name(name: str, what: str, error: Callable[[str], Exception]) -> str:
    """Return a name that can be kept.

    Args:
        name: As it was given.
        what: What it is the name of, as the error begins: `the thread id`.
        error: What is raised otherwise.
    """
    if (wrong := why_no_name(name)) is not None:
        raise error(f"{what} {short(name)} {wrong}; give a word or two of plain text")
    return name


def short(value: object) -> str:
    """Return a refused value as an error quotes it: the beginning of one that is endless."""
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
"""Options of a URL whose values are shown. Of all others, unknown ones too, only the name is."""

_OPTION = re.compile(r"(?:(?<=[?&;#\s])|^)([\w.%-]+)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^&\s]*)")
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
