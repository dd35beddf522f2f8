"""A run: photo and question in, steps recorded, a person's decisions, the answer out.

Here stand the words by which a person says when it pauses; apart, so that `--help` needs no
pydantic.
"""

from __future__ import annotations

from typing import Literal

Pause = Literal["never", "unsure", "every_round"]
"""When a run waits for a person to decide."""
