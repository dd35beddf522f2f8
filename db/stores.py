"""Stores of calibrations, evaluations and local features, and a look-up of picture files.

Calibrations and evaluations are never changed or removed, so that an answer can always be checked
against the calibration it was made with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from geofix.db.engine import database_errors
from geofix.db.errors import TrailError
from geofix.db.tables import (
    CalibrationRow,
    EvaluationResultRow,
    EvaluationRow,
    LocalFeatureRow,
    PhotoRow,
)


@dataclass(frozen=True, slots=True)
class CalibrationSummary:
    """One calibration without its document."""

    id: int
    encoder: str
    galleries: tuple[str, ...]
    """Names of the galleries in order; empty means all galleries."""
    drafted_by: str
    photos: int
    """How many it was fitted on."""
    digest: str
    made_at: datetime


class Calibrations:
    """Stores and finds calibrations."""

    def __init__(self, engine: Engine) -> None:
        """Keep them in the database that `engine` reaches."""
        self._engine = engine

    def save(
        self,
        encoder: str,
        galleries: Iterable[str],
        drafted_by: str,
        document: Mapping[str, Any],
    ) -> int:
        """Store a calibration, which becomes the newest of its set-up; return its id.

        Args:
            encoder: Name of the encoder.
            galleries: Names of the galleries that were searched; none means all there are.
            drafted_by: Who drafted: `consensus`, or `provider:model`.
            document: JSON-able; `photos` and `digest` in it are shown in lists.
        """
        row = {
            "encoder": encoder,
            "galleries": sorted(galleries),
            "drafted_by": drafted_by,
            "photos": document["photos"],
            "digest": document["digest"],
            "document": dict(document),
        }
        with database_errors(self._engine), self._engine.begin() as connection:
            new = insert(CalibrationRow).values(row).returning(CalibrationRow.id)
            return int(connection.execute(new).scalar_one())

    def latest(
        self, encoder: str, galleries: Iterable[str], drafted_by: str | None = None
    ) -> CalibrationSummary | None:
        """Return the newest calibration of a set-up; none if it was never calibrated.

        Args:
            encoder: Name of the encoder.
            galleries: Names of the galleries that are searched, in any order.
            drafted_by: Who drafts; none means whoever did.
        """
        newest = (
            _summaries()
            .where(CalibrationRow.encoder == encoder)
            .where(CalibrationRow.galleries == sorted(galleries))
            .order_by(CalibrationRow.id.desc())
            .limit(1)
        )
        if drafted_by is not None:
            newest = newest.where(CalibrationRow.drafted_by == drafted_by)
        return next(iter(self._read(newest)), None)

    def document(self, calibration: int) -> dict[str, Any] | None:
        """Return the document of a calibration; none if there is no calibration with that id."""
        found = select(CalibrationRow.document).where(CalibrationRow.id == calibration)
        with database_errors(self._engine), self._engine.connect() as connection:
            return connection.execute(found).scalar()

    def list(self) -> Sequence[CalibrationSummary]:
        """Return all calibrations, newest first."""
        return self._read(_summaries().order_by(CalibrationRow.id.desc()))

    def _read(self, statement: Select[*tuple[Any, ...]]) -> Sequence[CalibrationSummary]:
        with database_errors(self._engine), self._engine.connect() as connection:
            rows = connection.execute(statement).mappings().all()
        return [CalibrationSummary(**{**row, "galleries": tuple(row["galleries"])}) for row in rows]


def _summaries() -> Select[*tuple[Any, ...]]:
    return select(*(getattr(CalibrationRow, name) for name in CalibrationSummary.__slots__))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run over a data set."""

    id: str
    label: str
    dataset: str
    digest: str
    photos: int
    options: dict[str, Any]
    setup: dict[str, Any]
    started_at: datetime
    finished_at: datetime | None


