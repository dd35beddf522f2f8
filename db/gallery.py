"""Ask the gallery: the most similar and the most dissimilar photos, inside an area or anywhere.

Vectors are compared centred (their encoder's mean subtracted), because in the spaces of vision
encoders all vectors share a large mean that drowns what tells photos apart (DESIGN.md section 4).
A photo whose vector is that mean has no direction left: it is like nothing, and never found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from geofix.db.centring import Centring, read_centring
from geofix.db.closest import Asked
from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.fanout import FanOut
from geofix.db.foreign import ForeignSearch
from geofix.db.holdings import held_anywhere, require_encoder
from geofix.db.idle import connect_unasked
from geofix.db.known_partitions import KnownPartitions
from geofix.db.likeness import likeness
from geofix.db.named_galleries import gallery_ids, named_galleries
from geofix.db.partition import Partition, partition_of
from geofix.db.partition_search import search_partition
from geofix.db.photos import neighbours
from geofix.db.search import Found, How, Search
from geofix.db.servers import HERE, SHARD_TIMEOUT_S, Server, server_errors, shards_of
from geofix.db.shard_search import FanOutSearch, KnownCounts, Part, merged, require_all

Vector = NDArray[np.float32]
Ids = tuple[int, ...] | None
ShardSearch = Literal["fan-out", "fdw"]

MOST_LOOKS = 5
"""How often a mean is looked for that was replaced between two looks at the database; each look
needs a rebuilt index that was put in force within milliseconds of the one before."""


class Gallery:
    """The searches. Repeatable: ties go to the lower id."""

    def __init__(
        self,
        engine: Engine,
        *,
        shard_search: ShardSearch = "fan-out",
        shard_timeout_s: float = SHARD_TIMEOUT_S,
    ) -> None:
        """Search the gallery that `engine` reaches.

        Args:
            engine: To the server with the photos.
            shard_search: How shards are asked: all at once over connections of their own, or
                `fdw`, one after another by one statement over postgres_fdw.
            shard_timeout_s: How long a search waits for the shards.

        Raises:
            ValueError: There is no such way to ask shards.
        """
        self._here = Server(HERE, engine)
        self._engine = engine
        self._centrings: dict[int, tuple[tuple[int, int], Centring]] = {}
        self._counts = KnownCounts()
        self._partitions = KnownPartitions()
        self._timeout_s = shard_timeout_s
        if shard_search not in get_args(ShardSearch):
            ways = " or ".join(map(repr, get_args(ShardSearch)))
            raise ValueError(f"shards are asked by {ways}, not by {shard_search!r}")
        self._shards: FanOutSearch | ForeignSearch = (
            FanOutSearch(self._counts, self._partitions, shard_timeout_s)
            if shard_search == "fan-out"
            else ForeignSearch(engine, self._counts)
        )

    def nearest(self, query: Vector, k: int, search: Search) -> Found:
        """Return the `k` photos most like `query`, best first; fewer where fewer can be compared.

        Args:
            query: The photo's vector, `[dimension]`, L2-normalised, not centred.
            k: How many.
            search: Where, and by which encoder.
        """
        return self._closest(query, k, search, sign=1.0)

    def most_dissimilar(self, query: Vector, k: int, search: Search) -> Found:
        """Return the `k` photos least like `query`, least first (Img2Loc's negatives).

        Img2Loc takes the neighbours of the negated query (Zhou et al. 2024); that is what this
        does, among centred vectors unless `search` says raw.
        """
        return self._closest(query, k, search, sign=-1.0)

    def count(self, search: Search) -> int:
        """Return how many photos `search` covers, see `counts`."""
        return self.counts([search])[0]

    def counts(self, searches: Sequence[Search]) -> list[int]:
        """Return how many photos each covers; about, where its area cuts through cells.

        Args:
            searches: Of the same galleries; asked at once. Photos on shards that do not answer are
                not among those counted.

        Raises:
            GalleryError: A shard does not answer, and the first asks for all.
        """
        first = searches[0]
        with database_errors(self._engine), self._engine.connect() as connection:
            ids = gallery_ids(connection, first)
            question = FanOut(
                shards_of(self._engine, connection),
                lambda shard: self._covered_there(shard, searches, ids),
            )
            here = self._covered(self._here, connection, searches, ids)
        there, missing = question.answers(self._timeout_s)
        if first.complete:
            require_all(missing)
        return [sum(photos) for photos in zip(here, *there.values(), strict=True)]

    def centring(self, encoder: str) -> Centring | None:
        """Return what is known of all the vectors of `encoder`; none where there are too few.

        Raises:
            GalleryError: The mean that the index was built with is missing.
        """
        with database_errors(self._engine), self._engine.connect() as connection:
            partition = partition_of(connection, encoder)
            return self._state(connection, partition, Search(encoder=encoder))[1]

    def require(self, search: Search) -> None:
        """Raise unless the galleries exist and hold vectors of the encoder, each that is named.

        Raises:
            GalleryError: Empty, unknown, or embedded by another encoder; both are then named.
            ShardError: A shard that may hold them does not answer.
        """
        with database_errors(self._engine), self._engine.connect() as connection:
            ids = gallery_ids(connection, search)
            if self._satisfied(connection, search, ids):
                return
            names = {int(row.id): row.name for row in connection.execute(named_galleries())}
            held = sorted(
                (names[gallery], encoder)
                for gallery, encoder in held_anywhere(self._engine, connection)
                if gallery in names
            )
        if not search.galleries:
            require_encoder("the gallery", sorted({encoder for _, encoder in held}), search.encoder)
        for name in search.galleries:
            encoders = [encoder for gallery, encoder in held if gallery == name]
            require_encoder(f"the gallery {name!r}", encoders, search.encoder)

    def _closest(self, query: Vector, k: int, search: Search, sign: float) -> Found:
        with database_errors(self._engine), connect_unasked(self._engine) as connection:
            return self._partitions.answer(
                self._here.url,
                connection,
                search.encoder,
                lambda partition: self._found(connection, partition, query, k, search, sign),
                transaction=isinstance(self._shards, ForeignSearch),
            )

    def _found(
        self,
        connection: Connection,
        partition: Partition | None,
        query: Vector,
        k: int,
        search: Search,
        sign: float,
    ) -> Found:
        partition, centring = self._state(connection, partition, search)
        if partition is None:
            return Found((), (How(HERE, "exact", 0),))
        compared = likeness(query, centring.mean if centring else None, sign=sign)
        if not compared.probe.any():
            # The query is the mean: it has no direction, and is like nothing.
            return Found((), (How(HERE, "exact", 0),))
        ids = gallery_ids(connection, search)
        # Some room for photos that turn out to be the same picture.
        asked = Asked(compared, sign, k + k // 2 + 8, search, ids)
        shards = shards_of(self._engine, connection) if partition.sharded else []
        missing: dict[str, str] = {}
        while True:
            parts, silent = self._asked(connection, partition, shards, asked)
            missing |= silent
            if search.complete:
                require_all(missing)
            shards = [shard for shard in shards if shard.name not in silent]
            ranked, every_one = merged(parts, asked.limit)
            found = neighbours(connection, ranked, k, search, sign)
            if len(found) >= k or every_one:
                how = tuple(how for _, how in parts)
                reasons = tuple(f"{name}: {reason}" for name, reason in missing.items())
                return Found(tuple(found), how, reasons)
            asked = replace(asked, limit=4 * asked.limit)

    def _state(
        self, connection: Connection, partition: Partition | None, search: Search
    ) -> tuple[Partition | None, Centring | None]:
        """Return the encoder's vectors, and their mean unless they are to be compared raw.

        Raises:
            GalleryError: The mean that the index was built with is missing.
        """
        for _ in range(MOST_LOOKS):
            if partition is None or search.vectors == "raw":
                return partition, None
            centring = self._centred(connection, partition)
            if centring is not None or partition.centring_version is None:
                return partition, centring
            # A new mean may have come into force between the two looks.
            partition = partition_of(connection, search.encoder)
        version = None if partition is None else partition.centring_version
        raise GalleryError(
            f"mean {version!r} of the vectors of encoder {search.encoder!r} is missing, though the"
            " index in force was built with it (a restored or edited database?), so photos cannot"
            " be compared; build mean and index anew with `geofix gallery reindex`"
        )

    def _asked(
        self, connection: Connection, partition: Partition, shards: list[Server], asked: Asked
    ) -> tuple[list[Part], dict[str, str]]:
        """Ask all servers; return what those found that answered, and why the others did not."""
        version = None if asked.likeness.mean is None else partition.centring_version
        waiting = self._shards.begin(connection, shards, asked, version, partition.loads)
        counts = self._counts.of(self._here, connection, partition)
        here = search_partition(self._here, connection, partition, counts, asked)
        there, missing = waiting()
        return [here, *there], missing

    def _centred(self, connection: Connection, partition: Partition) -> Centring | None:
        version = partition.centring_version
        if version is None:
            return None
        state = partition.loads, version
        known = self._centrings.get(partition.encoder_id)
        if known is not None and known[0] == state:
            return known[1]
        found = read_centring(connection, partition.encoder_id, version)
        # One that is not there is not remembered: it may be put back.
        if found is not None:
            self._centrings[partition.encoder_id] = state, found
        return found

    def _satisfied(self, connection: Connection, search: Search, ids: Ids) -> bool:
        """Say whether this server alone holds what is required."""
        wanted = [None] if ids is None else [(one,) for one in ids]
        everywhere = replace(search, areas=(), outside=None)
        return all(self._covered(self._here, connection, [everywhere], one)[0] for one in wanted)

    def _covered(
        self, server: Server, connection: Connection, searches: Sequence[Search], ids: Ids
    ) -> list[int]:
        partition = partition_of(connection, searches[0].encoder)
        if partition is None:
            return [0] * len(searches)
        counts = self._counts.of(server, connection, partition)
        return [counts.covered(ids, search.areas, search.outside) for search in searches]

    def _covered_there(self, shard: Server, searches: Sequence[Search], ids: Ids) -> list[int]:
        with server_errors(shard), shard.engine.connect() as connection:
            return self._covered(shard, connection, searches, ids)
