"""Batches through Ray Data and back: a bounded number on their way, in order.

`ray` is handed in: importing it takes seconds, and it is an extra.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import islice
from threading import BoundedSemaphore, Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.db.errors import GeofixError
from geofix.tools.embedding import Embedded, Loadable, embed_pictures
from geofix.tools.ingestion.matching import Job

LISTER_CPUS = 0.1
"""Of the task that hands batches on; it waits nearly all of the time."""

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
                f"the Ray cluster lost {len(self._on_the_way)!r} batches; run the load again, it"
                " goes on where it was"
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
            "the Ray cluster lost the task that lists photos; run the load again, it goes on where"
            " it was"
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
