"""Ask the gallery: the most similar and the most dissimilar photos, inside an area or anywhere.

Vectors are compared centred (their encoder's mean subtracted), because in the spaces of vision
encoders all vectors share a large mean that drowns what tells photos apart (DESIGN.md section 4).
A photo whose vector is that mean has no direction left: it is like nothing, and never found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Engine,
    Select,
    cast,
    func,
    literal,
    select,
)

from geofix.db.centring import Centring, current_centring
from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.models import EmbeddingRow, EncoderRow, GalleryRow, PhotoRow
from geofix.db.search import Neighbour, Search

Vector = NDArray[np.float32]


Rows = Select[*tuple[Any, ...]]
"""A select of whatever columns."""


class Gallery:
    """The searches; each is exact and repeatable (ties go to the lower id)."""

    def __init__(self, engine: Engine) -> None:
        """Search the gallery that `engine` reaches."""
        self._engine = engine

    def nearest(self, query: Vector, k: int, search: Search) -> list[Neighbour]:
        """Return the `k` photos most like `query`, best first; fewer where fewer can be compared.

        Args:
            query: The photo's vector, `[dimension]`, L2-normalised, not centred.
            k: How many.
            search: Where, and by which encoder.
        """
        return self._closest(query, k, search, sign=1.0)

    def most_dissimilar(self, query: Vector, k: int, search: Search) -> list[Neighbour]:
        """Return the `k` photos least like `query`, least first (Img2Loc's negatives).

        Img2Loc takes the neighbours of the negated query (Zhou et al. 2024); that is what this
        does, among centred vectors unless `search` says raw.
        """
        return self._closest(query, k, search, sign=-1.0)

    def count(self, search: Search) -> int:
        """Return how many photos `search` covers."""
        statement = select(func.count()).select_from(EmbeddingRow)
        with database_errors(self._engine), self._engine.connect() as connection:
            encoder_id = _encoder_id(connection, search.encoder)
            covered = _covered(statement, search, encoder_id)
            return int(connection.execute(covered).scalar_one())

    def centring(self, encoder: str) -> Centring | None:
        """Return what is known of all the vectors of `encoder`; none where there are too few."""
        with database_errors(self._engine), self._engine.connect() as connection:
            return current_centring(connection, encoder)

    def require(self, search: Search) -> None:
        """Raise unless the galleries exist and hold vectors of the encoder, each that is named.

        Raises:
            GalleryError: Empty, unknown, or embedded by another encoder; both are then named.
        """
        with database_errors(self._engine), self._engine.connect() as connection:
            named = select(GalleryRow.name).order_by(GalleryRow.name)
            names = connection.execute(named).scalars().all()
            unknown = sorted(set(search.galleries) - set(names))
            if unknown:
                known = ", ".join(map(repr, names)) or "none yet"
                raise GalleryError(f"there is no gallery {unknown[0]!r}; there is: {known}")
            if all(connection.execute(one).first() for one in _one_of_each(search)):
                return
            held = [(row[0], row[1]) for row in connection.execute(_held())]
        if not search.galleries:
            _require("the gallery", sorted({encoder for _, encoder in held}), search.encoder)
        for name in search.galleries:
            encoders = [encoder for gallery, encoder in held if gallery == name]
            _require(f"the gallery {name!r}", encoders, search.encoder)

    def _closest(self, query: Vector, k: int, search: Search, sign: float) -> list[Neighbour]:
        if k <= 0:
            return []
        centring = self.centring(search.encoder) if search.vectors == "centred" else None
        probe = np.asarray(query, dtype=np.float32)
        vector: ColumnElement[Any] = EmbeddingRow.__table__.c.embedding
        if centring is not None:
            probe = probe - centring.mean
            vector = vector - _halfvec(centring.mean)
        distance: ColumnElement[float] = vector.op("<=>", return_type=Double())(
            _halfvec(sign * probe)
        )
        statement = _columns(distance).order_by("distance", PhotoRow.id)
        with database_errors(self._engine), self._engine.connect() as connection:
            covered = _covered(statement, search, _encoder_id(connection, search.encoder))
            rows = _pictures(connection, covered, k)
        return [_neighbour(row, sign) for row in rows]


def _pictures(connection: Connection, ordered: Select[Any], k: int) -> list[dict[str, Any]]:
    """Return the first `k` rows of unlike pictures: one that is in two galleries has one vote."""
    limit = 2 * k
    while True:
        rows = [dict(row) for row in connection.execute(ordered.limit(limit)).mappings()]
        # Postgres sorts NaN, the distance of a vector without direction, behind every number.
        found = [row for row in rows if not math.isnan(row["distance"])]
        unlike: dict[object, dict[str, Any]] = {}
        for row in found:
            unlike.setdefault(row.pop("sha256") or row["photo_id"], row)
        if len(unlike) >= k or len(rows) < limit:
            return list(unlike.values())[:k]
        limit *= 4


def _halfvec(vector: Vector) -> ColumnElement[list[float]]:
    return cast(literal(vector.tolist(), HALFVEC()), HALFVEC())


def _columns(distance: ColumnElement[float]) -> Rows:
    return select(
        PhotoRow.id.label("photo_id"),
        distance.label("distance"),
        PhotoRow.latitude,
        PhotoRow.longitude,
        PhotoRow.accuracy_km,
        PhotoRow.country,
        GalleryRow.name.label("gallery"),
        PhotoRow.source,
        PhotoRow.external_id,
        PhotoRow.author,
        PhotoRow.licence,
        PhotoRow.attribution,
        PhotoRow.sha256,
    ).select_from(EmbeddingRow)


def _encoder_id(connection: Connection, name: str) -> int | None:
    # Asked for beforehand, so that the planner knows which partition it plans for.
    return connection.execute(select(EncoderRow.id).where(EncoderRow.name == name)).scalar()


def _covered(statement: Rows, search: Search, encoder_id: int | None) -> Rows:
    statement = (
        statement.join(PhotoRow, PhotoRow.id == EmbeddingRow.photo_id)
        .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
        .where(EmbeddingRow.encoder_id == encoder_id)
    )
    if search.galleries:
        statement = statement.where(GalleryRow.name.in_(search.galleries))
    if search.without_sha256 is not None:
        statement = statement.where(PhotoRow.sha256.is_distinct_from(search.without_sha256))
    return statement.where(*(where for area in search.areas for where in area.conditions()))


def _one_of_each(search: Search) -> list[Select[int]]:
    """Select one photo with a vector of the encoder from each gallery named, or from any."""
    one = (
        select(PhotoRow.id)
        .join(EmbeddingRow, EmbeddingRow.photo_id == PhotoRow.id)
        .join(EncoderRow, EncoderRow.id == EmbeddingRow.encoder_id)
        .where(EncoderRow.name == search.encoder)
        .limit(1)
    )
    galleries = [GalleryRow.name == name for name in search.galleries]
    return [one.join(GalleryRow).where(named) for named in galleries] or [one]


def _held() -> Select[str, str]:
    """Select the galleries and the encoders that at least one of their photos was embedded with."""
    embedded = (
        select(PhotoRow.id)
        .join(EmbeddingRow, EmbeddingRow.photo_id == PhotoRow.id)
        .where(PhotoRow.gallery_id == GalleryRow.id, EmbeddingRow.encoder_id == EncoderRow.id)
        .correlate(GalleryRow, EncoderRow)
        # An offset keeps the planner from turning a look at one photo into a join over all.
        .offset(0)
    )
    return (
        select(GalleryRow.name, EncoderRow.name)
        .join(EncoderRow, embedded.exists())
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


def _neighbour(row: Mapping[str, Any], sign: float) -> Neighbour:
    columns = dict(row)
    # float() because numpy scalars cannot be checkpointed (DESIGN.md section 3).
    similarity = float(sign * (1.0 - columns.pop("distance")))
    return Neighbour(similarity=similarity, **columns)
