"""The kinds of scenes; apart, so that naming them needs no numpy."""

from __future__ import annotations

from typing import Literal

SceneKind = Literal["outdoors", "indoors", "food", "animals", "screens and paper", "drawn", "sky"]
