"""What choosing among 16 pictures by their geometry takes, and how well it tells places apart.

Time: pictures of the data folder as they lie there, one photo against 16 of them, features found
anew and read from bytes. The peer in the same run is plain OpenCV, one pair after another: SIFT,
brute-force matcher, ratio test, `findFundamentalMat`. Skill: all pairs of photos whose place is
known exactly, those within 25 m against those more than 200 m apart.

    make bench-geometry ARGS=../shared/data/open
"""

from __future__ import annotations

import csv
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from geofix.tools.geo.distance import haversine_km
from geofix.tools.geometry.local_features import MOST_FEATURES, LocalFeatures, local_features
from geofix.tools.geometry.verification import match, matched, verified
from geofix.tools.photo.read import read_photo

PICTURES = 16
REPEATS = 5
SAME_KM = 0.025
OTHER_KM = 0.2


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture file and where it was taken, degrees."""

    path: Path
    latitude: float
    longitude: float


def placed(folder: Path) -> list[Placed]:
    """Return the photos of `photos.csv` whose place is known exactly."""
    with (folder / "photos.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("truth", "exact") == "exact"]
    return [
        Placed(folder / row["file"], float(row["latitude"]), float(row["longitude"]))
        for row in rows
    ]


def median_s(work: Callable[[], object]) -> float:
    """Return the median time of `work` in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def plain_inliers(query: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    """Return what OpenCV's tutorials do: SIFT, nearest two, ratio test, fundamental matrix."""
    finder = cv2.SIFT.create()
    (at, histograms), (other_at, others) = (
        finder.detectAndCompute(picture, None) for picture in (query, other)
    )
    nearest = cv2.BFMatcher().knnMatch(histograms, others, k=2)
    good = [first for first, second in nearest if first.distance < 0.8 * second.distance]
    if len(good) < 8:
        return 0
    first = np.array([at[pair.queryIdx].pt for pair in good])
    second = np.array([other_at[pair.trainIdx].pt for pair in good])
    _, mask = cv2.findFundamentalMat(first, second, cv2.FM_RANSAC, 3.0, 0.99)
    return 0 if mask is None else int(mask.sum())


def times(photos: Sequence[Placed]) -> list[str]:
    """Return what each part takes for one photo against 16 pictures."""
    paths = [photo.path for photo in photos[: PICTURES + 1]]
    pixels = [read_photo(path).pixels for path in paths]
    found = [local_features(picture) for picture in pixels]
    query, others = found[0], found[1:]
    kept = [(other.to_bytes(), other.width, other.height) for other in others]
    pairs = [matched(query, other) for other in others]
    gray = [np.asarray(picture.convert("L")) for picture in pixels]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:

        def anew() -> None:
            fresh = list(pool.map(lambda path: local_features(read_photo(path).pixels), paths))
            list(pool.map(lambda other: match(fresh[0], other), fresh[1:]))

        def cached() -> None:
            read = [LocalFeatures.from_bytes(*one) for one in kept]
            list(pool.map(lambda other: match(query, other), read))

        first, again = median_s(anew), median_s(cached)
    plain = median_s(lambda: [plain_inliers(gray[0], other) for other in gray[1:]])
    parts = {
        "read the files": median_s(lambda: [read_photo(path) for path in paths]),
        "find features": median_s(lambda: [local_features(picture) for picture in pixels]),
        "match": median_s(lambda: [matched(query, other) for other in others]),
        "verify": median_s(
            lambda: [verified(query, *of) for of in zip(others, pairs, strict=True)]
        ),
    }
    size = statistics.mean(len(data) for data, _, _ in kept)
    return [
        f"one photo against {PICTURES} pictures, {os.cpu_count()} cores, median of {REPEATS}",
        f"  all of it, nothing kept           {first * 1000:7.0f} ms",
        f"  all of it, features kept          {again * 1000:7.0f} ms",
        f"  plain OpenCV (peer), nothing kept {plain * 1000:7.0f} ms;"
        f" geofix takes x{first / plain:.2f}, with features kept x{again / plain:.3f}",
        *(f"    {name:31} {took * 1000:7.0f} ms on one thread" for name, took in parts.items()),
        f"  kept per picture {size / 1000:.0f} kB, {132 * MOST_FEATURES / 1000:.0f} at most",
    ]


def skill(photos: Sequence[Placed]) -> list[str]:
    """Return how inliers tell pairs of one place from pairs of two, ours and plain OpenCV's."""
    pixels = [read_photo(photo.path).pixels for photo in photos]
    found = [local_features(picture) for picture in pixels]
    gray = [np.asarray(picture.convert("L")) for picture in pixels]
    same: list[tuple[int, int]] = []
    other: list[tuple[int, int]] = []
    for i, j in combinations(range(len(photos)), 2):
        a, b = photos[i], photos[j]
        apart_km = haversine_km(a.latitude, a.longitude, b.latitude, b.longitude)
        if SAME_KM < apart_km <= OTHER_KM:
            continue
        inliers = match(found[i], found[j]).inliers, plain_inliers(gray[i], gray[j])
        (same if apart_km <= SAME_KM else other).append(inliers)
    lines = [f"{len(same)} pairs within 25 m, {len(other)} more than 200 m apart"]
    for column, name in enumerate(("geofix", "plain")):
        one, two = [pair[column] for pair in same], [pair[column] for pair in other]
        lines.append(
            f"  {name:7} AUC {area_under_curve(one, two):.3f},"
            f" 20 inliers or more: {np.mean(np.array(one) >= 20):.1%} of the first,"
            f" {np.mean(np.array(two) >= 20):.2%} of the second"
        )
    return lines


def area_under_curve(same: Sequence[float], other: Sequence[float]) -> float:
    """Return how often a pair of one place has more than a pair of two; ties count half."""
    first, second = np.array(same)[:, None], np.array(other)[None, :]
    return float(np.mean((first > second) + 0.5 * (first == second)))


def main(folder: Path) -> None:
    """Measure on a folder with `photos.csv`."""
    photos = placed(folder)
    sys.stdout.write("\n".join([*times(photos), *skill(photos)]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
