"""What share of a load's time is the encoder's.

400 photos are cut from the sample pictures and saved anew. "Embed alone" is `encoder.embed` over
the same photos, decoded beforehand, in the same batches; "in embed" is the share of the load's own
time in which the encoder worked, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.db.galleries import remove_gallery
from geofix.tools.encoders import Encoder
from geofix.tools.images import read_photo
from geofix.tools.ingestion import BATCH, ingest_source
from geofix.tools.samples import sample_path
from geofix.tools.sources import TableSource

LARGEST_BYTES = 2_000_000
"""The two panoramas among the samples would be most of the decoding."""

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


def pipeline_s(services: Services, table: Path, count: int, workers: int) -> tuple[float, float]:
    """Return the seconds of a whole load into a gallery of its own, and of embedding in it."""
    gallery = f"benchmark {secrets.token_hex(4)}"
    source = TableSource(table, name=gallery)
    encoder = Timed(services.encoder)
    began = time.perf_counter()
    try:
        report = ingest_source(source, gallery, services.ingest, encoder, workers=workers)
        took = time.perf_counter() - began
    finally:
        remove_gallery(services.engine, gallery)
    if report.added != count:
        raise RuntimeError(f"{report.added!r} of {count!r} photos went in: {report.first_rejects}")
    return took, encoder.took_s


def main() -> None:
    """Measure on the database and with the encoder of the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Services(Settings.from_environment()) as services:
        table = make_photos(Path(folder), given.photos)
        services.encoder.embed([read_photo(Path(folder, "0.jpg")).pixels] * BATCH)
        say(f"{given.photos} photos, {services.encoder.name}, batches of {BATCH}")
        best: dict[int, tuple[float, float]] = {}
        # In turns, and the quickest of each: other work on the machine slows all alike.
        for _ in range(given.rounds):
            for workers in (ALONE, *given.workers):
                if workers == ALONE:
                    took = embed_alone_s(Path(folder), given.photos, services.encoder)
                    times = took, took
                else:
                    times = pipeline_s(services, table, given.photos, workers)
                best[workers] = min(times, best.get(workers, times))
    for workers, (took, embedding) in best.items():
        name = "embed alone" if workers == ALONE else f"pipeline, workers: {workers}"
        say(
            f"{name:22}{took:7.1f} s{given.photos / took:9.1f} photos/s"
            f"   embed alone {best[ALONE][0] / took:4.0%}   in embed {embedding / took:4.0%}"
        )


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
