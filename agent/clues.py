"""What kinds of clues a photo gives."""

from __future__ import annotations

from typing import Literal

ClueKind = Literal[
    "text", "landmark", "building", "road", "vehicle", "vegetation", "terrain", "sun", "people",
    "other",
]  # fmt: skip
