"""Which characters a text from outside may hold where a person reads it, or calls something by it.

A file name, a field of a gallery, the words of a model or of a server can hold characters that
steer a terminal, turn the line around or cannot be seen. `visible` writes these out; a name is
refused if it has any.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

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
        return f"has {len(name):,} characters, and at most {LONGEST_NAME} are kept"
    if not name.strip():
        return "is blank"
    if visible(name) != name:
        return "holds characters that cannot be seen or that steer a terminal"
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
