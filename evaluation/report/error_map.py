"""A map of errors: a line from every truth to its answer, over borders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.evaluation.report.plots import COLORS, new_figure
from geofix.evaluation.report.tables import length
from geofix.evaluation.run.result import Result
from geofix.tools.geo.borders import KM_A_DEGREE, borders

LAND, BORDER, SEA, WRONG = "#e9e6df", "#ffffff", "#f7fafc", "#c0392b"
MARGIN = 0.08
"""Around the points, of the map's width and height."""

LEAST_DEGREES = 0.004
"""Share of the map's width and height that is margin."""

WIDEST, WIDTH_INCHES = 6.0, 9.0
STEPS = 48
"""Points of a great circle, as drawn."""


def plot_map(results: Sequence[Result]) -> Any | None:
    """Draw where photos were taken and where they were placed; none without a truth."""
    placed = [one for one in results if one.has_truth]
    if not placed:
        return None
    truths = np.array([(one.truth_latitude, one.truth_longitude) for one in placed], float)
    answers = np.array(
        [(one.latitude, one.longitude) for one in placed if one.status == "located"], float
    ).reshape(-1, 2)
    lines = _lines([one for one in placed if one.status == "located"])
    south, west, north, east = _frame(
        np.vstack([truths, answers, *(line[:, ::-1] for line in lines)])
    )
    # One degree of longitude is drawn as long as it is in the middle of the map.
    shrink = max(0.2, math.cos(math.radians((south + north) / 2)))
    tall = (north - south) / ((east - west) * shrink)
    figure, axes = new_figure(WIDTH_INCHES, min(WIDEST, max(3.0, WIDTH_INCHES * tall)) + 0.3)
    axes.set_facecolor(SEA)
    _draw_land(axes, (south, west, north, east))
    _draw_lines(axes, lines)
    axes.scatter(truths[:, 1], truths[:, 0], s=9, color=COLORS[0], zorder=3, label="truth")
    if len(answers):
        axes.scatter(
            answers[:, 1], answers[:, 0], s=14, marker="x", linewidths=0.8, color=WRONG, zorder=4,
            label="answer",
        )  # fmt: skip
    axes.set(xlim=(west, east), ylim=(south, north), aspect=1 / shrink)
    wide_km = (east - west) * shrink * KM_A_DEGREE
    wide = "the whole Earth" if east - west >= 350 else f"{length(wide_km)} wide in the middle"
    # Whole degrees at every tick, also where all photos are of one town.
    axes.ticklabel_format(useOffset=False)
    axes.set_xlabel(f"longitude, degrees ({wide})")
    axes.set_ylabel("latitude, degrees")
    axes.legend(frameon=True, framealpha=0.8, edgecolor="none", loc="lower left")
    return figure


def _frame(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return south, west, north, east around points, `[n, 2]`, with a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = np.maximum((high - low) * (0.5 + MARGIN), LEAST_DEGREES / 2)
    # A map of one street is not drawn as a strip.
    half = np.maximum(half, half[::-1] / 3)
    middle = (low + high) / 2
    south, west = np.maximum(middle - half, (-90, -180))
    north, east = np.minimum(middle + half, (90, 180))
    return float(south), float(west), float(north), float(east)


@lru_cache(maxsize=1)
def _countries() -> NDArray[Any]:
    """Return each country in one piece: the parts they are stored in have seams."""
    import shapely  # noqa: PLC0415 - a tenth of a second

    stored = borders()
    return np.array(
        [
            shapely.union_all(stored.parts[stored.owner == owner])
            for owner in np.unique(stored.owner)
        ]
    )


def _draw_land(axes: Any, frame: tuple[float, float, float, float]) -> None:
    import shapely  # noqa: PLC0415 - as above
    from matplotlib.collections import PatchCollection  # noqa: PLC0415 - checked by `new_figure`
    from matplotlib.patches import PathPatch  # noqa: PLC0415
    from matplotlib.path import Path  # noqa: PLC0415

    south, west, north, east = frame
    near = shapely.box(west - 1, south - 1, east + 1, north + 1)
    seen = [one for one in _countries() if shapely.intersects(one, near)]
    # No finer than a pixel or so, and no farther than the map reaches.
    cut = shapely.intersection(shapely.simplify(seen, (east - west) / 1500), near)
    patches = []
    for part in shapely.get_parts(cut):
        if part.geom_type != "Polygon" or part.is_empty:
            continue
        rings = [part.exterior, *part.interiors]
        path = Path.make_compound_path(*(Path(np.asarray(ring.coords)) for ring in rings))
        patches.append(PathPatch(path))
    drawn = PatchCollection(patches, facecolor=LAND, edgecolor=BORDER, linewidth=0.5, zorder=1)
    axes.add_collection(drawn)


def _lines(results: Sequence[Result]) -> list[NDArray[np.float64]]:
    """Return the ways from truths to answers, longitude and latitude, `[n, 2]` each."""
    return [
        line
        for one in results
        for line in great_circle(
            (one.truth_latitude or 0.0, one.truth_longitude or 0.0),
            (one.latitude or 0.0, one.longitude or 0.0),
        )
    ]


def _draw_lines(axes: Any, lines: Sequence[NDArray[np.float64]]) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - as above

    axes.add_collection(LineCollection(lines, colors=WRONG, linewidths=0.7, alpha=0.45, zorder=2))


def great_circle(start: tuple[float, float], end: tuple[float, float]) -> list[NDArray[np.float64]]:
    """Return the way between two points as lines of longitude and latitude, `[n, 2]`.

    Two where it crosses the antimeridian; none between antipodes, where there is no one way.

    Args:
        start: Latitude and longitude in degrees.
        end: The same.
    """
    a, b = _unit(start), _unit(end)
    angle = math.acos(float(np.clip(a @ b, -1, 1)))
    if math.isclose(angle, math.pi, abs_tol=1e-6):
        return []
    if angle < 1e-9:
        return [np.array([start[::-1], end[::-1]])]
    along = np.linspace(0, 1, STEPS)[:, None]
    there = (np.sin((1 - along) * angle) * a + np.sin(along * angle) * b) / math.sin(angle)
    latitude = np.degrees(np.arctan2(there[:, 2], np.hypot(there[:, 0], there[:, 1])))
    longitude = np.degrees(np.arctan2(there[:, 1], there[:, 0]))
    line = np.column_stack([longitude, latitude])
    jumps = np.flatnonzero(np.abs(np.diff(longitude)) > 180) + 1
    return [part for part in np.split(line, jumps) if len(part) > 1]


def _unit(place: tuple[float, float]) -> NDArray[np.float64]:
    phi, lam = math.radians(place[0]), math.radians(place[1])
    return np.array([math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)])
