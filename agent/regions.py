"""Regions: from what a person writes, and to what the database searches in.

A finer look asks the gallery again inside a circle around the leading place, with more neighbours
and fewer far ones. How wide the circle is follows from how sure the place is: the finest level of
the ladder that holds nearly all votes, so a sharp search skips levels. A runner-up outside the
circle gets a circle of its own, asked in the same round with as many neighbours, until it is
beaten: otherwise the leader would collect votes the runner-up was never asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from geofix.agent.context import Context
from geofix.agent.errors import RegionError
from geofix.agent.state import Candidate, Region
from geofix.db.search.area import Area
from geofix.tools.geo.countries import (
    countries_at,
    country_boxes,
    country_named,
    country_reaches,
    find_country,
)
from geofix.tools.geo.distance import (
    HALF_CIRCUMFERENCE_KM,
    Box,
    bounding_boxes,
    check_coordinates,
    distances_km,
    haversine_km,
)
from geofix.tools.geo.places import city_called
from geofix.tools.geo.shapes import boxes_between
from geofix.tools.statistics import PLACE_KM
from geofix.tools.statistics.clusters import LOOKS_KM

HOW_TO_WRITE = (
    "write LAT,LON,KM such as '48.86,2.35,50', SOUTH,WEST,NORTH,EAST such as '48.8,2.2,48.9,2.5',"
    " or a country such as 'France'"
)

LONGEST_REGION = 200
"""Longest text of a region; country names and four numbers need less."""


def parse_region(text: str) -> Region:
    """Return the region `text` names.

    Args:
        text: `LAT,LON,KM` for a circle, `SOUTH,WEST,NORTH,EAST` for a box, in degrees, else a
            country: its name or ISO code.

    Raises:
        RegionError: The text is not a region; the error says what is wrong.
    """
    if len(text) > LONGEST_REGION:
        raise RegionError(
            f"the region {text[:40]!r}... has {len(text)} characters, more than {LONGEST_REGION};"
            f" {HOW_TO_WRITE}"
        )
    parts = text.split(",")
    numbers = [_number(part) for part in parts]
    if all(number is None for number in numbers):
        country = find_country(text)
        return Region(country_code=country.code, name=country.name)
    match [number for number in numbers if number is not None]:
        case [latitude, longitude, radius_km] if len(parts) == 3:
            return circle(latitude, longitude, radius_km)
        case [south, west, north, east] if len(parts) == 4:
            return box(south, west, north, east)
    raise RegionError(f"the region {text!r} is not three or four numbers; {HOW_TO_WRITE}")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def circle(latitude: float, longitude: float, radius_km: float, name: str | None = None) -> Region:
    """Return a circle.

    Raises:
        RegionError: The center is off the Earth, or the radius is not between 0 and half of it.
    """
    check_coordinates(latitude, longitude)
    if not 0 < radius_km <= HALF_CIRCUMFERENCE_KM:
        raise RegionError(
            f"the radius {radius_km!r} km is not between 0 and {HALF_CIRCUMFERENCE_KM:.0f} km"
        )
    named = name or f"{radius_km:g} km around {latitude:.4f}, {longitude:.4f}"
    return Region(latitude=latitude, longitude=longitude, radius_km=radius_km, name=named)


def box(south: float, west: float, north: float, east: float, name: str | None = None) -> Region:
    """Return a box; if its west is greater than its east, it crosses the antimeridian.

    Raises:
        RegionError: A corner is off the Earth, or nothing lies between the sides.
    """
    boxes_between(south, west, north, east)
    across = " across the antimeridian" if west > east else ""
    corners = f"{south:.4f}, {west:.4f} to {north:.4f}, {east:.4f}"
    return Region(box=(south, west, north, east), name=name or f"the box from {corners}{across}")


def holds(region: Region, latitude: float, longitude: float) -> bool:
    """Return whether a circle or a box contains a point; borders of countries are ignored.

    Raises:
        RegionError: The region is neither, or both.
    """
    return are_inside(region, [latitude], [longitude])[0]


def are_inside(
    region: Region, latitudes: Sequence[float], longitudes: Sequence[float]
) -> list[bool]:
    """Return the same for several points.

    Raises:
        RegionError: As `holds`.
    """
    center = _circle_of(region)
    if center is not None:
        latitude, longitude, radius_km = center
        apart_km = distances_km([latitude], [longitude], latitudes, longitudes)[0]
        inside: list[bool] = (apart_km <= radius_km).tolist()
        return inside
    if region.box is None:
        raise RegionError(f"the region {region.name!r} has no circle and no box")
    parts = boxes_between(*region.box)
    points = zip(latitudes, longitudes, strict=True)
    return [any(part.contains(*point) for part in parts) for point in points]


def allows(within: Region | None, latitude: float, longitude: float) -> bool:
    """Return whether the question's region allows an answer at a point."""
    if within is None:
        return True
    if within.country_code is not None:
        if countries_at([latitude], [longitude])[0] != within.country_code:
            return False
        if within.box is None and within.radius_km is None:
            return True
    return holds(within, latitude, longitude)


