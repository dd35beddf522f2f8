"""Methods: named sets of options, by the paper they are of, and how an answer is chosen.

Here stand the words by which a person chooses among them; apart, so that `--help` needs no
pydantic. `table` has the sets, `answering` how an answer is chosen without our own verdict.
"""

from __future__ import annotations

from typing import Literal

MethodName = Literal["geofix", "img2loc", "street-level-rag", "g3", "knn", "kde", "geoclip"]
"""Whose method a run follows."""

AnswerBy = Literal["verdict", "model", "nearest", "density", "image-place", "geoclip"]
"""What chooses the answer."""
