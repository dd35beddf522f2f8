"""A small stand-in for IM2GPS3k, with what is wrong with the copies that circulate.

Its table has the name, the columns and the exchanged headers of the copy in GeoEstimation. Of its
six photos two are there, at their places; one has no file; two are the same notice; and one stands
in a row that no set can use.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from geofix.tools.photo.samples import sample_path
from tests.files import SEOUL, exif_of, gps_of

PARIS = (48.8867, 2.3431)
ANN, BOB, CAT = "78841376@N00", "91728102@N00", "97522422@N00"

CLOSE = f"1000269685_e60e9cdfb4_1125_{ANN}.jpg"
FAR = f"1000304467_1a75a200b1_1296_{ANN}.jpg"
MISSING = f"1008804117_ce4e6fef8a_1349_{CAT}.jpg"
GONE = (f"1001048550_8e4b47d165_1051_{BOB}.jpg", f"1005977048_5ccf8b05d3_1201_{CAT}.jpg")
NOWHERE = f"101220879_0a1be45b79_33_{BOB}.jpg"

SAMPLES = {CLOSE: "outdoor/montmartre_close.jpg", FAR: "outdoor/montmartre_far.jpg"}

ROWS = {
    CLOSE: PARIS,
    FAR: PARIS,
    # Beyond 90 degrees east, which shows that the headers are exchanged.
    MISSING: (29.976052, 122.390356),
    GONE[0]: (46.478536, 30.758714),
    GONE[1]: (-33.861328, 151.209039),
    NOWHERE: (0.0, 0.0),
}
"""Latitude and longitude of each photo."""


def write_stand_in(folder: Path) -> Path:
    """Write the set into a new folder, and return it."""
    pictures = folder / "images"
    pictures.mkdir(parents=True)
    for name, sample in SAMPLES.items():
        with Image.open(sample_path(sample)) as image:
            # EXIF that points elsewhere, to be stripped.
            image.convert("RGB").save(pictures / name, exif=exif_of(gps_of(*SEOUL)))
    notice = Image.new("RGB", (500, 374), (238, 238, 238))
    for name in GONE:
        notice.save(pictures / name)
    lines = ["IMG_ID,AUTHOR,LON,LAT,S3_Label,Prob_urban"]
    for name, (latitude, longitude) in ROWS.items():
        author = name.removesuffix(".jpg").rpartition("_")[2]
        lines.append(f"{name},{author},{latitude},{longitude},2,0.68")
    (folder / "im2gps3k_places365.csv").write_text("\n".join(lines) + "\n")
    return folder
