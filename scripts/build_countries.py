"""Build tools/data/countries.npz from Natural Earth's borders. Run by hand, not by the package.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    npm pack i18n-iso-countries@7.14.0 && tar xzf i18n-iso-countries-7.14.0.tgz -C iso
    python scripts/build_countries.py package/countries-10m.json iso/package

Arcs are simplified one by one, so that neighbors keep sharing their border, and polygons are cut
into small parts, so that a lookup tests few vertices. tools/data/countries.md describes the file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from country_rules import ALIASES, CODES_BY_NAME, NAMES, TERRITORIES, UNCLAIMED
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.affinity import scale, translate

TOLERANCE_DEGREES = 0.003
"""How far simplification may move a border: 330 m, about the grid the atlas is stored on."""

SHORT_DEGREES = 0.05
GRID_DEGREES = 0.001
PART_VERTICES = 160
PART_DEGREES = 10.0
BOXES_A_COUNTRY = 6
OUT = Path(__file__).parents[1] / "tools" / "data" / "countries.npz"

Line = NDArray[np.float64]


def decode_arcs(topology: dict[str, Any]) -> tuple[list[Line], list[Line]]:
    """(longitude, latitude) of every arc, absolute and unwrapped: simplified, and as they were.

    Source: https://github.com/topojson/topojson-specification, sections 2.1.2 and 2.1.4.
    """
    factor = np.array(topology["transform"]["scale"])
    offset = np.array(topology["transform"]["translate"])
    arcs, exact = [], []
    for deltas in topology["arcs"]:
        points = np.cumsum(np.array(deltas, dtype=np.int64), axis=0) * factor + offset
        points[:, 0] = np.unwrap(points[:, 0], period=360)
        arcs.append(simplify(points))
        exact.append(points)
    return arcs, exact


def simplify(points: Line) -> Line:
    """Douglas-Peucker on a plane where a degree of longitude has its true length.

    Short arcs stay as they are: they bound islets and enclaves, which would collapse.
    """
    if np.ptp(points, axis=0).max() < SHORT_DEGREES:
        return points
    shrink = max(0.1, float(np.cos(np.radians(points[:, 1].mean()))))
    line = scale(LineString(points), xfact=shrink, yfact=1, origin=(0, 0))
    kept = shapely.simplify(line, TOLERANCE_DEGREES, preserve_topology=False)
    return shapely.get_coordinates(kept) / [shrink, 1]


def ring(indexes: list[int], arcs: list[Line], exact: list[Line]) -> Line:
    """Join arcs, unwrapped; a ring that runs round a pole is closed along the pole.

    The atlas has its seams at 180 degrees and at the poles stitched away (d3-geo-projection's
    geostitch), so rings jump from 180 to -180 and Antarctica's never closes on a plane.
    """
    pieces = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indexes]
    points = np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])
    if len(points) < 4 and arcs is not exact:
        return ring(indexes, exact, exact)
    points[:, 0] = np.unwrap(points[:, 0], period=360)
    turn = points[-1, 0] - points[0, 0]
    if abs(turn) > 180:
        pole = float(np.copysign(90, points[:, 1].mean()))
        points = np.concatenate([points, [[points[-1, 0], pole], [points[0, 0], pole], points[0]]])
    return points


def plane(shell: Line, holes: list[Line]) -> shapely.Geometry:
    """The polygon on the plane from -180 to 180, cut at the antimeridian.

    An islet the atlas's own grid has flattened to a line becomes a box of 200 m, such a hole goes.
    """
    if len(shell) < 4:
        return shapely.box(*(shell.min(axis=0) - GRID_DEGREES), *(shell.max(axis=0) + GRID_DEGREES))
    outer = shapely.make_valid(Polygon(shell))
    middle = shell[:, 0].mean()
    for hole in holes:
        if len(hole) < 4:
            continue
        turns = 360 * round((middle - hole[:, 0].mean()) / 360)
        outer = outer.difference(shapely.make_valid(Polygon(np.add(hole, [turns, 0]))))
    world = shapely.box(-180, -90, 180, 90)
    return shapely.union_all([translate(outer, 360 * k).intersection(world) for k in (-1, 0, 1)])


def read_features(topology: dict[str, Any], iso: Path) -> dict[str, shapely.Geometry]:
    """Geometry by alpha-2 code."""
    arcs, exact = decode_arcs(topology)
    alpha2 = {row[2]: row[0] for row in json.loads((iso / "codes.json").read_text())}
    found: dict[str, list[shapely.Geometry]] = {}
    for feature in topology["objects"]["countries"]["geometries"]:
        name = feature["properties"]["name"]
        if name in UNCLAIMED:
            continue
        code = CODES_BY_NAME.get(name) or alpha2[feature["id"]]
        polygons = feature["arcs"] if feature["type"] == "MultiPolygon" else [feature["arcs"]]
        for polygon in polygons:
            shell, *holes = (ring(indexes, arcs, exact) for indexes in polygon)
            found.setdefault(code, []).append(plane(shell, holes))
    whole = {code: shapely.union_all(geometries) for code, geometries in found.items()}
    for parent, code, bounds in TERRITORIES:
        taken = whole[parent].intersection(shapely.box(*bounds))
        if taken.is_empty:
            raise SystemExit(f"{code}: nothing of {parent} lies in {bounds}")
        whole[parent] = whole[parent].difference(taken)
        whole[code] = taken.union(whole.get(code, Polygon()))
    return whole


def polygons_of(geometry: shapely.Geometry) -> list[Polygon]:
    """The polygons of whatever an overlay gave, lines and points left out."""
    parts = shapely.get_parts(geometry)
    return [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]


def subdivide(polygon: Polygon) -> list[Polygon]:
    """Halve across the longer side until few vertices and few degrees are left."""
    west, south, east, north = polygon.bounds
    wide, high = east - west, north - south
    if shapely.get_num_coordinates(polygon) <= PART_VERTICES and max(wide, high) <= PART_DEGREES:
        return [polygon]
    if wide >= high:
        cut = round((west + east) / 2, 3)
        halves = shapely.box(west, south, cut, north), shapely.box(cut, south, east, north)
    else:
        cut = round((south + north) / 2, 3)
        halves = shapely.box(west, south, east, cut), shapely.box(west, cut, east, north)
    return [
        small
        for half in halves
        for part in polygons_of(polygon.intersection(half))
        for small in subdivide(part)
    ]


def snap(geometry: shapely.Geometry) -> list[Polygon]:
    """Polygons on the storage grid, still valid; what would vanish keeps its bounding box."""
    snapped = polygons_of(shapely.set_precision(geometry, GRID_DEGREES))
    if snapped:
        return snapped
    west, south, east, north = np.round(geometry.bounds, 3)
    return [shapely.box(west, south, max(east, west + 0.002), max(north, south + 0.002))]


def boxes(polygons: list[Polygon]) -> NDArray[np.float64]:
    """At most BOXES_A_COUNTRY (south, west, north, east), merged where least area is gained."""
    rows = [list(polygon.bounds) for polygon in polygons]

    def joined(a: list[float], b: list[float]) -> list[float]:
        return [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]

    def area(row: list[float]) -> float:
        return (row[2] - row[0] + 0.2) * (row[3] - row[1] + 0.2)

    rows.sort(key=area, reverse=True)
    merged: list[list[float]] = []
    for row in rows:
        gains = [area(joined(row, other)) - area(other) - area(row) for other in merged]
        best = int(np.argmin(gains)) if gains else -1
        if gains and (gains[best] <= 0.5 * area(row) or len(merged) >= 60):
            merged[best] = joined(row, merged[best])
        else:
            merged.append(row)
    while len(merged) > 1:
        gain, first, second = min(
            (area(joined(a, b)) - area(a) - area(b), i, j)
            for i, a in enumerate(merged)
            for j, b in enumerate(merged[:i])
        )
        if gain > 0 and len(merged) <= BOXES_A_COUNTRY and gain > 0.3 * sum(map(area, merged)):
            break
        merged[second] = joined(merged[first], merged[second])
        del merged[first]
    return np.array([[south, west, north, east] for west, south, east, north in merged])


def names(iso: Path) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """English name by code, alpha-3 by code, and code by any other name."""
    english = json.loads((iso / "langs" / "en.json").read_text())["countries"]
    alpha3 = {row[0]: row[1] for row in json.loads((iso / "codes.json").read_text())}
    name, other = {}, dict(ALIASES)
    for code, written in english.items():
        spellings = [written] if isinstance(written, str) else written
        name[code] = NAMES.get(code, spellings[0])
        for spelling in spellings:
            other.setdefault(spelling, code)
    return name, alpha3, other


def main(atlas: Path, iso: Path) -> None:
    """Read, cut, snap and write."""
    name, alpha3, other = names(iso)
    geometry = read_features(json.loads(atlas.read_text()), iso)
    codes = sorted(name)
    parts, owner, box_rows, box_owner = [], [], [], []
    for index, code in enumerate(codes):
        if code not in geometry:
            continue
        small = [
            part
            for polygon in polygons_of(geometry[code])
            for piece in subdivide(polygon)
            for part in snap(piece)
        ]
        parts += small
        owner += [index] * len(small)
        covering = boxes(polygons_of(geometry[code]))
        box_rows.append(covering)
        box_owner += [index] * len(covering)
    _, flat, (rings, polygons) = shapely.to_ragged_array(parts)
    grid = np.round(flat / GRID_DEGREES).astype(np.int32)
    np.savez_compressed(
        OUT,
        codes=np.array(codes),
        alpha3=np.array([alpha3[code] for code in codes]),
        names=np.array([name[code] for code in codes]),
        aliases=np.array(sorted(other)),
        alias_codes=np.array([other[alias] for alias in sorted(other)]),
        steps=np.diff(grid, axis=0, prepend=np.int32(0)).T,
        rings=np.diff(rings).astype(np.uint16),
        polygons=np.diff(polygons).astype(np.uint16),
        owner=np.array(owner, dtype=np.uint8),
        boxes=np.concatenate(box_rows),
        box_owner=np.array(box_owner, dtype=np.uint8),
    )
    sys.stdout.write(
        f"{OUT}: {OUT.stat().st_size} bytes, {len(set(owner))} countries, {len(parts)} parts, "
        f"{len(flat)} vertices; without geometry: {sorted(set(codes) - set(geometry))}\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
