"""How an answer's radius, confidence and claim look in a terminal."""

from __future__ import annotations

from geofix.agent.answer import ClaimCheck
from geofix.agent.cli.quantities import kilometers
from geofix.agent.cli.terminal import plain
from geofix.agent.coordinates import written
from geofix.agent.state import Fix
from geofix.tools.levels import SCALES

COLORS = {"consistent": "green", "inconsistent": "red", "undecidable": "yellow"}


def radius_text(fix: Fix) -> str:
    """Return the radius with its coverage, or that it has none."""
    within = f"within {kilometers(fix.radius_km or 0)}"
    stated = _stated(fix)
    return f"{within}[dim], not calibrated[/]" if stated is None else f"{stated:.0%} {within}"


def levels_line(fix: Fix) -> str:
    """Return the radii at the other coverages."""
    # By number: read back from the trail, the order is another.
    others = [level for level in sorted(fix.radii_km) if float(level) != _stated(fix)]
    return ", ".join(
        f"{float(level):.0%} within {kilometers(fix.radii_km[level])}" for level in others
    )


def confidence_line(fix: Fix) -> str:
    """Return how probable the answer is right, by scale."""
    return "right within " + ", ".join(
        f"{km:,.0f} km {fix.confidence[scale]:.0%}"
        for scale, km in SCALES.items()
        if scale in fix.confidence
    )


def claim_line(check: ClaimCheck) -> str:
    """Return what is to be said of the claimed place."""
    color = COLORS[check.verdict]
    where = written(check.latitude, check.longitude)
    away = "" if check.distance_km is None else f", {kilometers(check.distance_km)} from the answer"
    p_value = "" if check.p_value is None else f" (p = {check.p_value:.3f})"
    return f"{where}{away}: [{color}]{check.verdict}[/]{p_value}, {plain(check.reason)}"


def _stated(fix: Fix) -> float | None:
    """Return the coverage of the answer's radius: of several with that radius, the highest."""
    if not fix.radius_calibrated:
        return None
    return max(float(level) for level, km in fix.radii_km.items() if km == fix.radius_km)
