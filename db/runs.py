"""Stores the audit trail of runs, and the photos to locate by their hash.

LangGraph's checkpoints are opaque, pruned and tied to class names; the trail is for people. Every
attempt at a step is a row, keyed by LangGraph's task id, which stays the same when a node runs
again after a retry, an interrupt or a crash: so a step appears once, with the attempts before it.
Values that JSON or Postgres cannot store (NaN, NUL) are cleaned, see `geofix.db.tables.storable`:
an odd answer must not end a run.

Because photos are stored, a run can be resumed on another machine or after the file is gone, and a
photo is embedded only once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from geofix.db.engine import database_errors
from geofix.db.errors import TrailError
from geofix.db.tables import (
    EncoderRow,
    KeptAnswerRow,
    QueryEmbeddingRow,
    QueryPhotoRow,
    RunRow,
    StepRow,
)

StepOutcome = Literal["running", "waiting", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt at a node's work; in a run that was read, the last one."""

    task_id: str
    number: int
    """Which step of the run, from 0."""
    round: int
    node: str
    started_at: datetime
    attempt: int = 1
    outcome: StepOutcome = "running"
    took_ms: float = 0.0
    summary: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()
    error: str | None = None
    checkpoint_id: str | None = None
    earlier: tuple[Step, ...] = ()
    """The attempts before it: they failed, or their process was killed."""


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """Which run a step belongs to, and where that came from."""

    run: str
    thread: str
    parent_run: str | None = None
    forked_at: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One question, its setup, its steps and its answer."""

    id: str
    thread: str
    parent_run: str | None
    forked_at: str | None
    photo_sha256: str | None
    question: dict[str, Any]
    setup: dict[str, Any]
    settled: dict[str, Any] | None
    started_at: datetime
    finished_at: datetime | None
    steps: tuple[Step, ...] = field(default=())


STORED = tuple(name for name in Step.__dataclass_fields__ if name != "earlier")


class Trail:
    """Writes the trail during a run, and reads it."""

    def __init__(self, engine: Engine) -> None:
        """Keep the trail in the database that `engine` reaches."""
        self._engine = engine

    def open_run(
        self,
        origin: RunOrigin,
        sha256: str,
        question: Mapping[str, Any],
        setup: Mapping[str, Any],
    ) -> None:
        """Record the start of a run; what is known of an existing one is not changed."""
        known = {
            "photo_sha256": sha256,
            "question": dict(question),
            "setup": dict(setup),
        }
        opened = insert(RunRow).values(**_columns(origin), **known)
        # A graph without a facade opens the run by its first step, before the photo is read.
        completed = opened.on_conflict_do_update(
            index_elements=["id"], set_=known, where=RunRow.photo_sha256.is_(None)
        )
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(completed)

    def open_in_thread(
        self,
        origin: RunOrigin,
        sha256: str,
        question: Mapping[str, Any],
        setup: Mapping[str, Any],
        same: Callable[[Run], bool] | None,
    ) -> Run:
        """Record the start of a run, unless its thread has one that is the same; return it.

        Args:
            origin: The new run and its thread.
            sha256: The photo's.
            question: What is asked.
            setup: Versions in force.
            same: Says of a run of the thread whether it is this one; none for none.
        """
        key = int.from_bytes(
            hashlib.sha256(f"geofix thread {origin.thread}".encode()).digest()[:8], signed=True
        )
        of_thread = select(RunRow.__table__).where(
            RunRow.thread == origin.thread, RunRow.photo_sha256 == sha256
        )
        opened = insert(RunRow).values(
            **_columns(origin),
            photo_sha256=sha256,
            question=dict(question),
            setup=dict(setup),
        )
        one = select(RunRow.__table__).where(RunRow.id == origin.run)
        with database_errors(self._engine), self._engine.begin() as connection:
            # Of callers that ask the same at once, one opens the run and the others find it.
            connection.execute(select(func.pg_advisory_xact_lock(key)))
            ordered = of_thread.order_by(RunRow.started_at, RunRow.id)
            for row in connection.execute(ordered).mappings():
                if same is not None and same(known := Run(**row)):
                    return known
            connection.execute(opened.on_conflict_do_nothing())
            return Run(**connection.execute(one).mappings().one())

    def begin(self, origin: RunOrigin, step: Step) -> Step | None:
        """Write down that a step begins, and return it with the number of its attempt.

        Returns:
            None if another task took this step of the run before: the run was forked, and the step
            belongs to another run.
        """
        opened = insert(RunRow).values(_columns(origin)).on_conflict_do_nothing()
        # Whoever comes first takes the step; the others see that.
        alone = select(RunRow.id).where(RunRow.id == origin.run).with_for_update()
        taken = select(StepRow.seq).where(
            StepRow.run_id == origin.run,
            StepRow.number == step.number,
            StepRow.task_id != step.task_id,
            StepRow.outcome != "failed",
        )
        before = (
            select(StepRow.attempt, StepRow.outcome)
            .where(StepRow.run_id == origin.run, StepRow.number == step.number)
            .order_by(StepRow.attempt.desc())
        )
        with database_errors(self._engine), self._engine.begin() as connection:
            # What the step comes to is flushed to the disk, and this with it.
            connection.execute(text("set local synchronous_commit = off"))
            connection.execute(opened)
            connection.execute(alone)
            if connection.execute(taken.limit(1)).first() is not None:
                return None
            last = connection.execute(before.limit(1)).first()
            if last is not None and last.outcome == "waiting":
                # A person answers: the same attempt goes on.
                begun = replace(step, attempt=last.attempt)
                self._write(connection, begun)
                return begun
            begun = replace(step, attempt=1 if last is None else last.attempt + 1)
            connection.execute(insert(StepRow).values(run_id=origin.run, **_stored(begun)))
            return begun

    def record(self, step: Step) -> None:
        """Write what is known of a step that was begun."""
        with database_errors(self._engine), self._engine.begin() as connection:
            self._write(connection, step)

    @staticmethod
    def _write(connection: Connection, step: Step) -> None:
        connection.execute(
            update(StepRow)
            .where(StepRow.task_id == step.task_id, StepRow.attempt == step.attempt)
            .values(_stored(step))
        )

    def lose_steps(self, run: str) -> None:
        """Write down that all steps of a run were lost: its process ended before it was saved."""
        lost = (
            update(StepRow)
            .where(StepRow.run_id == run, StepRow.outcome != "failed")
            .values(outcome="failed", error="the process ended before the run was saved")
        )
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(lost)

    def run_of_task(self, task_id: str) -> str | None:
        """Return the run that a task's step belongs to; none if it was not begun before."""
        owner = select(StepRow.run_id).where(StepRow.task_id == task_id).limit(1)
        with database_errors(self._engine), self._engine.connect() as connection:
            return connection.execute(owner).scalar()

    def close_run(self, run: str, settled: Mapping[str, Any]) -> None:
        """Record the answer of a run.

        Raises:
            TrailError: There is no such run.
        """
        done = (
            update(RunRow)
            .where(RunRow.id == run)
            .values(settled=dict(settled), finished_at=func.clock_timestamp())
        )
        with database_errors(self._engine), self._engine.begin() as connection:
            if connection.execute(done).rowcount == 0:
                raise _unknown(run)

    def find(self, run: str) -> Run | None:
        """Return a run without its steps; none if there is no such run."""
        found = self._runs(select(RunRow.__table__).where(RunRow.id == run))
        return found[0] if found else None

    def of_thread(self, thread: str) -> list[Run]:
        """Return the runs of a thread without their steps, oldest first."""
        ordered = select(RunRow.__table__).where(RunRow.thread == thread)
        return self._runs(ordered.order_by(RunRow.started_at, RunRow.id))

    def read(self, run: str) -> Run:
        """Return a run with its steps in order.

        Raises:
            TrailError: There is no such run.
        """
        found = self.find(run)
        if found is None:
            raise _unknown(run)
        columns = [getattr(StepRow, name) for name in STORED]
        ordered = select(*columns).where(StepRow.run_id == run)
        ordered = ordered.order_by(StepRow.number, StepRow.seq)
        with database_errors(self._engine), self._engine.connect() as connection:
            rows = connection.execute(ordered).mappings().all()
        attempts: dict[int, list[Step]] = {}
        for row in rows:
            step = Step(**{**row, "degraded": tuple(row["degraded"])})
            attempts.setdefault(step.number, []).append(step)
        steps = tuple(replace(all_[-1], earlier=tuple(all_[:-1])) for all_ in attempts.values())
        return replace(found, steps=steps)

    def latest(self, count: int = 20) -> list[Run]:
        """Return the newest runs, newest first, without their steps."""
        newest = select(RunRow.__table__).order_by(RunRow.started_at.desc(), RunRow.id.desc())
        return self._runs(newest.limit(count))

    def _runs(self, wanted: Any) -> list[Run]:
        with database_errors(self._engine), self._engine.connect() as connection:
            return [Run(**row) for row in connection.execute(wanted).mappings()]

    def kept_answer(self, task_id: str, request: str, number: int) -> str | None:
        """Return a model's answer that a step has had already; none if it has not.

        Args:
            task_id: LangGraph's, of the step.
            request: Digest of all that shaped the answer.
            number: Which of several equal requests, from 0.
        """
        kept = select(KeptAnswerRow.answer).where(
            KeptAnswerRow.task_id == task_id,
            KeptAnswerRow.request == request,
            KeptAnswerRow.number == number,
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            return connection.execute(kept).scalar()

    def keep_answer(self, task_id: str, request: str, number: int, answer: str) -> None:
        """Keep a model's answer to a step that was begun; one that is kept is not changed."""
        run = select(StepRow.run_id).where(StepRow.task_id == task_id).limit(1).scalar_subquery()
        kept = insert(KeptAnswerRow).values(
            task_id=task_id, request=request, number=number, run_id=run, answer=answer
        )
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(kept.on_conflict_do_nothing())


def _columns(origin: RunOrigin) -> dict[str, Any]:
    return {"id": origin.run, **{k: v for k, v in asdict(origin).items() if k != "run"}}


def _stored(step: Step) -> dict[str, Any]:
    return {**{name: getattr(step, name) for name in STORED}, "degraded": list(step.degraded)}


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
