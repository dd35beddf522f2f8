"""What a node hands back: its part of the state, and what the trail says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """A node's result. The node knows nothing of the trail; `graph` writes it there."""

    update: dict[str, Any]
    """The part of the state that changes."""
    summary: str
    """One line for a person."""
    detail: dict[str, Any] = field(default_factory=dict)
    """JSON-able; what an auditor needs to follow the step."""
    degraded: tuple[str, ...] = ()
    """What could not be done as asked, and why."""
