"""What can go wrong below the agent. The whole tree is drawn in `geofix.agent.errors`."""

from __future__ import annotations

from geofix.db.plain_text import visible


class GeofixError(Exception):
    """Root of every error geofix raises on purpose; its text says what to do.

    It is one line, and shows what steers a terminal written out: servers and files have their say
    in it.
    """

    def __init__(self, text: str) -> None:
        """Take what happened, what it means and what to do."""
        super().__init__(visible(text))


class DatabaseError(GeofixError):
    """The database cannot be reached, is not set up, or refused the work."""


class ServerError(DatabaseError):
    """The embedded Postgres could not be set up, started or stopped."""


class ShardError(DatabaseError):
    """A shard cannot be reached, or refused the work."""

    def __init__(self, shard: str, where: str, reason: str) -> None:
        """Say which.

        Args:
            shard: Its name.
            where: Its URL, without the password.
            reason: What it failed with.
        """
        super().__init__(
            f"the shard {shard!r} at {where!r} did not do its part: {reason}. Start it again, or"
            f" see `geofix gallery shard list`"
        )
        self.shard = shard
        self.reason = reason


class GalleryError(GeofixError):
    """The gallery cannot answer: empty, unknown, or embedded by another encoder."""


class TrailError(GeofixError):
    """A run or its trail is unknown, or does not match what was asked."""
