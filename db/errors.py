"""What can go wrong below the agent. The whole tree is drawn in `geofix.agent.errors`."""

from __future__ import annotations

from typing import ClassVar, Literal

from geofix.db.plain_text import visible

FailureKind = Literal[
    "worker",
    "unreachable",
    "login",
    "no database",
    "starting",
    "shut down",
    "pooler refuses",
    "too many connections",
    "pool exhausted",
    "timeout",
    "lock timeout",
    "deadlock",
    "conflict",
    "read-only",
    "disk full",
    "out of memory",
    "old schema",
    "permission",
    "bad value",
    "unusable",
    "fault",
    "failed",
]
"""What a database fails with; `geofix.db.failures` says which SQLSTATE is which."""


class GeofixError(Exception):
    """Root of every error geofix raises on purpose; its text says what to do.

    It is one line, and shows what steers a terminal written out: servers and files have their say
    in it.
    """

    code: ClassVar[str] = "geofix_error"
    """What programs tell errors apart by; texts may change with any version, codes do not."""

    def __init__(self, text: str) -> None:
        """Take what happened, what it means and what to do."""
        super().__init__(visible(text))


class DatabaseError(GeofixError):
    """The database cannot be reached, is not set up, or refused the work."""

    code = "database_failed"
    kind: FailureKind | None
    """What failed, where the driver or the server said it; none where geofix did."""
    sqlstate: str | None
    """Postgres's code, where there is one."""
    reason: str
    """One line of what was said, without what geofix adds."""
    original: Exception | None
    """The driver's error. Not in the chain: its text has the statement, and may have a row."""

    def __init__(
        self,
        text: str,
        *,
        kind: FailureKind | None = None,
        sqlstate: str | None = None,
        reason: str | None = None,
        original: Exception | None = None,
    ) -> None:
        """Say what happened.

        Args:
            text: For a person: what happened, what it means, what to do.
            kind: What failed.
            sqlstate: Postgres's code.
            reason: What was said; the text otherwise.
            original: The driver's error.
        """
        super().__init__(text)
        self.kind = kind
        self.sqlstate = sqlstate
        self.reason = text if reason is None else reason
        self.original = original


class ServerError(DatabaseError):
    """The embedded Postgres could not be set up, started or stopped."""

    code = "server_failed"


class GalleryError(GeofixError):
    """The gallery cannot answer: empty, unknown, or embedded by another encoder."""

    code = "gallery_unusable"


class TrailError(GeofixError, ValueError):
    """A run or its trail is unknown, or does not match what was asked."""

    code = "run_unusable"
