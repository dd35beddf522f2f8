"""Numbers as a person reads them."""

from __future__ import annotations


def kilometers(distance_km: float) -> str:
    """Return a distance with its unit."""
    if distance_km < 1:
        return f"{distance_km * 1000:.0f} m"
    return f"{distance_km:.1f} km" if distance_km < 100 else f"{distance_km:,.0f} km"


def count(number: int, noun: str) -> str:
    """Return so many of something."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
