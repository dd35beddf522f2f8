"""Where in a JSON text one is: inside a string, and how far."""

from __future__ import annotations

_QUOTE, _BACKSLASH = 0x22, 0x5C


class OpenString:
    """Follows JSON as it is written, byte by byte."""

    def __init__(self) -> None:
        """Begin outside of any string."""
        self.length: int | None = None
        """Characters of the open string so far; None outside of strings."""
        self._escaped = False

    def write(self, written: bytes) -> None:
        """Go on past what was written."""
        for byte in written:
            if self.length is None:
                self.length = 0 if byte == _QUOTE else None
            elif self._escaped:
                self._escaped = False
            elif byte == _QUOTE:
                self.length = None
            elif byte == _BACKSLASH:
                self._escaped = True
                self.length += 1
            # The later bytes of a character in UTF-8 begin with 10.
            elif byte & 0xC0 != 0x80:
                self.length += 1
