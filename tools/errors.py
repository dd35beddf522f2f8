"""What can go wrong in the tools. The whole tree is drawn in `geofix.agent.errors`."""

from __future__ import annotations

from geofix.db.errors import GeofixError


class PhotoError(GeofixError):
    """The photo cannot be read: missing, empty, damaged, too large, not a picture."""


class EncoderError(GeofixError):
    """The encoder is unknown, cannot be loaded, or gave something unusable."""


class ModelError(GeofixError):
    """The chat model is unknown, not installed, unreachable, or answered unusably."""


class RegionError(GeofixError):
    """A region is not one: unknown country, latitude out of range, an empty circle or box."""


class SourceError(GeofixError):
    """A folder or table of photos cannot be read as asked."""
