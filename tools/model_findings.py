"""What was found out about a chat model by asking it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sight = Literal["told apart", "differ", "alike", "unreadable", "refused", "failed"]
"""What came of the two pictures: each named right; other words for each, but wrong ones; the same
words for both, so that the picture made no difference; no usable answer; the server takes no
pictures; the call failed."""

Fit = Literal["first try", "repaired", "unusable", "not asked"]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Whether the model sees."""

    sight: Sight
    named: dict[str, str]
    """What it called each color; nothing for one it gave no usable answer to."""
    reason: str | None
    """Why there is no answer."""


@dataclass(frozen=True, slots=True)
class Drafting:
    """Whether the answer to a draft's own question fits its schema."""

    fit: Fit
    answer: str | None
    """As the model wrote it, the last turn."""
    problem: str | None
    """What was wrong with the first answer, or why there is none."""
    tokens: dict[str, int]
    """As the server counts; empty if it does not."""
    seconds: float | None
    tokens_per_s: float | None
    """Written, over the whole time of the call: reading the question is in it."""


@dataclass(frozen=True, slots=True)
class Several:
    """Whether one question gets several answers."""

    asked: int
    usable: int
    different: int
    """Texts that are not alike."""
    calls: int
    """Requests it took."""
    seconds: float


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What was found out about a model."""

    host: str
    """Where its calls go: name and port, or `in process`."""
    leaves: bool
    """Whether they leave this machine."""
    model: str | None
    """Its name as the server says it."""
    revision: str | None
    """What the server says of its build."""
    first_call_s: float
    """A small picture and one word; whatever is loaded at the first call is in it."""
    pictures: Pictures
    drafting: Drafting
    several: Several | None
    cost: float | None
    """US dollars for all of it; None where prices or tokens are unknown."""
    notes: tuple[str, ...]
    """What the model had to be asked without."""
    why_not: str | None
    """Why it cannot draft; None if it can."""
