"""The same load with Ray Data: pictures are read and embedded on the machines of a cluster.

This process looks up, leaves out and stores, as in `pipeline`; machines of the cluster need geofix,
the pictures under the same paths, and no database.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geofix.db.ingest import Ingest
from geofix.tools.decoding import Decoded
from geofix.tools.embedding import Embedded, Loadable
from geofix.tools.errors import SourceError
from geofix.tools.ingestion.feed import Feed
from geofix.tools.ingestion.load import Load
from geofix.tools.ingestion.matching import Job
from geofix.tools.ingestion.pipeline import BATCH
from geofix.tools.ingestion.report import IngestionReport, Progress, Tally
from geofix.tools.ingestion.writing import Writer
from geofix.tools.quiet import quiet
from geofix.tools.sources import Source, check_name

CPUS = 0.5
"""Of one actor. Whole ones take all cores of a small machine, and who feeds them never starts."""

AHEAD = 3
"""Batches on their way, for each actor."""


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
        actor = {"num_cpus": CPUS, "num_gpus": gpus_each}
        name: str = ray.get(ray.remote(_name_of).options(**actor).remote(encoder))
        with Writer() as writer:
            load = Load(source, gallery, ingest, name, tally, writer)
            feed = Feed(load.jobs(), batch_size, AHEAD * workers)
            for jobs, embedded in feed.through(ray, encoder, workers, actor):
                _take(jobs, embedded, load)
        ingest.finish(name)
    return tally.report


def _take(jobs: list[Job], embedded: Embedded, load: Load) -> None:
    rows = iter(range(len(embedded.vectors)))
    row_of: dict[str, int] = {}
    wanted: list[tuple[Job, Decoded]] = []
    for job, outcome in zip(jobs, embedded.outcomes, strict=True):
        if isinstance(outcome, Decoded) and not job.has_vector(outcome):
            # An id that is there twice is left out the second time.
            row_of.setdefault(job.external_id, next(rows))
        if load.wants(job, outcome) and isinstance(outcome, Decoded):
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
