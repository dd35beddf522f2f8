"""Three servers on loopback, and one gallery on all of them beside the same on one."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import Engine, make_url, text

from geofix.db.engine import conninfo, open_engine
from geofix.db.ingest import GeotaggedPhoto, Ingest
from geofix.db.schema import upgrade
from geofix.db.server import EmbeddedServer
from geofix.db.shards import add_shard

DIMENSION = 16
NAMES = ("b", "c")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Shards:
    """A gallery on three servers."""

    engine: Engine
    """To the one with the photos."""
    engines: dict[str, Engine]
    """To all of them, straight."""
    urls: dict[str, str]

    def rows(self) -> dict[str, int]:
        return {name: self.rows_of(name) for name in self.engines}

    def rows_of(self, name: str) -> int:
        return int(one(self.engines[name], "select count(*) from embeddings"))

    def counted(self) -> dict[str, int]:
        counted = "select coalesce(sum(photos), 0) from cell_counts"
        return {name: int(one(engine, counted)) for name, engine in self.engines.items()}


def one(engine: Engine, statement: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(statement)).scalar()


def execute(url: str, statement: str) -> None:
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def running(count: int) -> Iterator[list[EmbeddedServer]]:
    """Servers of their own, which lose everything in a crash."""
    # Not pytest's own folders: under root those are closed to the account Postgres runs as.
    home = Path(tempfile.mkdtemp(prefix="geofix-shards-"))
    home.chmod(0o755)
    with ExitStack() as opened:
        servers = [EmbeddedServer(home / f"server{number}") for number in range(count)]
        for server in servers:
            url = opened.enter_context(server.lease())
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                execute(url, f"alter system set {setting} = off")
            execute(url, "select pg_reload_conf()")
        yield servers
    shutil.rmtree(home)


@contextmanager
def new_database(server: EmbeddedServer) -> Iterator[str]:
    name = f"shard_{uuid.uuid4().hex[:12]}"
    execute(server.url(), f"create database {name}")
    url = make_url(server.url()).set(database=name).render_as_string(hide_password=False)
    yield url
    execute(server.url(), f"drop database {name} with (force)")


@contextmanager
def spread(servers: list[EmbeddedServer]) -> Iterator[Shards]:
    """An empty gallery on all servers, the first of which has the photos."""
    with ExitStack() as opened:
        urls = {
            name: opened.enter_context(new_database(server))
            for name, server in zip(("here", *NAMES), servers, strict=True)
        }
        engines = {}
        for name, url in urls.items():
            engines[name] = open_engine(url)
            opened.callback(engines[name].dispose)
        engine = engines["here"]
        upgrade(engine)
        for name in NAMES:
            add_shard(engine, name, urls[name])
        yield Shards(engine, engines, urls)


def made(rows: int, seed: int = 0) -> tuple[list[GeotaggedPhoto], Floats]:
    """Photos over the whole Earth, and unit vectors with a mean that all share."""
    rng = np.random.default_rng(seed)
    photos = [
        GeotaggedPhoto(
            "made", f"p{seed}-{number:04}", float(rng.uniform(-80, 80)),
            float(rng.uniform(-179, 179)),
            country=("FR", None, "DE")[number % 3], sha256=f"hash-{seed}-{number}",
        )
        for number in range(rows)
    ]  # fmt: skip
    vectors = rng.normal(size=(rows, DIMENSION)) + 1.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return photos, vectors.astype(np.float32)


def load(
    engine: Engine, photos: list[GeotaggedPhoto], vectors: Floats, *, batch: int = 100,
    gallery: str = "g", encoder: str = "e", finish: bool = True,
) -> None:  # fmt: skip
    for first in range(0, len(photos), batch):
        some = slice(first, first + batch)
        Ingest(engine).add(gallery, encoder, photos[some], vectors[some])
    if finish:
        Ingest(engine).finish(encoder)
