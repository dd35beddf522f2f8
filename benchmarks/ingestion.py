"""What share of a load's time is the encoder's.

Photos are cut from the sample pictures and saved anew. "Embed alone" is `encoder.embed` over
the same photos, decoded beforehand, in the same batches; "in embed" is the share of the load's own
time in which the encoder worked, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import Engine

from benchmarks.gallery.database import running_server
from benchmarks.gallery.machine import machine
from benchmarks.gallery.tables import say
from benchmarks.siglip_base import siglip_base
from geofix.db.load.galleries import remove_gallery
from geofix.db.load.ingest import Ingest
from geofix.tools.encoders import STARTER, Encoder, load_encoder
from geofix.tools.ingestion import BATCH, ingest_source
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path
from geofix.tools.sources import TableSource

LARGEST_BYTES = 2_000_000
"""The two panoramas among the samples would be most of the decoding."""

ENCODERS: dict[str, Callable[[Path], Encoder]] = {
    "lite0": lambda folder: load_encoder(STARTER),
    "siglip-base": lambda folder: load_encoder(str(siglip_base(folder))),
}
"""By the name to ask for; given a folder to write in."""

PHOTOS = {"lite0": 400, "siglip-base": 96}

ALONE = -1
"""In place of a number of workers: no pipeline at all."""

SHARE = 0.8
"""Of each side that a photo is cut to."""


def make_photos(folder: Path, count: int) -> Path:
    """Save photos cut from the samples, and a table of them; return the table's path."""
    samples = sorted(sample_path().parents[1].rglob("*.jpg"))
    pictures = [Image.open(path) for path in samples if path.stat().st_size < LARGEST_BYTES]
    rng = np.random.default_rng(0)
    rows = ["path,latitude,longitude"]
    for number in range(count):
        picture = pictures[number % len(pictures)].convert("RGB")
        width, height = (round(side * SHARE) for side in picture.size)
        left = int(rng.integers(0, picture.width - width + 1))
        top = int(rng.integers(0, picture.height - height + 1))
        cut = picture.crop((left, top, left + width, top + height))
        cut.save(folder / f"{number}.jpg", quality=92)
        rows.append(f"{number}.jpg,{rng.uniform(-60, 70):.5f},{rng.uniform(-180, 180):.5f}")
    table = folder / "photos.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def embed_alone_s(folder: Path, count: int, encoder: Encoder) -> float:
    """Return the seconds that embedding decoded photos takes."""
    took = 0.0
    for start in range(0, count, BATCH):
        names = [folder / f"{number}.jpg" for number in range(start, min(start + BATCH, count))]
        pixels = [read_photo(name).pixels for name in names]
        began = time.perf_counter()
        encoder.embed(pixels)
        took += time.perf_counter() - began
    return took


class Timed:
    """An encoder that adds up how long it works."""

    def __init__(self, encoder: Encoder) -> None:
        """Wrap an encoder."""
        self._encoder = encoder
        self.name, self.dimension = encoder.name, encoder.dimension
        self.took_s = 0.0

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Embed photos; see `Encoder.embed`."""
        began = time.perf_counter()
        vectors = self._encoder.embed(images)
        self.took_s += time.perf_counter() - began
        return vectors


def pipeline_s(engine: Engine, encoder: Encoder, table: Path, workers: int) -> tuple[float, float]:
    """Return the seconds of a whole load into a gallery of its own, and of embedding in it."""
    gallery = f"benchmark {secrets.token_hex(4)}"
    source = TableSource(table, name=gallery)
    watched = Timed(encoder)
    began = time.perf_counter()
    report = ingest_source(source, gallery, Ingest(engine), watched, workers=workers)
    took = time.perf_counter() - began
    remove_gallery(engine, gallery)
    if report.rejected:
        raise RuntimeError(f"{report.rejected!r} photos were left out: {report.first_rejects}")
    return took, watched.took_s


def main() -> None:
    """Measure on a database of the benchmark's own."""
    given = _options()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        encoder = ENCODERS[given.encoder](folder)
        count = given.photos or PHOTOS[given.encoder]
        table = make_photos(folder, count)
        engine = opened.enter_context(running_server()).gallery_engine("ingestion")
        opened.callback(engine.dispose)
        encoder.embed([read_photo(folder / "0.jpg").pixels] * BATCH)
        say(f"{machine()}\n{count} photos, {encoder.name}, batches of {BATCH}")
        best: dict[int, tuple[float, float]] = {}
        # In turns, and the quickest of each: other work on the machine slows all alike.
        for _ in range(given.rounds):
            for workers in (ALONE, *given.workers):
                if workers == ALONE:
                    took = embed_alone_s(folder, count, encoder)
                    times = took, took
                else:
                    times = pipeline_s(engine, encoder, table, workers)
                say(f"  {_named(workers)}: {times[0]:.1f} s, in embed {times[1] / times[0]:.0%}")
                best[workers] = min(times, best.get(workers, times))
    for workers, (took, embedding) in best.items():
        say(
            f"{_named(workers):22}{took:7.1f} s{count / took:9.1f} photos/s"
            f"   embed alone {best[ALONE][0] / took:4.0%}   in embed {embedding / took:4.0%}"
        )


def _named(workers: int) -> str:
    return "embed alone" if workers == ALONE else f"pipeline, workers: {workers}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingestion", description=__doc__)
    parser.add_argument("--encoder", choices=tuple(ENCODERS), default="lite0")
    parser.add_argument("--photos", type=int, help=f"by default {PHOTOS}")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
