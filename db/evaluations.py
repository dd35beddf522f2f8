"""Keeps evaluations and their results, photo by photo, so that one that was killed goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from geofix.db.engine import database_errors
from geofix.db.errors import TrailError
from geofix.db.models import EvaluationResultRow, EvaluationRow


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
        """Note that an evaluation begins; one that is there already stays as it is.

        Args:
            values: Fields of `Evaluation`, the instants apart.
        """
        begun = insert(EvaluationRow).values(dict(values)).on_conflict_do_nothing()
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(begun)

    def keep(self, evaluation: str, values: Mapping[str, Any]) -> None:
        """Keep the result of one photo; one that is there already stays as it is.

        Args:
            evaluation: Id of the evaluation.
            values: Columns of `EvaluationResultRow`.
        """
        kept = insert(EvaluationResultRow).values(evaluation_id=evaluation, **values)
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(kept.on_conflict_do_nothing())

    def finish(self, evaluation: str) -> None:
        """Note that all photos have a result."""
        done = update(EvaluationRow).where(
            EvaluationRow.id == evaluation, EvaluationRow.finished_at.is_(None)
        )
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(done.values(finished_at=func.clock_timestamp()))

    def find(self, evaluation: str) -> Evaluation:
        """Return an evaluation.

        Raises:
            TrailError: There is none of that id.
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
