"""Ask the gallery: the most similar and the most dissimilar photos, inside an area or anywhere.

Vectors are compared centred (their encoder's mean subtracted), because in the spaces of vision
encoders all vectors share a large mean that drowns what tells photos apart (DESIGN.md section 4).
A photo whose vector is that mean has no direction left: it is like nothing, and never found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Select, select

from geofix.db.cell_counts import CellCounts, read_counts
from geofix.db.centring import Centring, read_centring
from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.likeness import likeness
from geofix.db.models import CellCountRow, EncoderRow, GalleryRow
from geofix.db.partition import Partition, partition_of
from geofix.db.partition_search import Asked, search_partition
from geofix.db.photos import neighbours
from geofix.db.search import Found, How, Search

Vector = NDArray[np.float32]


class Gallery:
    """The searches. Repeatable: ties go to the lower id."""

    def __init__(self, engine: Engine) -> None:
        """Search the gallery that `engine` reaches."""
        self._engine = engine
        self._centrings: dict[int, tuple[tuple[int, int], Centring | None]] = {}
        self._counts: dict[int, CellCounts] = {}

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
        """Return how many photos `search` covers; about, where its area cuts through cells."""
        with database_errors(self._engine), self._engine.connect() as connection:
            partition = partition_of(connection, search.encoder)
            if partition is None:
                return 0
            ids, every = _galleries(connection, search)
            counts = self._counted(connection, partition)
            return counts.covered(None if every else ids, search.areas, search.outside)

    def centring(self, encoder: str) -> Centring | None:
        """Return what is known of all the vectors of `encoder`; none where there are too few."""
        with database_errors(self._engine), self._engine.connect() as connection:
            partition = partition_of(connection, encoder)
            return None if partition is None else self._centred(connection, partition)

    def require(self, search: Search) -> None:
        """Raise unless the galleries exist and hold vectors of the encoder, each that is named.

        Raises:
            GalleryError: Empty, unknown, or embedded by another encoder; both are then named.
        """
        with database_errors(self._engine), self._engine.connect() as connection:
            ids, _ = _galleries(connection, search)
            partition = partition_of(connection, search.encoder)
            if partition is not None:
                counts = self._counted(connection, partition)
                wanted = [(one,) for one in ids] if search.galleries else [None]
                if all(counts.covered(one, ()) for one in wanted):
                    return
            held = [(row[0], row[1]) for row in connection.execute(_held())]
        if not search.galleries:
            _require("the gallery", sorted({encoder for _, encoder in held}), search.encoder)
        for name in search.galleries:
            encoders = [encoder for gallery, encoder in held if gallery == name]
            _require(f"the gallery {name!r}", encoders, search.encoder)

    def _closest(self, query: Vector, k: int, search: Search, sign: float) -> Found:
        with database_errors(self._engine), self._engine.connect() as connection:
            partition = partition_of(connection, search.encoder)
            if partition is None:
                return Found((), (How("here", "exact", 0),))
            centring = self._centred(connection, partition) if search.vectors == "centred" else None
            compared = likeness(query, centring.mean if centring else None, sign=sign)
            if not compared.probe.any():
                # The query is the mean: it has no direction, and is like nothing.
                return Found((), (How("here", "exact", 0),))
            ids, every = _galleries(connection, search)
            # Some room for photos that turn out to be the same picture.
            asked = Asked(compared, sign, k + k // 2 + 8, search, ids, every)
            counts = self._counted(connection, partition)
            while True:
                ranked, how = search_partition(connection, partition, counts, asked, "here")
                found = neighbours(connection, ranked, k, search, sign)
                if len(found) >= k or len(ranked) < asked.limit:
                    return Found(tuple(found), (how,))
                asked = replace(asked, limit=4 * asked.limit)

    def _centred(self, connection: Connection, partition: Partition) -> Centring | None:
        version = partition.centring_version
        if version is None:
            return None
        state = partition.loads, version
        known = self._centrings.get(partition.encoder_id)
        if known is None or known[0] != state:
            found = read_centring(connection, partition.encoder_id, version)
            known = self._centrings[partition.encoder_id] = state, found
        return known[1]

    def _counted(self, connection: Connection, partition: Partition) -> CellCounts:
        known = self._counts.get(partition.encoder_id)
        if known is None or known.loads != partition.loads:
            known = self._counts[partition.encoder_id] = read_counts(connection, partition)
        return known


def _galleries(connection: Connection, search: Search) -> tuple[tuple[int, ...], bool]:
    """Return the ids of the galleries to search, and whether these are all there are.

    Raises:
        GalleryError: One that is named does not exist.
    """
    rows = connection.execute(select(GalleryRow.id, GalleryRow.name)).all()
    named = {row.name: int(row.id) for row in rows}
    unknown = sorted(set(search.galleries) - set(named))
    if unknown:
        known = ", ".join(map(repr, sorted(named))) or "none yet"
        raise GalleryError(f"there is no gallery {unknown[0]!r}; there is: {known}")
    chosen = search.galleries or tuple(named)
    return tuple(sorted(named[name] for name in chosen)), set(chosen) == set(named)


def _held() -> Select[str, str]:
    """Select the galleries and the encoders that at least one of their photos was embedded with."""
    return (
        select(GalleryRow.name, EncoderRow.name)
        .join(CellCountRow, CellCountRow.gallery_id == GalleryRow.id)
        .join(EncoderRow, EncoderRow.id == CellCountRow.encoder_id)
        .where(CellCountRow.photos > 0)
        .distinct()
        .order_by(GalleryRow.name, EncoderRow.name)
    )


def _require(gallery: str, encoders: Sequence[str], wanted: str) -> None:
    if not encoders:
        raise GalleryError(
            f"{gallery} is empty; add photos with `geofix gallery add starter` or"
            " `geofix gallery ingest FOLDER`"
        )
    if wanted not in encoders:
        raise GalleryError(
            f"{gallery} was embedded with {' and '.join(map(repr, encoders))}, and this question"
            f" asks with {wanted!r}. Ask with the gallery's encoder (GEOFIX_ENCODER), or ingest the"
            f" photos again with {wanted!r}"
        )
