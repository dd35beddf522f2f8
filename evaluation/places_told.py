"""How docs/evaluation.md tells what a promise rests on: places, and how many there are.

`python -m geofix.evaluation.places_told` prints the section. Log errors are drawn with a part that
all photos of a place share, so that what a radius covers of photos from new places is known
exactly, and no test photos are drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.evaluation.told import table
from geofix.tools.conformal import FEWEST_PLACES, LEVELS, ConformalRadius, fit_radius

CALIBRATIONS = 1_000
"""A share of them is then told to 1.6 points, at one standard error."""

MISSED = 0.05
"""Less than promised, from here on a promise counts as missed."""

SHARES = (0.0, 0.5, 1.0)
"""Of the variance of a log error, what all photos of a place share."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Design:
    """Photos of places that a calibration is fitted on."""

    name: str
    photos: tuple[int, ...]
    """Of each place."""


def _alike(places: int, photos: int) -> Design:
    return Design(f"{places} x {photos}", (photos,) * places)


DESIGNS = (
    *(_alike(*one) for one in ((9, 17), (15, 10), (20, 8), (40, 4), (40, 10), (80, 2))),
    Design("40, four of them with half of the photos", (45,) * 4 + (5,) * 36),
    *(_alike(*one) for one in ((150, 1), (150, 5))),
)

Way = Callable[[Floats, Sequence[str], np.random.Generator], ConformalRadius]


def _by_photo(errors: Floats, places: Sequence[str], rng: np.random.Generator) -> ConformalRadius:
    return fit_radius(errors, np.zeros(len(errors)), most_bins=1)


def _by_place(errors: Floats, places: Sequence[str], rng: np.random.Generator) -> ConformalRadius:
    return fit_radius(errors, np.zeros(len(errors)), places, most_bins=1)


def _one_drawn(errors: Floats, places: Sequence[str], rng: np.random.Generator) -> ConformalRadius:
    order = rng.permutation(len(errors))
    _, first = np.unique(np.asarray(places)[order], return_index=True)
    drawn = errors[order[first]]
    return fit_radius(drawn, np.zeros(len(drawn)), most_bins=1)


WAYS: dict[str, Way] = {
    "by photo": _by_photo,
    "by place": _by_place,
    "one photo a place": _one_drawn,
}


def covered(
    design: Design, share: float, way: Way, calibrations: int = CALIBRATIONS, seed: int = 0
) -> dict[float, Floats]:
    """Return what each calibration's radius covers of photos from new places, by level, `[n]`.

    Args:
        design: The photos it is fitted on.
        share: Of the variance of a log error, what all photos of a place share, 0 to 1.
        way: Fits the radius.
        calibrations: How many are drawn.
        seed: Of the draws.
    """
    from scipy.stats import norm  # noqa: PLC0415 - a second, which `--help` must not take

    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(len(design.photos)), design.photos)
    names = [f"place {one}" for one in place]
    radii: dict[float, list[float]] = {level: [] for level in LEVELS}
    for _ in range(calibrations):
        shared = rng.normal(size=len(design.photos))[place]
        own = rng.normal(size=len(place))
        errors = 10 ** (np.sqrt(share) * shared + np.sqrt(1 - share) * own)
        radius = way(errors, names, rng)
        for level, found in radii.items():
            bounded = radius.is_bounded(0.0, level)
            found.append(radius.radius_km(0.0, level) if bounded else np.inf)
    # A log error is a standard normal, whatever its place shares.
    return {level: norm.cdf(np.log10(found)) for level, found in radii.items()}


def places_told(calibrations: int = CALIBRATIONS) -> str:
    """Return the section: coverage by design, by what is shared and by way."""
    heads = ["places x photos", "shared", *(f"{level:.0%}" for level in LEVELS)]
    parts = [HEAD.format(calibrations=calibrations, missed=100 * MISSED)]
    for name, way in WAYS.items():
        rows = []
        for design in DESIGNS:
            for share in SHARES:
                found = covered(design, share, way, calibrations)
                cells = [
                    f"{100 * some.mean():.1f} ({100 * (some < level - MISSED).mean():.0f})"
                    for level, some in found.items()
                ]
                rows.append([design.name, f"{share:.0%}", *cells])
        parts += [f"Counted {name}{SAID[name]}:\n", *table(heads, rows)]
    return "\n".join([*parts, TAIL.format(fewest=FEWEST_PLACES)])


SAID = {
    "by photo": ", as geofix did before",
    "by place": ", as geofix does",
    "one photo a place": ", drawn",
}

HEAD = """## What a promise rests on: places

Photos of one place are right or wrong together, so a radius rests on how many places it was fitted
on, and not on how many photos. Simulated (`python -m geofix.evaluation.places_told`, {calibrations}
calibrations a row): log errors of which photos of one place share nothing, half or all of the
variance. Told is the mean share of photos from new places inside the radius at each level, in %,
and in brackets how many of 100 calibrations cover less than promised by over {missed:.0f} points.
100.0 is the whole Earth: there are too few places for the level. *By photo* every photo counts
once. *By place* every place has weight 1, shared by its photos, and the next photo's place has
weight 1 at infinity (Lee, Barber and Willett 2023). *One photo a place* is their and Dunn,
Wasserman and Ramdas' (2022) subsampling.
"""

TAIL = """\
Counted by photo, few or uneven places cover too little on average. By place none does,
but for the error of the simulation, and fewer calibrations miss than with one photo drawn of each
place. So geofix counts by place. The promise in
the words that hold: **a radius at 90 % covers at least 90 % of photos from new places like those
calibrated on, on average over calibrations.** It is no promise of a single calibration: the figures
in brackets say how often one covers less. Hence at least {fewest} places, in all and in each bin of
difficulty. It says nothing of places unlike those calibrated on, nor of abstentions. The same holds
for p-values of claims: of true claims at most the level is called inconsistent, on average over
calibrations.
"""


if __name__ == "__main__":
    sys.stdout.write(places_told(int(sys.argv[1]) if sys.argv[1:] else CALIBRATIONS))
