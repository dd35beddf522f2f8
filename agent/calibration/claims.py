"""Whether a claimed place is consistent with the photo, by the errors of held-out photos.

If the claim is true, the answer is as far from it as answers of such photos are from the truth: the
p-value comes from the same conformal scores as the radius, counted by place. Of true claims about
photos from new places like those calibrated on, no more than the level says are called
inconsistent, on average over calibrations. Sources: Vovk, Gammerman and Shafer 2005; Lee, Barber
and Willett 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from geofix.agent.answer import Claim, ClaimCheck
from geofix.agent.calibration.promise import Fitted
from geofix.agent.calibration.stored import KnownCalibrations
from geofix.agent.errors import RegionError
from geofix.agent.state import Settled
from geofix.tools.geo.distance import check_coordinates, haversine_km

Coordinates = tuple[float, float]
ClaimAsked = Coordinates | Literal["exif"]

HOW_TO_CLAIM = "write LAT,LON such as '48.8867,2.3431', or 'exif' for what the file says"

MOST_CHARACTERS = 100
"""The longest claim that is read: two numbers need fewer characters."""

TELLING_KM = 2500.0
"""A claim inside a radius larger than a continent agrees with nothing in particular."""

NO_EXIF_PLACE = (
    "the claim in the EXIF data could not be checked, because the file has no position in its EXIF"
)


def exif_claim(kept: Mapping[str, Any] | None, fix: Settled) -> Claim | None:
    """Return what a file's EXIF says, with its distance from the answer; none if it says nothing.

    Args:
        kept: Fields of the claim as they were kept beside the photo.
        fix: The answer.
    """
    if kept is None:
        return None
    claim = Claim(**kept)
    if claim.latitude is None or claim.longitude is None:
        return claim
    if fix.latitude is None or fix.longitude is None:
        return claim
    distance = haversine_km(claim.latitude, claim.longitude, fix.latitude, fix.longitude)
    return claim.model_copy(update={"distance_km": round(float(distance), 3)})


def parse_claim(claim: str | Coordinates | None) -> ClaimAsked | None:
    """Return what is to be checked.

    Args:
        claim: `LAT,LON` in degrees, `exif`, or latitude and longitude.

    Raises:
        RegionError: It is none of them.
    """
    if claim is None:
        return None
    if claim == "exif":
        return "exif"
    if isinstance(claim, str) and len(claim) > MOST_CHARACTERS:
        raise RegionError(
            f"the claim {claim[:40]!r}... has {len(claim)} characters, more than {MOST_CHARACTERS};"
            f" {HOW_TO_CLAIM}"
        )
    parts = claim.split(",") if isinstance(claim, str) else claim
    try:
        latitude, longitude = (float(part) for part in parts)
    except OverflowError as error:
        # No float holds it, and Python refuses to write it out.
        raise RegionError(f"the claim has a number larger than 1e308; {HOW_TO_CLAIM}") from error
    except (TypeError, ValueError) as error:
        raise RegionError(f"the claim {claim!r} is not a place; {HOW_TO_CLAIM}") from error
    check_coordinates(latitude, longitude)
    return latitude, longitude


def place_of(asked: ClaimAsked | None, exif: Claim | None) -> Coordinates | None:
    """Return the place to be checked; none where there is none."""
    if asked != "exif":
        return asked
    if exif is None or exif.latitude is None or exif.longitude is None:
        return None
    return exif.latitude, exif.longitude


def check_claim(
    fix: Settled, claimed: Coordinates, fitted: Fitted | str | None, level: float
) -> ClaimCheck:
    """Return whether a claimed place agrees with an answer.

    Inconsistent where the p-value is at most the level. Otherwise consistent, unless the radius at
    coverage 1 - level is larger than a continent: then nearly any claim would agree.

    Args:
        fix: The answer.
        claimed: Latitude and longitude.
        fitted: The calibration the answer's radius is of.
        level: How often a true claim may be called inconsistent, on average over calibrations.
    """
    latitude, longitude = claimed

    def checked(
        verdict: Literal["consistent", "inconsistent", "undecidable"],
        reason: str,
        distance_km: float | None = None,
        p_value: float | None = None,
    ) -> ClaimCheck:
        return ClaimCheck(
            latitude=latitude,
            longitude=longitude,
            verdict=verdict,
            p_value=p_value,
            distance_km=None if distance_km is None else round(distance_km, 3),
            reason=reason,
        )

    if fix.latitude is None or fix.longitude is None:
        return checked("undecidable", "geofix abstained, so there is no answer to compare with")
    away = float(haversine_km(latitude, longitude, fix.latitude, fix.longitude))
    known = fix.calibration
    if not fix.radius_calibrated or known is None or known.difficulty is None:
        why = "no calibration was made" if known is None or known.reason is None else known.reason
        return checked("undecidable", f"the radius is not calibrated: {why}", away)
    if not isinstance(fitted, Fitted):
        return checked("undecidable", fitted or "its calibration no longer exists", away)
    p_value = fitted.radius.p_value(known.difficulty, away)
    outside = (
        f"{p_value:.1%} of held-out photos as hard as this one, each place counted once, were"
        f" placed at least as far off; a consistent claim needs more than {level:.1%}"
    )
    if p_value <= level:
        return checked("inconsistent", outside, away, p_value)
    reach = fitted.radius.radius_km(known.difficulty, 1 - level)
    if reach > TELLING_KM:
        why = f"the radius at {1 - level:.0%} is {reach:,.0f} km, so nearly any place would agree"
        return checked("undecidable", why, away)
    return checked("consistent", outside, away, p_value)


def with_claim_checked(
    fix: Settled, claimed: Coordinates, calibrations: KnownCalibrations, level: float
) -> Settled:
    """Return the answer with what it says of a claimed place.

    Args:
        fix: The answer.
        claimed: Latitude and longitude.
        calibrations: Hold the answer's own, however many were made since.
        level: As in `check_claim`.
    """
    known = None if fix.calibration is None else fix.calibration.id
    fitted = None if known is None else calibrations.by_id(known)
    return fix.model_copy(update={"claim_check": check_claim(fix, claimed, fitted, level)})
