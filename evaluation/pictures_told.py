"""What docs/evaluation.md tells of real pictures: what shows no place, and what geometry takes.

Their folders are named on the command line; pictures that may not be passed on stay where they are.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from geofix.agent.choice.rejection import SHOWS
from geofix.agent.services import Services
from geofix.evaluation.told import share_of, table
from geofix.tools.geometry.local_features import LocalFeatures, local_features
from geofix.tools.geometry.verification import match
from geofix.tools.images import read_photo
from geofix.tools.scene import read_scene

PICTURES = 16
REPEATS = 5
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}

HEAD = """## What shows no place

`{folder}` of files that show no place, by the word their names begin with, then of photos that do.
Taken for no place means that geofix abstains unless geometry finds the photo in a picture of the
place. Goals: 95 % of the first, under 5 % of the second. The bounds were set on such pictures.
"""

TIMES = """## Choosing among {pictures} pictures

`{folder}`: one photo against {pictures} pictures, one after another on one thread, median of
{repeats}. Geofix does it on as many threads as there are cores (`make bench-geometry` has that, and
plain OpenCV).
"""


def pictures_of(folder: Path) -> list[Path]:
    """Return the picture files below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)


def scenes_told(nowhere: Path, somewhere: Sequence[Path], services: Services) -> list[str]:
    """Return how many pictures of no place, and of places, are taken for none."""
    rows = []
    sets: dict[str, list[Path]] = {}
    for path in pictures_of(nowhere):
        sets.setdefault(path.stem.split("_")[0], []).append(path)
    sets = {"no place, all": pictures_of(nowhere), **sets}
    sets |= {f"places: {folder.name}": pictures_of(folder) for folder in somewhere}
    kinds: dict[Path, str] = {}
    for name, paths in sets.items():
        for path in paths:
            if path not in kinds:
                kinds[path] = read_scene(read_photo(path).pixels, services.classifier).kind
        taken = [kinds[path] in SHOWS for path in paths]
        most = Counter(kinds[path] for path in paths).most_common(3)
        said = ", ".join(f"{kind} {count}" for kind, count in most)
        rows.append([name, str(len(paths)), share_of(taken), said])
    heads = ["pictures", "count", "taken for no place, %", "most often seen as"]
    return [HEAD.format(folder=nowhere.name), *table(heads, rows)]


def geometry_told(folder: Path) -> list[str]:
    """Return what one photo against 16 pictures takes, on one thread."""
    pixels = [read_photo(path).pixels for path in pictures_of(folder)[: PICTURES + 1]]
    query, *others = [local_features(picture) for picture in pixels]
    kept = [(other.to_bytes(), other.width, other.height) for other in others]

    def anew() -> None:
        found = local_features(pixels[0])
        for picture in pixels[1:]:
            match(found, local_features(picture))

    def again() -> None:
        for one in kept:
            match(query, LocalFeatures.from_bytes(*one))

    rows = [["nothing kept", _median_ms(anew)], ["features kept in Postgres", _median_ms(again)]]
    head = TIMES.format(pictures=PICTURES, folder=folder.name, repeats=REPEATS)
    return [head, *table(["SIFT, matching, geometry", "ms"], rows)]


def _median_ms(work: Callable[[], None]) -> str:
    took = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - start))
    return f"{statistics.median(took):.0f}"
