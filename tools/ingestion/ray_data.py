"""Ingests photos with Ray Data, with a bounded number of batches in flight.

This process looks up, leaves out and stores, as in `pipeline`; machines of the cluster need geofix,
the pictures under the same paths, and no database.

`ray` is handed in: importing it takes seconds, and it is an extra.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import BoundedSemaphore, Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.db.errors import GeofixError
from geofix.db.load.ingest import Ingest
from geofix.tools.errors import SourceError, quiet
from geofix.tools.ingestion.decoding import DecodedPhoto, Embedded, Loadable, embed_pictures
from geofix.tools.ingestion.jobs import Job
from geofix.tools.ingestion.photo_load import PhotoLoad, Writer
from geofix.tools.ingestion.photo_pipeline import BATCH
from geofix.tools.ingestion.report import IngestionReport, Progress, Tally
from geofix.tools.sources import Source, check_name

LISTER_CPUS = 0.1
"""CPUs that the listing task reserves; it waits nearly all of the time."""

ROW = "row"
"""The one column: a pickled batch. Ray would make tables of the fields, which nobody needs."""

BEGIN, END = b"begin", b"end"

Columns = dict[str, NDArray[Any]]


class Feed:
    """Photos to be read, batch by batch, and what comes of them."""

    def __init__(self, jobs: Iterator[Job], batch_size: int, on_the_way: int) -> None:
        """Begin nothing yet.

        Args:
            jobs: The photos; taken in a thread of its own.
            batch_size: How many go together.
            on_the_way: Batches given to Ray and not come back, at most.
        """
        self._jobs = jobs
        self._batch_size = batch_size
        self._free = BoundedSemaphore(on_the_way)
        self._on_the_way: dict[int, list[Job]] = {}
        self._error: BaseException | None = None
        self._stop = Event()

    def through(
        self, ray: Any, encoder: Loadable, workers: int, actor: dict[str, float]
    ) -> Iterator[tuple[list[Job], Embedded]]:
        """Give every batch with what came of it, in the order of the photos.

        Args:
            ray: The module, connected to a cluster.
            encoder: Loaded by each actor.
            workers: How many actors.
            actor: What one needs: `num_cpus` and `num_gpus`.

        Raises:
            GeofixError: A batch got lost.
        """
        queue = ray.util.queue.Queue(actor_options={"num_cpus": 0})
        feeder = Thread(target=self._feed, args=[queue], daemon=True)
        feeder.start()
        try:
            rows = ray.data.from_items([{ROW: BEGIN}]).map_batches(
                _listed, fn_args=[queue], num_cpus=LISTER_CPUS
            )
            embedded = rows.map_batches(
                Embedder,
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=workers),
                fn_constructor_args=[encoder],
                **actor,
            )
            for row in embedded.iter_rows():
                number, batch = pickle.loads(row[ROW])
                yield self._on_the_way.pop(number), batch
                self._free.release()
        finally:
            self._stop.set()
            feeder.join()
            queue.shutdown(force=True)
        if self._error is not None:
            raise self._error
        if self._on_the_way:
            raise GeofixError(
                f"the Ray cluster lost {len(self._on_the_way)!r} batches; run the load again,"
                " and it continues where it stopped"
            )

    def _feed(self, queue: Any) -> None:
        try:
            queue.put(BEGIN)
            number = 0
            while batch := list(islice(self._jobs, self._batch_size)):
                while not self._free.acquire(timeout=1):
                    if self._stop.is_set():
                        return
                self._on_the_way[number] = batch
                queue.put(pickle.dumps((number, [job.task() for job in batch])))
                number += 1
            queue.put(END)
        # Raised again in the thread that waits for the batches, which END makes end.
        except BaseException as error:
            self._error = error
            queue.put(END)


def _listed(_: Columns, queue: Any) -> Iterator[Columns]:
    """Hand on what the load puts into the queue; runs in the cluster."""
    if queue.get() != BEGIN:
        raise GeofixError(
            "the Ray cluster lost the task that lists photos; run the load again, and it"
            " continues where it stopped"
        )
    while (row := queue.get()) != END:
        yield _column([row])
    # Whoever should come after a task that died must find this and not wait.
    queue.put(END)


class Embedder:
    """Reads and embeds batches with an encoder that is loaded once; runs in the cluster."""

    def __init__(self, encoder: Loadable) -> None:
        """Load the encoder."""
        self._encoder = encoder.load()

    def __call__(self, rows: Columns) -> Columns:
        """Embed batches, each a row."""
        embedded = []
        for row in rows[ROW]:
            number, tasks = pickle.loads(row)
            embedded.append(pickle.dumps((number, embed_pictures(tasks, self._encoder))))
        return _column(embedded)


def _column(rows: list[bytes]) -> Columns:
    # Not numpy's own strings, which drop the zeros at the end.
    column = np.empty(len(rows), dtype=object)
    column[:] = rows
    return {ROW: column}


CPUS_AN_ACTOR = 0.5
"""CPUs that one actor reserves. With whole ones, actors would take all cores of a small machine and
the task that feeds them would never start."""

BATCHES_AN_ACTOR = 3
"""Batches in flight for each actor."""


def ingest_with_ray(
    source: Source,
    gallery: str,
    ingest: Ingest,
    encoder: Loadable,
    *,
    workers: int,
    gpus_each: float = 0,
    batch_size: int = BATCH,
    advance: Callable[[Progress], None] = lambda progress: None,
    rejects: Path | None = None,
) -> IngestionReport:
    """Put the photos of a collection into a gallery, embedded by the workers of a Ray cluster.

    Uses the cluster this process is connected to, the one `RAY_ADDRESS` names, or one of its own on
    this machine. A worker that dies is replaced and its batch read again.

    Args:
        source: The collection, listed in this process.
        gallery: Name of the gallery; made if there is none.
        ingest: Where photos are stored, by this process.
        encoder: How to load the encoder; every worker does, once.
        workers: Actors that read, decode and embed.
        gpus_each: GPUs of one actor, which may be a part of one.
        batch_size: Photos embedded and stored at a time.
        advance: Called with how far the load is.
        rejects: File to write those left out to, as JSON lines; overwritten.

    Raises:
        SourceError: Ray is not installed; or see `ingest_source`.
        GeofixError: The cluster lost a batch; or see `ingest_source`.
    """
    check_name(gallery)
    with _cluster() as ray, Tally(source.total(), advance, rejects) as tally:
        actor = {"num_cpus": CPUS_AN_ACTOR, "num_gpus": gpus_each}
        name: str = ray.get(ray.remote(_name_of).options(**actor).remote(encoder))
        with Writer() as writer:
            load = PhotoLoad(source, gallery, ingest, name, tally, writer)
            feed = Feed(load.jobs(), batch_size, BATCHES_AN_ACTOR * workers)
            for jobs, embedded in feed.through(ray, encoder, workers, actor):
                _take(jobs, embedded, load)
        ingest.finish(name)
    return tally.report


def _take(jobs: list[Job], embedded: Embedded, load: PhotoLoad) -> None:
    rows = iter(range(len(embedded.vectors)))
    row_of: dict[str, int] = {}
    wanted: list[tuple[Job, DecodedPhoto]] = []
    for job, outcome in zip(jobs, embedded.outcomes, strict=True):
        if isinstance(outcome, DecodedPhoto) and not job.has_vector(outcome):
            # An id that is there twice is left out the second time.
            row_of.setdefault(job.external_id, next(rows))
        if load.wants(job, outcome) and isinstance(outcome, DecodedPhoto):
            wanted.append((job, outcome))
    fresh = load.fresh(wanted)
    if fresh:
        load.store(fresh, embedded.vectors[[row_of[job.external_id] for job, _ in fresh]])


def _name_of(encoder: Loadable) -> str:
    return encoder.load().name


@contextmanager
def _cluster() -> Iterator[Any]:
    """Give Ray, connected, with Ray Data set to hand single batches on in order."""
    # Before the import, which reads it. Ray reports to its makers otherwise.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray  # noqa: PLC0415  takes seconds, and is an extra
        import ray.data  # noqa: PLC0415
        import ray.util.queue  # noqa: PLC0415
    except ImportError as error:
        raise SourceError(
            f"Ray Data is not installed ({error}); run `pip install 'geofix[ray]'`"
        ) from error
    is_ours = not ray.is_initialized()
    if is_ours:
        _start(ray)
    try:
        with ray.data.DataContext.current(_settings(ray)):
            yield ray
    finally:
        if is_ours:
            ray.shutdown()


def _start(ray: Any) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if "RAY_ADDRESS" not in os.environ:
        options["include_dashboard"] = False
    ray.init(**options)


def _settings(ray: Any) -> Any:
    with quiet():
        # It warns of its own default settings.
        settings = ray.data.DataContext.get_current().copy()
    settings.target_max_block_size = 1  # Every row, which is a batch, goes on by itself.
    settings.execution_options.preserve_order = True
    settings.enable_progress_bars = False
    settings.print_on_execution_start = False
    return settings
