"""One point at a time on the sphere."""

from __future__ import annotations

from geofix.tools.geo.distance import destinations


def destination(
    latitude: float, longitude: float, bearing_degrees: float, distance_km: float
) -> tuple[float, float]:
    """Return the point reached along a great circle."""
    there, meridian = destinations(latitude, longitude, bearing_degrees, distance_km)
    return float(there), float(meridian)
