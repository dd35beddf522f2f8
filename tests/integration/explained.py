"""All that a run knows, for tests of what its answer does not show."""

from __future__ import annotations

from typing import Any

from geofix import Agent
from geofix.agent.state import Settled


def explained(agent: Agent, *args: Any, **options: Any) -> Settled:
    """Locate a photo, and return all that its run knows."""
    return agent.explain(agent.locate(*args, **options).run)


def resumed(agent: Agent, run: str, **options: Any) -> Settled:
    """Resume a run, and return all that it knows."""
    return agent.explain(agent.resume(run, **options).run)
