"""Ask the gallery: the most similar and the most dissimilar photos, inside an area or anywhere.

Vectors are compared centred (their encoder's mean subtracted), because in the spaces of vision
encoders all vectors share a large mean that drowns what tells photos apart (DESIGN.md section 4).
A photo whose vector is that mean has no direction left: it is like nothing, and never found.

One search reads from top to bottom: `nearest` -> `_closest` (a connection, and what is known of the
vectors) -> `_found` (mean, plan, photos) -> `search_index` or `search_exactly` -> `ranked`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Select, select
from sqlalchemy import exc as sa_exc

from geofix.db.citus import require_settings
from geofix.db.engine import cores_of, database_errors
from geofix.db.errors import GalleryError
from geofix.db.round_trip import connect_unchecked, without_transaction
from geofix.db.search.centring import Centring, read_centring
from geofix.db.search.counts import CellCounts, read_counts
from geofix.db.search.exact import search_exactly
from geofix.db.search.index import search_index
from geofix.db.search.neighbours import distinct_neighbours, stored_copies
from geofix.db.search.partition import Partition, Reading, partition_of
from geofix.db.search.plan import plan_search
from geofix.db.search.query import THIS_SERVER, Found, How, Search, StoredCopy
from geofix.db.search.similarity import PartitionQuery, check_dimension, prepare_query
from geofix.db.tables import CellCountRow, EncoderRow, GalleryRow


def gallery_ids(connection: Connection, search: Search) -> tuple[int, ...] | None:
    """Return the ids of the galleries to search; none where none is named, which means all.

    Raises:
        GalleryError: One that is named does not exist.
    """
    if not search.galleries:
        return None
    named = {row.name: int(row.id) for row in connection.execute(named_galleries())}
    unknown = sorted(set(search.galleries) - set(named))
    if unknown:
        known = ", ".join(map(repr, sorted(named))) or "none yet"
        raise GalleryError(f"there is no gallery {unknown[0]!r}; the galleries are: {known}")
    return tuple(sorted(named[name] for name in search.galleries))


def named_galleries() -> Select[int, str]:
    """Select id and name of all there are."""
    return select(GalleryRow.id, GalleryRow.name)


def galleries_with_vectors(connection: Connection) -> set[tuple[int, str]]:
    """Return the galleries' ids and the encoders that there are vectors of."""
    statement = (
        select(CellCountRow.gallery_id, EncoderRow.name)
        .join(EncoderRow, EncoderRow.id == CellCountRow.encoder_id)
        .where(CellCountRow.photos > 0)
        .distinct()
    )
    return {(int(row[0]), str(row[1])) for row in connection.execute(statement)}


Vector = NDArray[np.float32]
Ids = tuple[int, ...] | None

MOST_LOOKS = 5
"""How often a mean is looked for that was replaced between two looks at the database; each look
needs a rebuilt index that was put in force within milliseconds of the one before."""


