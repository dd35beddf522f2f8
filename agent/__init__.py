"""geofix finds out where a photo was taken, and shows the evidence.

    from geofix.agent import locate

    fix = locate("photo.jpg")
    print(fix.latitude, fix.longitude, fix.radius_km, fix.place)

Names are imported when first used, so that `geofix --help` need not load LangGraph.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geofix.agent.context import Context
    from geofix.agent.errors import GeofixError
    from geofix.agent.facade import Agent, AsyncAgent, alocate, aopen_agent, locate, open_agent
    from geofix.agent.settings import Settings
    from geofix.agent.state import Candidate, Query, Region, Settled

__all__ = [
    "Agent",
    "AsyncAgent",
    "Candidate",
    "Context",
    "GeofixError",
    "Query",
    "Region",
    "Settings",
    "Settled",
    "alocate",
    "aopen_agent",
    "locate",
    "open_agent",
]

_HOMES = {
    "Agent": "facade",
    "AsyncAgent": "facade",
    "Candidate": "state",
    "Context": "context",
    "GeofixError": "errors",
    "Query": "state",
    "Region": "state",
    "Settings": "settings",
    "Settled": "state",
    "alocate": "facade",
    "aopen_agent": "facade",
    "locate": "facade",
    "open_agent": "facade",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
