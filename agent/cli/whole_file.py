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


def write_whole(path: Path, text: str, *, private: bool = False) -> None:
    """Write `text` in UTF-8; a file of that name is replaced, a link to one is kept.

    Args:
        path: Of the file.
        text: All of it.
        private: Whether nobody but this user may read it (mode 0600), from the first byte on.

    Raises:
        GeofixError: It cannot be written; what was there before is still there.
    """
    partial = _partial(path)
    try:
        if private:
            # What a killed process left may be open to others.
            partial.unlink(missing_ok=True)
            partial.touch(mode=0o600, exist_ok=False)
        partial.write_text(text, encoding="utf-8", newline="" if private else None)
        partial.replace(path.resolve())
    except OSError as error:
        raise GeofixError(f"cannot write {str(path)!r}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    target = path.resolve()
    return target.with_name(f".{target.name}.{os.getpid()}.partial")
