"""What can go wrong below the agent. The whole tree is drawn in `geofix.agent.errors`."""

from __future__ import annotations


class GeofixError(Exception):
    """Root of every error geofix raises on purpose; its text says what to do."""


class DatabaseError(GeofixError):
    """The database cannot be reached, is not set up, or refused the work."""


class ServerError(DatabaseError):
    """The embedded Postgres could not be set up, started or stopped."""


class GalleryError(GeofixError):
    """The gallery cannot answer: empty, unknown, or embedded by another encoder."""


class TrailError(GeofixError):
    """A run or its trail is unknown, or does not match what was asked."""
