"""Ingests a source into a gallery: photos on this machine or a Ray cluster, or given vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from geofix.agent.errors import SourceError
from geofix.agent.services import Services
from geofix.tools.ingestion import (
    IngestionReport,
    Progress,
    ingest_source,
    ingest_vectors,
    ingest_with_ray,
)
from geofix.tools.ingestion.decoding import EncoderSpec
from geofix.tools.sources import Source
from geofix.tools.sources.protocol import VectorSource


@dataclass(frozen=True, slots=True)
class Options:
    """How to load."""

    gallery: str
    embedded_by: str | None = None
    """Name of the encoder that made vectors; that in force otherwise."""
    workers: int = 1
    """Processes that read and decode photos."""
    ray: int = 0
    """Workers of a Ray cluster that embed; none if 0."""
    rejects: Path | None = None
    """File for what is left out, as JSON lines."""


def load_source(
    source: Source | VectorSource,
    services: Services,
    options: Options,
    advance: Callable[[Progress], None],
) -> IngestionReport:
    """Put a collection into a gallery.

    Args:
        source: Photos, or vectors of some.
        services: Database, encoder and settings.
        options: How.
        advance: Called with how far the load is.

    Raises:
        SourceError: An option does not fit the collection.
        GeofixError: As the loads themselves.
    """
    gallery, rejects = options.gallery, options.rejects
    ingest = services.ingest
    _check(source, options)
    if isinstance(source, VectorSource):
        name = options.embedded_by or services.encoder.name
        return ingest_vectors(source, gallery, ingest, name, advance=advance, rejects=rejects)
    if options.ray:
        settings = services.settings
        spec = EncoderSpec(
            settings.encoder,
            settings.device,
            settings.dtype,
            settings.batch_size,
            offline=settings.offline,
        )
        return ingest_with_ray(
            source, gallery, ingest, spec, workers=options.ray, advance=advance, rejects=rejects
        )
    return ingest_source(
        source,
        gallery,
        ingest,
        services.encoder,
        workers=options.workers,
        advance=advance,
        rejects=rejects,
    )


def _check(source: Source | VectorSource, options: Options) -> None:
    """Refuse what would be left undone without a word."""
    if isinstance(source, VectorSource):
        if options.ray or options.workers > 1:
            raise SourceError("vectors are loaded by one process; leave out --workers and --ray")
        return
    if options.embedded_by is not None:
        raise SourceError(
            f"--embedded-by {options.embedded_by!r} can be given only for vectors. geofix embeds"
            " photos itself; set GEOFIX_ENCODER to choose the encoder"
        )
    if options.ray and options.workers > 1:
        raise SourceError(
            f"--ray {options.ray!r} and --workers {options.workers!r} exclude each other; leave"
            " one out"
        )
