"""The errors that geofix raises on purpose, and the `code` of each; see `geofix.agent.errors`."""

from __future__ import annotations

from geofix.agent.errors import *  # noqa: F403
from geofix.agent.errors import __all__ as __all__
