"""One question in several shares, each over a connection of its own to the same server.

Postgres scans an index with one process: further connections are how a search comes to use more
cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event

from geofix.db.closest import Ranked
from geofix.db.engine import address_of, open_engine, pool_of
from geofix.db.idle import connect_unasked
from geofix.db.round_trip import LIMIT_MS, without_transaction

Share = TypeVar("Share")

MOST_AT_ONCE = 32
"""Shares, beside the first of each search; more wait for a thread."""

_THREADS = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="geofix-share")
"""Of all searches: to start one takes a search a millisecond. None starts before it is needed."""

_opened: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()
_lock = Lock()


@contextmanager
def asked_beside(
    engine: Engine, shares: Sequence[Share], ask: Callable[[Connection, Share], Ranked]
) -> Iterator[Ranked]:
    """Ask some shares while the caller asks another; all is in the list given, once it ends.

    Args:
        engine: Whose server is asked.
        shares: Each gets a connection and a thread; the caller's own is not among them.
        ask: Asks one share.
    """

    def elsewhere(share: Share) -> Ranked:
        with connect_unasked(beside(engine)) as other:
            return ask(without_transaction(other), share)

    others = [_THREADS.submit(elsewhere, share) for share in shares]
    found: Ranked = []
    try:
        yield found
    finally:
        wait(others)
    for other in others:
        found += other.result()


def beside(engine: Engine) -> Engine:
    """Return an engine to the same server with connections of its own.

    Whoever holds a connection and waits for one more of the same pool waits for ever once all do.
    It follows the server, has as many connections and as long a limit as `engine`, and is disposed
    of with it.
    """
    with _lock:
        if engine not in _opened:
            size, timeout_s = pool_of(engine)
            _opened[engine] = open_engine(
                address_of(engine),
                statement_timeout_ms=engine.get_execution_options()[LIMIT_MS],
                pool_size=size,
                pool_timeout_s=timeout_s,
            )
            event.listen(engine, "engine_disposed", _dispose)
        return _opened[engine]


def _dispose(engine: Engine) -> None:
    with _lock:
        other = _opened.get(engine)
    if other is not None:
        other.dispose()
