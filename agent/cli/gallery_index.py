"""`geofix gallery status`, `check`, `index` and `reindex`: the index's state, recall and build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from geofix.agent.cli.options import named, open_services
from geofix.agent.cli.terminal import err, escaped, out, say
from geofix.agent.errors import GalleryError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from geofix.db.search.status import EncoderStatus

NO_PHOTO = "There is no photo yet. `geofix gallery add starter` adds the gallery that geofix ships."

EncoderOption = Annotated[
    str | None,
    typer.Option(
        help="Name of the encoder. Needed only if the database holds vectors of several encoders.",
        callback=named,
    ),
]


def status() -> None:
    """Show how many photos there are, how many are indexed, and what to do."""
    from geofix.db.search.status import encoder_statuses  # noqa: PLC0415 - see `options`

    with open_services() as services:
        statuses = encoder_statuses(services.engine)
    if not statuses:
        say(NO_PHOTO)
        return
    table = Table(box=None)
    for column in ("encoder", "photos", "index", "indexed", "mean", "drift", "table", "index size"):
        table.add_column(column, overflow="fold")
    for one in statuses:
        table.add_row(
            escaped(one.encoder),
            f"{one.photos:,}",
            one.index or "none",
            f"{one.indexed:,}",
            "none" if one.centring_version is None else f"version {one.centring_version}",
            "-" if one.drift is None else f"{one.drift:.1%}",
            _size(one.table_bytes),
            _size(one.index_bytes),
        )
    out().print(table)
    for one in statuses:
        if one.advice is not None:
            which = f" --encoder {one.encoder}" if len(statuses) > 1 else ""
            say(f"{one.encoder}: {one.advice} (`geofix gallery reindex{which}`)")


def check(
    queries: Annotated[
        int, typer.Option(min=1, help="Number of gallery photos to search for.")
    ] = 100,
    k: Annotated[int, typer.Option(min=1, help="Number of photos that each search returns.")] = 16,
    seed: Annotated[int, typer.Option(help="Seed of the random choice of photos.")] = 0,
    least: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Exit with code 5 if recall is below this value, from 0 to 1."
        ),
    ] = 0.0,
    encoder: EncoderOption = None,
) -> None:
    """Measure the recall of searches, for similar and for dissimilar photos.

    Recall is the share of the exact answer that a search through the index
    finds. The searches are for random photos of the gallery.
    """
    from geofix.db.search.status import check_recall  # noqa: PLC0415

    with open_services() as services:
        name = _encoder(services.engine, encoder)
        with err().status("comparing searches with the exact answer"):
            found = check_recall(services.engine, name, queries=queries, k=k, seed=seed)
    table = Table(box=None)
    for column in ("direction", f"recall@{k}", "worst", "median ms", "p95 ms", "way"):
        table.add_column(column)
    for one in found:
        table.add_row(
            one.direction,
            f"{one.recall:.3f}",
            f"{one.worst:.2f}",
            f"{one.median_ms:.1f}",
            f"{one.p95_ms:.1f}",
            one.way,
        )
    out().print(table)
    if min(one.recall for one in found) < least:
        raise GalleryError(
            f"recall is below {least:g}. Build a better index with a higher `geofix gallery"
            " index --ef-construction`, or remove the index with `geofix gallery index --drop`"
        )


def index(
    compact: Annotated[
        bool,
        typer.Option(
            "--compact", help="Build the index over one bit a dimension. It needs far less memory."
        ),
    ] = False,
    drop: Annotated[
        bool,
        typer.Option("--drop", help="Remove the index. Searches then compare with every vector."),
    ] = False,
    m: Annotated[
        int | None,
        typer.Option(
            min=2, max=100, help="Number of neighbours that each vector is linked to. Default: 32."
        ),
    ] = None,
    ef_construction: Annotated[
        int | None,
        typer.Option(
            min=4,
            max=1000,
            help="Number of candidates examined for these links; at least twice --m. Default: 128.",
        ),
    ] = None,
    encoder: EncoderOption = None,
) -> None:
    """Build the index that makes searches fast.

    A load builds it automatically above 20,000 photos; below that, none is
    needed. Searches work while the index is built.
    """
    from geofix.db.load.index_lifecycle import drop_index  # noqa: PLC0415

    if drop and (compact or m or ef_construction):
        raise typer.BadParameter("--drop can be combined only with --encoder")
    with open_services() as services:
        name = _encoder(services.engine, encoder)
        if drop:
            drop_index(services.engine, name)
            say(f"{name}: the index is removed, and searches compare with every vector")
            return
        _build(services.engine, name, "compact" if compact else "full", m, ef_construction)


def reindex(encoder: EncoderOption = None) -> None:
    """Rebuild the index after photos were added or the mean has drifted.

    The new index is built beside the old one and then replaces it. Searches
    work meanwhile.
    """
    with open_services() as services:
        name = _encoder(services.engine, encoder)
        kind = next(one.index for one in _statuses(services.engine) if one.encoder == name)
        _build(services.engine, name, kind or "full", None, None)


def _build(
    engine: Engine, encoder: str, kind: str, m: int | None, ef_construction: int | None
) -> None:
    from geofix.db.load.index_lifecycle import EF_CONSTRUCTION, M, build_index  # noqa: PLC0415

    neighbors = m or M
    candidates = ef_construction or max(EF_CONSTRUCTION, 2 * neighbors)
    if candidates < 2 * neighbors:
        raise GalleryError(
            f"--ef-construction {candidates!r} is too small: pgvector needs at least twice --m,"
            f" which is {neighbors!r}"
        )
    with err().status("starting") as shown:
        build_index(
            engine,
            encoder,
            kind="compact" if kind == "compact" else "full",
            m=neighbors,
            ef_construction=candidates,
            progress=lambda line: shown.update(escaped(line)),
        )
    one = next(one for one in _statuses(engine) if one.encoder == encoder)
    say(f"{encoder}: {one.indexed:,} photos in the {kind} index, {_size(one.index_bytes)}")


def _statuses(engine: Engine) -> list[EncoderStatus]:
    from geofix.db.search.status import encoder_statuses  # noqa: PLC0415

    return encoder_statuses(engine)


def _encoder(engine: Engine, name: str | None) -> str:
    names = [one.encoder for one in _statuses(engine)]
    if not names:
        raise GalleryError(NO_PHOTO)
    if name is None and len(names) == 1:
        return names[0]
    if name in names:
        return str(name)
    there = ", ".join(map(repr, names))
    if name is None:
        raise GalleryError(
            f"there are vectors of several encoders; choose one with `--encoder`: {there}"
        )
    raise GalleryError(f"there are no vectors of encoder {name!r}; there are vectors of: {there}")


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