def search_areas(*regions: Region | None) -> tuple[Area, ...]:
    """Return the areas that a round searches: what lies in all of some regions.

    Args:
        *regions: The round's own, and those it must lie inside.

    Raises:
        RegionError: A region is no circle, box or country, is a circle and a box, or a country
            there is none of.
    """
    return tuple(search_area(part) for part in dict.fromkeys(regions) if part is not None)


def require_meeting(region: Region, within: Region | None) -> Region:
    """Return a region that reaches into the question's region, as far as boxes and borders tell.

    Raises:
        RegionError: It lies wholly outside, or is no region.
    """
    areas = search_areas(region, within)
    if len(areas) == 2 and _are_apart(*areas):
        assert within is not None
        raise RegionError(
            f"the region {region.name!r} lies wholly outside {within.name!r}, where the answer"
            " must be; give a region inside it, or ask again without that limit"
        )
    return region


def _are_apart(one: Area, other: Area) -> bool:
    """Return whether two areas certainly share no point."""
    if not any(_overlap(a, b) for a in one.boxes for b in other.boxes):
        return True
    codes = [area.country for area in (one, other) if area.country is not None]
    if len(set(codes)) == 2:
        return True
    if codes:
        area = other if one.country is not None else one
        return not country_reaches(codes[0], [Box(*corners) for corners in area.boxes])
    if one.radius_km is None or other.radius_km is None:
        return False
    centers = [(area.latitude or 0.0, area.longitude or 0.0) for area in (one, other)]
    return float(haversine_km(*centers[0], *centers[1])) > one.radius_km + other.radius_km


def _overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> bool:
    south, west, north, east = one
    south_too, west_too, north_too, east_too = other
    return south <= north_too and south_too <= north and west <= east_too and west_too <= east


def region_called(words: str) -> Region | None:
    """Return the region that a few words mean: one as `parse_region` reads it, or a city.

    A city is the circle of 25 km around it, or of its own size where that is wider.

    Returns:
        None if they mean none.
    """
    try:
        return parse_region(words)
    except RegionError:
        city = city_called(words)
    if city is None:
        return None
    reach_km = max(PLACE_KM, city.extent_km)
    return circle(
        city.latitude,
        city.longitude,
        reach_km,
        name=f"{reach_km:g} km around {city.describe()}",
    )


def search_area(region: Region) -> Area:
    """Return the area that the database searches for a region.

    Raises:
        RegionError: As `search_areas`.
    """
    code = region.country_code
    country = None if code is None else country_named(code).code
    center = _circle_of(region)
    if center is not None:
        boxes = bounding_boxes(*center)
    elif region.box is not None:
        boxes = boxes_between(*region.box)
    elif country is not None:
        # The boxes let the index over cells help; the code decides.
        boxes = country_boxes(country)
    else:
        raise _none(region)
    latitude, longitude, radius_km = center or (None, None, None)
    return Area(
        latitude=latitude,
        longitude=longitude,
        radius_km=radius_km,
        boxes=_corners(boxes),
        country=country,
    )


