"""Calibrations by set-up: the newest for an encoder and its galleries, and any by its id.

None is ever changed or removed, so that an answer can be checked against the one it was made with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, insert, select

from geofix.db.engine import database_errors
from geofix.db.models import CalibrationRow


@dataclass(frozen=True, slots=True)
class CalibrationSummary:
    """One calibration without its document."""

    id: int
    encoder: str
    galleries: tuple[str, ...]
    """In order of their names; none means all there are."""
    drafted_by: str
    photos: int
    """How many it was fitted on."""
    digest: str
    made_at: datetime


class Calibrations:
    """Keeps and finds calibrations."""

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
        """Keep a calibration, which is from now on the newest of its set-up; return its id.

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
        """Return the newest calibration of a set-up; none where it was never calibrated.

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
        """Return the document of a calibration; none where there is none of that id."""
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
