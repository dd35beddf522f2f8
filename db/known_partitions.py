"""What was last read of a partition, put to use before it is known to hold.

What a search has to know of a partition first is one small query. Here that query travels with the
search it is for, which goes by what was known; where it tells of something new, the search is made
again.
"""

from __future__ import annotations

from sqlalchemy import Connection

from geofix.db.idle import was_dead
from geofix.db.partition import STATE, Partition, partition_in, partition_of
from geofix.db.round_trip import Ahead, send_first

MOST_REVIVALS = 2
"""A search's own connection and those beside it lie in two pools; each is replaced once."""


class Reading:
    """What one search knows of a partition: search by `partition`, until it `still_holds`."""

    def __init__(self, connection: Connection, encoder: str, known: dict[str, Partition]) -> None:
        """Begin with what is known, if anything is.

        Args:
            connection: Over which the search asks, just opened.
            encoder: Whose vectors.
            known: Partitions by encoder as they were last read; kept up to date.
        """
        self._connection = connection
        self._encoder = encoder
        self._known = known
        self._partition = known.get(encoder)
        self._ahead: Ahead | None = None
        if self._partition is not None:
            self._ahead = Ahead(STATE, {"encoder": encoder})
            send_first(connection, self._ahead)
        self._read = self._partition is not None
        self._revivals = 0

    def partition(self) -> Partition | None:
        """Return what to search by; none where the encoder has no vectors."""
        if not self._read:
            self._keep(partition_of(self._connection, self._encoder))
        return self._partition

    def still_holds(self) -> bool:
        """Say whether the partition was as the search took it to be; if not, search again."""
        if self._ahead is None:
            return True
        # Nothing went along where nothing was asked.
        rows, self._ahead = self._ahead.rows, None
        now = partition_of(self._connection, self._encoder) if rows is None else partition_in(rows)
        if now == self._partition:
            return True
        self._keep(now)
        return False

    def worth_retrying(self, error: Exception) -> bool:
        """Say whether to search again after an error: the partition changed, or a way was dead."""
        dead = was_dead(error)
        if self._ahead is not None:
            self._ahead = None
            self._connection.rollback()
            before = self._partition
            self._keep(partition_of(self._connection, self._encoder))
            return dead or self._partition != before
        if not dead or self._revivals == MOST_REVIVALS:
            return False
        self._revivals += 1
        self._connection.rollback()
        return True

    def _keep(self, partition: Partition | None) -> None:
        self._partition, self._read = partition, True
        if partition is None:
            self._known.pop(self._encoder, None)
        else:
            self._known[self._encoder] = partition
