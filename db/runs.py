"""Stores the audit trail of runs, and the photos to locate by their hash.

LangGraph's checkpoints are opaque, pruned and tied to class names; the trail is for people. Its
steps are keyed by LangGraph's task id, which stays the same when a node runs again after a retry,
an interrupt or a crash, so that no step appears twice. Values that JSON or Postgres cannot store
(NaN, NUL) are cleaned, see `geofix.db.tables.storable`: an odd answer must not end a run.

Because photos are stored, a run can be resumed on another machine or after the file is gone, and a
photo is embedded only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from geofix.db.engine import database_errors
from geofix.db.errors import TrailError
from geofix.db.tables import EncoderRow, QueryEmbeddingRow, QueryPhotoRow, RunRow, StepRow


@dataclass(frozen=True, slots=True)
class Step:
    """One node's work."""

    task_id: str
    round: int
    node: str
    attempt: int
    started_at: datetime
    took_ms: float
    summary: str
    detail: dict[str, Any]
    degraded: tuple[str, ...] = ()
    error: str | None = None
    checkpoint_id: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One question, its setup, its steps and its answer."""

    id: str
    photo_sha256: str | None
    question: dict[str, Any]
    setup: dict[str, Any]
    fix: dict[str, Any] | None
    started_at: datetime
    finished_at: datetime | None
    steps: tuple[Step, ...] = field(default=())


class Trail:
    """Writes the trail during a run, and reads it."""

    def __init__(self, engine: Engine) -> None:
        """Keep the trail in the database that `engine` reaches."""
        self._engine = engine

    def open_run(
        self, run: str, sha256: str, question: Mapping[str, Any], setup: Mapping[str, Any]
    ) -> None:
        """Record the start of a run; an existing run is not changed."""
        values = {
            "id": run,
            "photo_sha256": sha256,
            "question": dict(question),
            "setup": dict(setup),
        }
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(insert(RunRow).values(values).on_conflict_do_nothing())

    def record(self, run: str, step: Step) -> None:
        """Write one step; it replaces a step with the same task id."""
        values = {name: getattr(step, name) for name in Step.__slots__}
        values["degraded"] = list(step.degraded)
        # A graph run by `langgraph dev` has no facade to open the run before its first step.
        opened = insert(RunRow).values(id=run).on_conflict_do_nothing()
        written = insert(StepRow).values(run_id=run, **values)
        again = written.on_conflict_do_update(index_elements=["task_id"], set_=values)
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(opened)
            connection.execute(again)

    def close_run(self, run: str, fix: Mapping[str, Any], *, again: bool = True) -> None:
        """Record the answer of a run.

        Args:
            run: Id of the run.
            fix: The answer.
            again: Whether to replace an existing answer.

        Raises:
            TrailError: There is no such run.
        """
        done = (
            update(RunRow)
            .where(RunRow.id == run)
            .values(fix=dict(fix), finished_at=func.clock_timestamp())
        )
        if not again and (found := self.find(run)) is not None and found.fix is not None:
            return
        with database_errors(self._engine), self._engine.begin() as connection:
            if connection.execute(done).rowcount == 0:
                raise _unknown(run)

    def find(self, run: str) -> Run | None:
        """Return a run without its steps; none if there is no such run."""
        with database_errors(self._engine), self._engine.connect() as connection:
            row = connection.execute(select(RunRow.__table__).where(RunRow.id == run)).mappings()
            found = row.first()
        return None if found is None else Run(**found)

    def read(self, run: str) -> Run:
        """Return a run with its steps in order.

        Raises:
            TrailError: There is no such run.
        """
        found = self.find(run)
        if found is None:
            raise _unknown(run)
        columns = [getattr(StepRow, name) for name in Step.__slots__]
        ordered = select(*columns).where(StepRow.run_id == run).order_by(StepRow.seq)
        with database_errors(self._engine), self._engine.connect() as connection:
            rows = connection.execute(ordered).mappings().all()
        steps = tuple(Step(**{**row, "degraded": tuple(row["degraded"])}) for row in rows)
        return Run(
            **{name: getattr(found, name) for name in Run.__slots__ if name != "steps"}, steps=steps
        )

    def latest(self, count: int = 20) -> list[Run]:
        """Return the newest runs, newest first, without their steps."""
        newest = select(RunRow.__table__).order_by(RunRow.started_at.desc(), RunRow.id)
        with database_errors(self._engine), self._engine.connect() as connection:
            return [Run(**row) for row in connection.execute(newest.limit(count)).mappings()]


def _unknown(run: str) -> TrailError:
    return TrailError(f"there is no run {run!r}; `geofix runs` lists the latest")


@dataclass(frozen=True, slots=True)
class QueryPhoto:
    """A stored photo: its pixels without metadata, and separately what its EXIF says."""

    sha256: str
    """SHA-256 of the original file."""
    jpeg: bytes
    width: int
    height: int
    format: str
    claim: dict[str, Any] | None
    notes: list[str]


class QueryPhotos:
    """Stores and finds the photos to locate."""

    def __init__(self, engine: Engine) -> None:
        """Keep them in the database that `engine` reaches."""
        self._engine = engine

    def keep(self, photo: QueryPhoto) -> None:
        """Store a photo; an existing one is not changed."""
        values = {name: getattr(photo, name) for name in QueryPhoto.__slots__}
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(insert(QueryPhotoRow).values(values).on_conflict_do_nothing())

    def find(self, sha256: str) -> QueryPhoto:
        """Return a photo by the hash of its original file.

        Raises:
            TrailError: No photo with that hash is stored.
        """
        found = select(QueryPhotoRow.__table__).where(QueryPhotoRow.sha256 == sha256)
        with database_errors(self._engine), self._engine.connect() as connection:
            row = connection.execute(found).mappings().first()
        if row is None:
            raise TrailError(f"no photo with sha256 {sha256!r} is stored; give the photo itself")
        return QueryPhoto(**{name: row[name] for name in QueryPhoto.__slots__})

    def keep_vector(self, sha256: str, encoder: str, vector: NDArray[np.float32]) -> None:
        """Store the vector of a stored photo; an existing vector is not changed.

        Raises:
            TrailError: No photo with that hash is stored.
            GalleryError: The encoder's stored vectors have another dimension.
        """
        # With searches and loads, which the trail needs not.
        from geofix.db.load.galleries import encoder_id_of  # noqa: PLC0415

        with database_errors(self._engine), self._engine.begin() as connection:
            photo = select(QueryPhotoRow.sha256).where(QueryPhotoRow.sha256 == sha256)
            if connection.execute(photo).scalar() is None:
                raise TrailError(
                    f"no photo with sha256 {sha256!r} is stored; store it before its vector"
                )
            kept = insert(QueryEmbeddingRow).values(
                sha256=sha256,
                encoder_id=encoder_id_of(connection, encoder, len(vector)),
                embedding=vector.tolist(),
            )
            connection.execute(kept.on_conflict_do_nothing())

    def vector(self, sha256: str, encoder: str) -> NDArray[np.float32] | None:
        """Return the vector `[dimension]` of a stored photo; none if it is not embedded yet."""
        found = (
            select(QueryEmbeddingRow.embedding)
            .join(EncoderRow, EncoderRow.id == QueryEmbeddingRow.encoder_id)
            .where(QueryEmbeddingRow.sha256 == sha256, EncoderRow.name == encoder)
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            row = connection.execute(found).scalar()
        return None if row is None else np.asarray(row, dtype=np.float32)
