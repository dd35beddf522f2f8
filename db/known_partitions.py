"""What was last read of partitions, put to use before it is known to hold.

What a search has to know of a partition first is one small query. Here that query travels with the
search it is for, which goes by what was known; where it tells of something new, the search is made
again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy import exc as sa_exc

from geofix.db.errors import GalleryError
from geofix.db.idle import was_dead
from geofix.db.partition import STATE, Partition, partition_in, partition_of
from geofix.db.round_trip import Ahead, send_first, without_transaction

Answer = TypeVar("Answer")


class KnownPartitions:
    """The partitions of all servers as they were last read."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[tuple[str, str], Partition] = {}

    def answer(
        self,
        url: str,
        connection: Connection,
        encoder: str,
        ask: Callable[[Partition | None], Answer],
        *,
        transaction: bool = False,
    ) -> Answer:
        """Return what `ask` gives for a partition as it was when, or after, it began.

        Args:
            url: Of the server; empty for the one with the photos.
            connection: To it, just opened unasked, over which `ask` asks.
            encoder: Whose vectors.
            ask: Asked again if the partition has changed, or the connection was dead.
            transaction: Whether `ask` needs a transaction around all it asks.
        """
        if not transaction:
            without_transaction(connection)
        known = self._known.get((url, encoder))
        if known is not None:
            state = Ahead(STATE, {"encoder": encoder})
            send_first(connection, state)
            try:
                answer = ask(known)
            except (sa_exc.DBAPIError, GalleryError) as error:
                connection.rollback()
                now = partition_of(connection, encoder)
                if now == known and not was_dead(error):
                    raise
            else:
                now = _told(state, connection, encoder)
                if now == known:
                    return answer
        else:
            now = _revived(connection, lambda: partition_of(connection, encoder))
        self._keep((url, encoder), now)
        return _revived(connection, lambda: ask(now))

    def _keep(self, key: tuple[str, str], partition: Partition | None) -> None:
        if partition is None:
            self._known.pop(key, None)
        else:
            self._known[key] = partition


def _told(state: Ahead, connection: Connection, encoder: str) -> Partition | None:
    """Return what went along with the search, or is asked for now where there was none."""
    return partition_of(connection, encoder) if state.rows is None else partition_in(state.rows)


def _revived(connection: Connection, ask: Callable[[], Answer]) -> Answer:
    """Return what is asked, over another connection where this or one beside it was dead."""
    try:
        return ask()
    except sa_exc.DBAPIError as error:
        if not was_dead(error):
            raise
        connection.rollback()
        return ask()
