"""Ask the gallery: the most similar and the most dissimilar photos, inside an area or anywhere.

Vectors are compared centred (their encoder's mean subtracted), because in the spaces of vision
encoders all vectors share a large mean that drowns what tells photos apart (DESIGN.md section 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import ColumnElement, Double, Engine, Select, cast, func, literal, select

from geofix.db.area import Area
from geofix.db.centring import Centring, current_centring
from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.models import EmbeddingRow, EncoderRow, GalleryRow, PhotoRow

Vector = NDArray[np.float32]
Vectors = Literal["centred", "raw"]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One gallery photo as a search found it."""

    photo_id: int
    similarity: float
    """Cosine with the query, centred or raw as the search was; -1 to 1."""
    latitude: float
    longitude: float
    accuracy_km: float
    country: str | None
    gallery: str
    source: str
    external_id: str
    author: str | None
    licence: str | None
    attribution: str | None


@dataclass(frozen=True, slots=True)
class Search:
    """What to search in, and how."""

    encoder: str
    galleries: tuple[str, ...] = ()
    """Names of the galleries to search; none means all of them."""
    areas: tuple[Area, ...] = ()
    """Search where all of them overlap; none means everywhere."""
    vectors: Vectors = "centred"
    without_sha256: str | None = None
    """Leave out the photo with these bytes: a photo is no evidence for itself."""


class Gallery:
    """The searches; each is exact and repeatable (ties go to the lower id)."""

    def __init__(self, engine: Engine) -> None:
        """Search the gallery that `engine` reaches."""
        self._engine = engine

    def nearest(self, query: Vector, k: int, search: Search) -> list[Neighbour]:
        """Return the `k` photos most like `query`, best first; fewer where fewer exist.

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
        statement = _covered(select(func.count()).select_from(EmbeddingRow), search)
        with database_errors(self._engine), self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def centring(self, encoder: str) -> Centring | None:
        """Return what is known of all the vectors of `encoder`; none where there are too few."""
        with database_errors(self._engine), self._engine.connect() as connection:
            return current_centring(connection, encoder)

    def require(self, search: Search) -> None:
        """Raise unless the galleries exist and hold vectors of the encoder.

        Raises:
            GalleryError: Empty, unknown, or embedded by another encoder; both are then named.
        """
        with database_errors(self._engine), self._engine.connect() as connection:
            named = select(GalleryRow.name).order_by(GalleryRow.name)
            names = connection.execute(named).scalars().all()
            held = connection.execute(_encoders_of(search.galleries)).scalars().all()
        unknown = sorted(set(search.galleries) - set(names))
        if unknown:
            known = ", ".join(map(repr, names)) or "none yet"
            raise GalleryError(f"there is no gallery {unknown[0]!r}; there is: {known}")
        if not held:
            raise GalleryError(
                f"{_name(search.galleries)} is empty; add photos with `geofix gallery add starter`"
                " or `geofix gallery ingest FOLDER`"
            )
        if search.encoder not in held:
            raise GalleryError(
                f"{_name(search.galleries)} was embedded with {_listed(held)}, and this question"
                f" asks with {search.encoder!r}. Ask with the gallery's encoder (GEOFIX_ENCODER),"
                f" or ingest the photos again with {search.encoder!r}"
            )

    def _closest(self, query: Vector, k: int, search: Search, sign: float) -> list[Neighbour]:
        if k <= 0:
            return []
        centring = self.centring(search.encoder) if search.vectors == "centred" else None
        probe = np.asarray(query, dtype=np.float32)
        vector: ColumnElement[list[float]] = EmbeddingRow.embedding
        if centring is not None:
            probe = probe - centring.mean
            vector = vector - cast(literal(centring.mean.tolist(), HALFVEC()), HALFVEC())
        distance = vector.op("<=>", return_type=Double())(
            cast(literal((sign * probe).tolist(), HALFVEC()), HALFVEC())
        )
        statement = _covered(_columns(distance), search).order_by("distance", PhotoRow.id).limit(k)
        with database_errors(self._engine), self._engine.connect() as connection:
            rows = connection.execute(statement).mappings().all()
        return [_neighbour(row, sign) for row in rows]


def _halfvec(vector: Vector) -> ColumnElement[list[float]]:
    return cast(literal(vector.tolist(), HALFVEC()), HALFVEC())


def _columns(distance: ColumnElement[float]) -> Select[Any]:
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
    ).select_from(EmbeddingRow)


def _covered(statement: Select[Any], search: Search) -> Select[Any]:
    statement = (
        statement.join(EncoderRow, EncoderRow.id == EmbeddingRow.encoder_id)
        .join(PhotoRow, PhotoRow.id == EmbeddingRow.photo_id)
        .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
        .where(EncoderRow.name == search.encoder)
    )
    if search.galleries:
        statement = statement.where(GalleryRow.name.in_(search.galleries))
    if search.without_sha256 is not None:
        statement = statement.where(PhotoRow.sha256.is_distinct_from(search.without_sha256))
    return statement.where(*(where for area in search.areas for where in area.conditions()))


def _encoders_of(galleries: tuple[str, ...]) -> Select[tuple[str]]:
    """Select the names of the encoders that at least one photo was embedded with."""
    held = select(PhotoRow.id).where(PhotoRow.id == EmbeddingRow.photo_id)
    if galleries:
        held = held.join(GalleryRow).where(GalleryRow.name.in_(galleries))
    embedded = select(EmbeddingRow.encoder_id).where(held.exists()).distinct()
    return select(EncoderRow.name).where(EncoderRow.id.in_(embedded)).order_by(EncoderRow.name)


def _name(galleries: tuple[str, ...]) -> str:
    return f"the gallery {', '.join(map(repr, galleries))}" if galleries else "the gallery"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names))


def _neighbour(row: Mapping[str, Any], sign: float) -> Neighbour:
    columns = dict(row)
    # float() because numpy scalars cannot be checkpointed (DESIGN.md section 3).
    similarity = float(sign * (1.0 - columns.pop("distance")))
    return Neighbour(similarity=similarity, **columns)
