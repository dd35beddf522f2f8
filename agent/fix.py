"""The answer that callers get."""

from __future__ import annotations

from geofix.agent.state import Settled as Fix

__all__ = ["Fix"]
