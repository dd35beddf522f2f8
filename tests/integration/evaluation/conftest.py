"""A small data set: sample photos under telling names, with EXIF that points elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from geofix.tools.photo.samples import sample_path
from tests.files import SEOUL, exif_of, gps_of

PARIS = (48.8867, 2.3431)
SAMPLES = {
    "sacred_dome_1": "outdoor/montmartre_close.jpg",
    "sacred_dome_2": "outdoor/montmartre_far.jpg",
    "some_room": "indoor/gcs_close.jpg",
}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two photos of Paris, one that shows no place, one that is no photo."""
    folder = tmp_path / "secretplace"
    folder.mkdir()
    for name, sample in SAMPLES.items():
        with Image.open(sample_path(sample)) as image:
            image.convert("RGB").save(folder / f"{name}.jpg", exif=exif_of(gps_of(*SEOUL)))
    (folder / "broken.jpg").write_bytes(b"no photo")
    rows = [
        "path,latitude,longitude,place,author,kind",
        f"sacred_dome_1.jpg,{PARIS[0]},{PARIS[1]},Paris,ann,",
        f"sacred_dome_2.jpg,{PARIS[0]},{PARIS[1]},Paris,ann,",
        "some_room.jpg,,,,,room",
        f"broken.jpg,{PARIS[0]},{PARIS[1]},Paris,,",
    ]
    (folder / "photos.csv").write_text("\n".join(rows) + "\n")
    return folder
