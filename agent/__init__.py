"""geofix: a photo in, a position fix with its evidence out.

    from geofix.agent import locate

    fix = locate("photo.jpg")
    print(fix.latitude, fix.longitude, fix.radius_km, fix.place)
"""

from geofix.agent.context import Context
from geofix.agent.errors import GeofixError
from geofix.agent.facade import Agent, locate, open_agent
from geofix.agent.facade_async import AsyncAgent, alocate, aopen_agent
from geofix.agent.settings import Settings
from geofix.agent.state import Candidate, Fix, Query, Region

__all__ = [
    "Agent",
    "AsyncAgent",
    "Candidate",
    "Context",
    "Fix",
    "GeofixError",
    "Query",
    "Region",
    "Settings",
    "alocate",
    "aopen_agent",
    "locate",
    "open_agent",
]