class Gallery:
    """The searches. Repeatable: ties go to the lower id."""

    def __init__(self, engine: Engine) -> None:
        """Search the gallery that `engine` reaches."""
        self._engine = engine
        self._centrings: dict[int, tuple[tuple[int, int], Centring]] = {}
        self._counts: dict[int, CellCounts] = {}
        self._partitions: dict[str, Partition] = {}
        self._proven = False

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

    def copies(self, sha256: str, galleries: tuple[str, ...], most: int) -> list[StoredCopy]:
        """Return gallery photos that are this very file, at most so many.

        No search finds them for the photo itself (`Search.without_sha256`), and nothing may decide
        by them: whoever asks is told where the file is, apart from the answer.

        Args:
            sha256: Of the file, in hex.
            galleries: Names of the galleries to look in; none means all.
            most: How many at most.
        """
        with database_errors(self._engine), self._engine.connect() as connection:
            return stored_copies(connection, sha256, galleries, most)

    def count(self, search: Search) -> int:
        """Return how many photos `search` covers, see `counts`."""
        return self.counts([search])[0]

    def counts(self, searches: Sequence[Search]) -> list[int]:
        """Return how many photos each covers; about, where its area cuts through cells.

        Args:
            searches: Of the same galleries; asked at once.
        """
        with database_errors(self._engine), self._engine.connect() as connection:
            ids = gallery_ids(connection, searches[0])
            return self._covered(connection, searches, ids)

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
        """
        with database_errors(self._engine), self._engine.connect() as connection:
            ids = gallery_ids(connection, search)
            if self._satisfied(connection, search, ids):
                return
            names = {int(row.id): row.name for row in connection.execute(named_galleries())}
            there = sorted(
                (names[gallery], encoder)
                for gallery, encoder in galleries_with_vectors(connection)
                if gallery in names
            )
        if not search.galleries:
            _require_encoder(
                "the gallery", sorted({encoder for _, encoder in there}), search.encoder
            )
        for name in search.galleries:
            encoders = [encoder for gallery, encoder in there if gallery == name]
            _require_encoder(f"the gallery {name!r}", encoders, search.encoder)

    def _closest(self, query: Vector, k: int, search: Search, sign: float) -> Found:
        """Search by what was last known of the vectors, and again where that no longer held."""
        with database_errors(self._engine), connect_unchecked(self._engine) as connection:
            without_transaction(connection)
            reading = Reading(connection, search.encoder, self._partitions)
            while True:
                try:
                    found = self._found(connection, reading.partition(), query, k, search, sign)
                    if reading.still_holds():
                        return found
                except (sa_exc.DBAPIError, GalleryError) as error:
                    if not reading.worth_retrying(error):
                        raise

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
            return Found((), (How(THIS_SERVER, "exact", 0, asked=k),))
        if partition.citus and not self._proven:
            require_settings(connection, partition)
            self._proven = True
        compared = prepare_query(query, centring.mean if centring else None, sign=sign)
        if not compared.probe.any():
            note = (
                "the photo's vector equals the mean of all vectors, so its similarity to"
                " others is undefined"
            )
            return Found((), (How(THIS_SERVER, "exact", 0, asked=k, note=note),))
        # Some room for photos that turn out to be the same picture.
        asked = PartitionQuery(
            compared, sign, k + k // 2 + 8, search, gallery_ids(connection, search)
        )
        counts = self._counted(connection, partition)
        check_dimension(compared.probe, partition.dimension)
        rows = counts.covered(asked.gallery_ids, search.areas, search.outside)
        while True:
            how = How(THIS_SERVER, "exact", rows, asked=k)
            chosen = plan_search(
                partition,
                rows=rows,
                total=counts.total,
                limit=asked.limit,
                sign=sign,
                raw=compared.mean is None,
                cores=cores_of(self._engine),
            )
            if search.exact or chosen.way == "exact":
                ranked = search_exactly(self._engine, connection, partition, counts, asked, rows)
            else:
                ranked, how = search_index(
                    self._engine, connection, partition, asked, chosen, replace(how, way="index")
                )
                if len(ranked) < min(asked.limit, rows):
                    note = (
                        f"the index returned only {len(ranked)} photos, so every vector in the"
                        " region was compared"
                    )
                    how = replace(how, way="exact", note=note)
                    ranked = search_exactly(
                        self._engine, connection, partition, counts, asked, rows
                    )
            found, dropped = distinct_neighbours(connection, ranked[: asked.limit], k, search, sign)
            if len(found) >= k or len(ranked) < asked.limit:
                return Found(tuple(found), (replace(how, found=len(found), **dropped),))
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
            version = partition.centring_version
            if version is None:
                return partition, None
            state = partition.loads, version
            known = self._centrings.get(partition.encoder_id)
            if known is not None and known[0] == state:
                return partition, known[1]
            centring = read_centring(connection, partition.encoder_id, version)
            # One that is not there is not remembered: it may be put back.
            if centring is not None:
                self._centrings[partition.encoder_id] = state, centring
                return partition, centring
            # A new mean may have come into force between the two looks.
            partition = partition_of(connection, search.encoder)
        version = None if partition is None else partition.centring_version
        raise GalleryError(
            f"version {version!r} of the mean vector of encoder {search.encoder!r} is missing,"
            " and the index was built with it, so searches are impossible. The database may"
            " have been restored or edited. Rebuild mean and index with `geofix gallery"
            " reindex`"
        )

    def _counted(self, connection: Connection, partition: Partition) -> CellCounts:
        """Return the counts per cell, read again when they changed."""
        known = self._counts.get(partition.encoder_id)
        if known is None or known.loads != partition.loads:
            known = self._counts[partition.encoder_id] = read_counts(connection, partition)
        return known

    def _satisfied(self, connection: Connection, search: Search, ids: Ids) -> bool:
        """Say whether what is required is there."""
        wanted = [None] if ids is None else [(one,) for one in ids]
        everywhere = replace(search, areas=(), outside=())
        return all(self._covered(connection, [everywhere], one)[0] for one in wanted)

    def _covered(self, connection: Connection, searches: Sequence[Search], ids: Ids) -> list[int]:
        partition = partition_of(connection, searches[0].encoder)
        if partition is None:
            return [0] * len(searches)
        counts = self._counted(connection, partition)
        return [counts.covered(ids, search.areas, search.outside) for search in searches]


def _require_encoder(gallery: str, encoders: Sequence[str], wanted: str) -> None:
    """Raise unless a gallery, as the error names it, holds vectors of the encoder wanted."""
    if not encoders:
        raise GalleryError(
            f"{gallery} is empty; add photos with `geofix gallery add starter` or"
            " `geofix gallery ingest FOLDER`"
        )
    if wanted not in encoders:
        raise GalleryError(
            f"{gallery} was embedded with {' and '.join(map(repr, encoders))}, and the encoder"
            f" in use is {wanted!r}. Set GEOFIX_ENCODER to the gallery's encoder, or ingest the"
            f" photos again with {wanted!r}"
        )
