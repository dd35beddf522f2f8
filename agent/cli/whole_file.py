"""A file is written whole or not at all: beside its place first, then moved there."""

from __future__ import annotations

import os
from pathlib import Path

from geofix.agent.errors import GeofixError


def why_not_writable(path: Path) -> str | None:
    """Return why `path` cannot be written; none if it can. Leaves no trace."""
    try:
        if path.exists() and not path.is_file():
            return "it is there and is no file"
        partial = _partial(path)
        # Tried rather than asked: for root every folder looks writable.
        partial.touch()
        partial.unlink()
    except OSError as error:
        return f"{error.strerror}; give a file in a folder that is there and may be written"
    return None


def write_whole(path: Path, text: str) -> None:
    """Write `text` in UTF-8; a file of that name is replaced, a link to one is kept.

    Raises:
        GeofixError: It cannot be written; what was there before is still there.
    """
    partial = _partial(path)
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path.resolve())
    except OSError as error:
        raise GeofixError(f"cannot write {str(path)!r}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    target = path.resolve()
    return target.with_name(f".{target.name}.{os.getpid()}.partial")