class Evaluations:
    """Writes and reads evaluations."""

    def __init__(self, engine: Engine) -> None:
        """Keep them in the database that `engine` reaches."""
        self._engine = engine

    def begin(self, values: Mapping[str, Any]) -> None:
        """Record the start of an evaluation; an existing one is not changed.

        Args:
            values: Fields of `Evaluation`, the instants apart.
        """
        begun = upsert(EvaluationRow).values(dict(values)).on_conflict_do_nothing()
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(begun)

    def keep(self, evaluation: str, values: Mapping[str, Any]) -> None:
        """Store the result of one photo; an existing result is not changed.

        Args:
            evaluation: Id of the evaluation.
            values: Columns of `EvaluationResultRow`.
        """
        kept = upsert(EvaluationResultRow).values(evaluation_id=evaluation, **values)
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(kept.on_conflict_do_nothing())

    def finish(self, evaluation: str) -> None:
        """Record that all photos have a result."""
        done = update(EvaluationRow).where(
            EvaluationRow.id == evaluation, EvaluationRow.finished_at.is_(None)
        )
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(done.values(finished_at=func.clock_timestamp()))

    def find(self, evaluation: str) -> Evaluation:
        """Return an evaluation.

        Raises:
            TrailError: There is no evaluation with that id.
        """
        found = select(EvaluationRow.__table__).where(EvaluationRow.id == evaluation)
        with database_errors(self._engine), self._engine.connect() as connection:
            row = connection.execute(found).mappings().first()
        if row is None:
            raise TrailError(
                f"there is no evaluation {evaluation!r}; `geofix eval --list` lists them"
            )
        return Evaluation(**row)

    def results(self, evaluation: str) -> list[dict[str, Any]]:
        """Return the results of an evaluation by photo, columns by name."""
        columns = [
            column
            for column in EvaluationResultRow.__table__.columns
            if column.name not in {"evaluation_id", "added_at"}
        ]
        kept = (
            select(*columns)
            .where(EvaluationResultRow.evaluation_id == evaluation)
            .order_by(EvaluationResultRow.photo)
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(kept).mappings()]

    def asked(self, evaluation: str) -> set[str]:
        """Return the photos that have a result."""
        photos = select(EvaluationResultRow.photo).where(
            EvaluationResultRow.evaluation_id == evaluation
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            return set(connection.scalars(photos))

    def latest(self, count: int = 20) -> list[tuple[Evaluation, int]]:
        """Return the newest evaluations, newest first, each with how many photos have a result."""
        results = (
            select(func.count())
            .where(EvaluationResultRow.evaluation_id == EvaluationRow.id)
            .scalar_subquery()
        )
        newest = (
            select(*EvaluationRow.__table__.columns, results.label("results"))
            .order_by(EvaluationRow.started_at.desc(), EvaluationRow.id)
            .limit(count)
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(newest).mappings()]
        counts = [int(row.pop("results")) for row in rows]
        return [(Evaluation(**row), count) for row, count in zip(rows, counts, strict=True)]


@dataclass(frozen=True, slots=True)
class StoredFeatures:
    """The local features of one picture."""

    features: bytes
    """The features in the method's own format."""
    width: int
    """Width in pixels of the picture after the method scaled it."""
    height: int
    """Height in pixels after scaling."""


class LocalFeatureStore:
    """Stores and finds local features."""

    def __init__(self, engine: Engine) -> None:
        """Keep them in the database that `engine` reaches."""
        self._engine = engine

    def find(self, pictures: Sequence[str], method: str) -> dict[str, StoredFeatures]:
        """Return the features of `method` by the pictures' SHA-256, for pictures that have some."""
        asked = select(LocalFeatureRow.__table__).where(
            LocalFeatureRow.sha256.in_(pictures), LocalFeatureRow.method == method
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            rows = connection.execute(asked).all()
        return {row.sha256: StoredFeatures(row.features, row.width, row.height) for row in rows}

    def keep(self, found: Mapping[str, StoredFeatures], method: str) -> None:
        """Store features by their picture's SHA-256; existing features are not changed."""
        if not found:
            return
        values = [
            {
                "sha256": sha256,
                "method": method,
                "width": stored.width,
                "height": stored.height,
                "features": stored.features,
            }
            # In one order, so that two writers of the same pictures do not wait for each other.
            for sha256, stored in sorted(found.items())
        ]
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(upsert(LocalFeatureRow).on_conflict_do_nothing(), values)


def forget_features(connection: Connection) -> int:
    """Remove features of pictures that no gallery and no question has; return how many.

    Features that another run stores at the same moment stay until the next removal.
    """
    gone = connection.execute(
        text(
            "delete from local_features where not exists"
            " (select from photos where photos.sha256 = local_features.sha256) and not exists"
            " (select from query_photos where query_photos.sha256 = local_features.sha256)"
        )
    )
    return gone.rowcount


SAMPLE_PACKAGE = "vismatch"
"""The source whose pictures come with a package, and so have no path of their own."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """Source, hash and location of one photo's picture."""

    source: str
    external_id: str
    sha256: str | None
    """SHA-256 of the file."""
    location: str | None
    """Path of the file when it was ingested."""


class PictureFiles:
    """Finds the files of gallery photos."""

    def __init__(self, engine: Engine) -> None:
        """Look in the gallery that `engine` reaches."""
        self._engine = engine

    def find(self, photo_ids: Sequence[int]) -> dict[int, StoredPicture]:
        """Return the picture of each photo, by id; removed photos are missing."""
        asked = select(PhotoRow).where(PhotoRow.id.in_(photo_ids))
        with database_errors(self._engine), Session(self._engine) as session:
            return {
                row.id: StoredPicture(row.source, row.external_id, row.sha256, row.location)
                for row in session.scalars(asked)
            }
