"""Search the shards as this server is searched: each its partition, by its own counts and index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from geofix.db.cell_counts import CellCounts, read_counts
from geofix.db.closest import Asked, Ranked
from geofix.db.errors import GalleryError
from geofix.db.fanout import FanOut
from geofix.db.idle import connect_unasked
from geofix.db.known_partitions import KnownPartitions
from geofix.db.partition import Partition
from geofix.db.partition_search import search_partition
from geofix.db.search import How
from geofix.db.servers import Server, server_errors

Part = tuple[Ranked, How]
"""What one server found, and how."""

Waiting = Callable[[], tuple[list[Part], dict[str, str]]]
"""Gives what the shards found, and by name why others found nothing."""


class KnownCounts:
    """The counts per cell of all servers, read once and again when they changed."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[tuple[str, int], CellCounts] = {}

    def of(self, server: Server, connection: Connection, partition: Partition) -> CellCounts:
        """Return the counts of a partition."""
        key = server.url, partition.encoder_id
        known = self._known.get(key)
        if known is None or known.loads != partition.loads:
            known = self._known[key] = read_counts(connection, partition)
        return known


@dataclass(frozen=True, slots=True)
class FanOutSearch:
    """Searches by `FanOut`: what takes longest is the slowest shard."""

    counts: KnownCounts
    partitions: KnownPartitions
    timeout_s: float

    def begin(
        self,
        connection: Connection,
        shards: list[Server],
        asked: Asked,
        version: int | None,
        loads: int,
    ) -> Waiting:
        """Ask the shards.

        Args:
            connection: To the server with the photos; not used.
            shards: Whom.
            asked: What.
            version: Of the mean that is subtracted; none where there is none.
            loads: State of the vectors; not used, since each shard says its own.
        """
        question = FanOut(shards, lambda shard: self._search(shard, asked, version))

        def wait() -> tuple[list[Part], dict[str, str]]:
            parts, missing = question.answers(self.timeout_s)
            return list(parts.values()), missing

        return wait

    def _search(self, shard: Server, asked: Asked, version: int | None) -> Part:
        with server_errors(shard), connect_unasked(shard.engine) as connection:
            return self.partitions.answer(
                shard.url,
                connection,
                asked.search.encoder,
                lambda partition: self._found(shard, connection, partition, asked, version),
            )

    def _found(
        self,
        shard: Server,
        connection: Connection,
        partition: Partition | None,
        asked: Asked,
        version: int | None,
    ) -> Part:
        if partition is None:
            return [], How(shard.name, "exact", 0)
        counts = self.counts.of(shard, connection, partition)
        partition, note = usable(partition, version)
        ranked, how = search_partition(shard, connection, partition, counts, asked)
        return ranked, how if note is None else replace(how, note=how.note or note)


def usable(partition: Partition, version: int | None) -> tuple[Partition, str | None]:
    """Return a shard's partition without an index of another mean, and a note where it has one."""
    index = partition.index
    if version is None or index is None or index.centring_version == version:
        return partition, None
    note = (
        f"its index is of mean {index.centring_version}, and {version} is in force: every vector"
        " was compared"
    )
    return replace(partition, index=None), note


def merged(parts: list[Part], limit: int) -> tuple[Ranked, bool]:
    """Return the closest vectors of all servers, and whether these are all there are.

    Args:
        parts: What each found.
        limit: How many were asked for of each; beyond as many in all, a server that found that
            many may hold closer ones.
    """
    ranked = sorted((one for found, _ in parts for one in found), key=lambda one: (one[1], one[0]))
    if all(len(found) < limit for found, _ in parts):
        return ranked, True
    return ranked[:limit], False


def require_all(missing: dict[str, str]) -> None:
    """Raise if a shard did not answer.

    Raises:
        GalleryError: With its name.
    """
    for name, reason in missing.items():
        raise GalleryError(
            f"the shard {name!r} did not answer: {reason}. Start it again, or ask for what the"
            " other servers find, without `complete`"
        )
