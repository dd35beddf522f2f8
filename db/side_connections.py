"""One question in several shares, each over a connection of its own to the same server.

Postgres scans an index with one process: further connections are how a search comes to use more
cores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from sqlalchemy import Connection

from geofix.db.closest import Ranked, closest_first
from geofix.db.idle import connect_unasked
from geofix.db.round_trip import without_transaction
from geofix.db.servers import Server, beside

Share = TypeVar("Share")

MOST_AT_ONCE = 32
"""Shares, beside the first of each search; more wait for a thread."""

_THREADS = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="geofix-share")
"""Of all searches: to start one takes a search a millisecond. None starts before it is needed."""


def ask_at_once(
    server: Server,
    connection: Connection,
    shares: Sequence[Share],
    ask: Callable[[Connection, Share], Ranked],
) -> Ranked:
    """Return what all shares give together, closest first.

    Args:
        server: Whom.
        connection: To it; the first share is asked here.
        shares: One or more; each but the first gets a connection and a thread.
        ask: Asks one share.
    """

    def elsewhere(share: Share) -> Ranked:
        with connect_unasked(beside(server.engine)) as other:
            return ask(without_transaction(other), share)

    if len(shares) == 1:
        return ask(connection, shares[0])
    others = [_THREADS.submit(elsewhere, share) for share in shares[1:]]
    try:
        found = ask(connection, shares[0])
    finally:
        wait(others)
    for other in others:
        found = found + other.result()
    return closest_first(found)
