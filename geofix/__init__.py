"""geofix finds out where a photo was taken, and shows the evidence.

    from geofix import locate

    fix = locate("photo.jpg")
    print(fix.latitude, fix.longitude, fix.radius_km, fix.place)

What `__all__` lists is public, and so is what its modules list. The other packages are internal:
they may change with any version.

Names are imported when first used, so that `import geofix` loads neither LangGraph nor SQLAlchemy
nor torch.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geofix import errors, events
    from geofix.agent.async_facade import AsyncAgent, alocate, aopen_agent
    from geofix.agent.context import Context
    from geofix.agent.errors import (
        AlreadyDecided,
        DatabaseError,
        EncoderError,
        GalleryError,
        GeofixError,
        ModelError,
        OptionError,
        PhotoError,
        RegionError,
        RunBusy,
        ServerError,
        SettingError,
        SourceError,
        TrailError,
    )
    from geofix.agent.facade import Agent, locate, open_agent
    from geofix.agent.fix import Fix
    from geofix.agent.run.decision import Decision
    from geofix.agent.settings import Settings
    from geofix.agent.state import Region

    __version__: str

# A checkout holds the subpackages beside this folder, not in it. Python that runs there takes this
# folder before the installed package, and finds the subpackages only where geofix is installed.
__path__ = extend_path(__path__, __name__)

__all__ = [
    "Agent",
    "AlreadyDecided",
    "AsyncAgent",
    "Context",
    "DatabaseError",
    "Decision",
    "EncoderError",
    "Fix",
    "GalleryError",
    "GeofixError",
    "ModelError",
    "OptionError",
    "PhotoError",
    "Region",
    "RegionError",
    "RunBusy",
    "ServerError",
    "SettingError",
    "Settings",
    "SourceError",
    "TrailError",
    "__version__",
    "alocate",
    "aopen_agent",
    "errors",
    "events",
    "locate",
    "open_agent",
]

SUBMODULES = frozenset({"errors", "events"})

_HOMES = {
    "Agent": "geofix.agent.facade",
    "AlreadyDecided": "geofix.agent.errors",
    "AsyncAgent": "geofix.agent.async_facade",
    "Context": "geofix.agent.context",
    "DatabaseError": "geofix.agent.errors",
    "Decision": "geofix.agent.run.decision",
    "EncoderError": "geofix.agent.errors",
    "Fix": "geofix.agent.fix",
    "GalleryError": "geofix.agent.errors",
    "GeofixError": "geofix.agent.errors",
    "ModelError": "geofix.agent.errors",
    "OptionError": "geofix.agent.errors",
    "PhotoError": "geofix.agent.errors",
    "Region": "geofix.agent.state",
    "RegionError": "geofix.agent.errors",
    "RunBusy": "geofix.agent.errors",
    "ServerError": "geofix.agent.errors",
    "SettingError": "geofix.agent.errors",
    "Settings": "geofix.agent.settings",
    "SourceError": "geofix.agent.errors",
    "TrailError": "geofix.agent.errors",
    "alocate": "geofix.agent.async_facade",
    "aopen_agent": "geofix.agent.async_facade",
    "locate": "geofix.agent.facade",
    "open_agent": "geofix.agent.facade",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        # Reads a file of the installed package, which takes longer than this whole module.
        from importlib.metadata import version  # noqa: PLC0415

        value: Any = version("geofix")
    elif name in SUBMODULES:
        value = import_module(f"geofix.{name}")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