def _circle_of(region: Region) -> tuple[float, float, float] | None:
    """Return center and radius of a circle; none if the region is not a circle."""
    latitude, longitude, radius_km = region.latitude, region.longitude, region.radius_km
    if latitude is None and longitude is None and radius_km is None:
        return None
    if latitude is None or longitude is None or radius_km is None:
        raise _none(region)
    if region.box is not None:
        raise RegionError(f"the region {region.name!r} has both a circle and a box; give only one")
    return latitude, longitude, radius_km


def _none(region: Region) -> RegionError:
    # Searching everywhere instead would answer another question than was asked.
    return RegionError(
        f"the region {region.name!r} has no area; give a circle (latitude, longitude,"
        " radius_km), a box or a country_code"
    )


def _corners(boxes: Iterable[Box]) -> tuple[tuple[float, float, float, float], ...]:
    return tuple((box.south, box.west, box.north, box.east) for box in boxes)


LADDER_KM = LOOKS_KM[::-1]
"""Radii of rounds, widest first: continent, country, region, city, street, corner."""

SURE = 0.8
"""Share of the votes within a level from which on only that level is searched."""

RIVAL = 0.5
"""A runner-up with less of the leader's score than this is beaten."""

MOST_NEIGHBOURS = 200
"""Maximum of photos that a search may ask for."""


@dataclass(frozen=True, slots=True)
class Look:
    """The regions that the next round searches."""

    region: Region
    rival: Region | None
    """The circle around a runner-up that is not beaten."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """All regions that are searched."""
        return (self.region,) if self.rival is None else (self.region, self.rival)


def next_look(candidates: Sequence[Candidate], searched: Region | None) -> Look | None:
    """Return the regions of a finer round; none if no finer one exists.

    Args:
        candidates: Of this round, in order; vetoed ones are passed over.
        searched: The circle of this round; none where it looked everywhere.
    """
    standing = [candidate for candidate in candidates if candidate.vetoed is None]
    if not standing:
        return None
    first = standing[0]
    level_km = _level_km(first, below_km=_radius_km(searched))
    if level_km is None:
        return None
    rival = next((other for other in standing[1:] if _rivals(other, first, level_km)), None)
    return Look(
        region=_around(first, level_km),
        rival=None if rival is None else _around(rival, level_km),
    )


def round_sizes(context: Context, round_: int) -> tuple[int, int]:
    """Return the numbers of positives and negatives of a round: twice and half of the one before.

    Args:
        context: What the first round asks for.
        round_: From 0 on.
    """
    positives = min(context.positives * 2**round_, max(context.positives, MOST_NEIGHBOURS))
    return positives, context.negatives // 2**round_


def _level_km(first: Candidate, *, below_km: float) -> float | None:
    """Return the finest level with a clear majority of the votes, or else with half of them."""
    finer = [level for level in LADDER_KM if level < below_km]
    shares = {level: first.share_within(level) for level in finer}
    sure = [level for level in finer if shares[level] >= SURE]
    if sure:
        return min(sure)
    return first.scale_km if first.scale_km in finer else None


def _rivals(other: Candidate, first: Candidate, level_km: float) -> bool:
    apart_km = haversine_km(other.latitude, other.longitude, first.latitude, first.longitude)
    return float(apart_km) > level_km and other.score >= RIVAL * first.score


def _radius_km(region: Region | None) -> float:
    return float("inf") if region is None or region.radius_km is None else region.radius_km


def _around(candidate: Candidate, level_km: float) -> Region:
    named = candidate.place or f"{candidate.latitude:.4f}, {candidate.longitude:.4f}"
    radius = f"{level_km:g} km" if level_km >= 1 else f"{1000 * level_km:g} m"
    return circle(
        candidate.latitude,
        candidate.longitude,
        level_km,
        name=f"{radius} around {named}",
    )
