"""Sections of docs/evaluation.md: promises, places, pictures, rounds.

Their folders are named on the command line; pictures that may not be passed on stay where they are.

`python -m benchmarks.page.sections` prints the section. Log errors are drawn with a part that
all photos of a place share, so that what a radius covers of photos from new places is known
exactly, and no test photos are drawn.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.page.figures import distance, share_of, table
from benchmarks.page.rounds import MOST, Told, stopped
from geofix.agent.calibration.promise import signals_of
from geofix.agent.services import Services
from geofix.agent.verify.scene import SHOWS
from geofix.evaluation.calibrate.cases import first_of
from geofix.evaluation.calibrate.examples import Seen
from geofix.evaluation.calibrate.promises import COARSEST_TRUTH_KM, KnownAnswer, cross_kept
from geofix.evaluation.calibrate.standings import first_km
from geofix.evaluation.run.splits import places_of
from geofix.tools.errors import SourceError
from geofix.tools.geometry.local_features import LocalFeatures, local_features
from geofix.tools.geometry.verification import match
from geofix.tools.photo.read import read_photo
from geofix.tools.scene.classify import read_scene
from geofix.tools.statistics.conformal import FEWEST_PLACES, LEVELS, ConformalRadius, fit_radius

PROMISES_HEAD = """## Radius and confidence

Each photo's first answer, abstained from or not, held out once: a fifth of the places at a time,
with radius and confidence fitted on the other four. Every place counts once, and intervals are by
place. In brackets after a calibration error: what a confidence that is exactly right would have
shown with as many places, from photos that are right or wrong each by itself to all photos of a
place together.
"""


def promises_told(title: str, some: Sequence[Seen]) -> str:
    """Return the section on one set of cases."""
    cases = [one.case for one in some]
    places = places_of(cases, [case.photo for case in cases])
    answers = [
        KnownAnswer(signals_of(first, one.candidates, one.case.retrieval), first_km(one), place)
        for one, place in zip(some, places, strict=True)
        if (first := first_of(one.candidates)) is not None
        and one.case.accuracy_km <= COARSEST_TRUTH_KM
    ]
    try:
        kept = cross_kept(answers)
    except SourceError as error:
        return f"### {title}\n\nNot calibrated: {error}.\n"
    lines = [
        f"### {title}: {kept.answers} answers of {kept.places} places\n",
        "| promised | truth inside | median radius |",
        "|---|---|---|",
        *(
            f"| {level:.0%} | {share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
            f" | {distance(kept.median_km[level])} |"
            for level, share in kept.coverage.items()
        ),
    ]
    told = ", ".join(
        f"{name} {error:.3f} ({low:.3f} to {high:.3f})"
        for name, error in kept.calibration_error.items()
        for low, high in [kept.error_by_chance[name]]
    )
    return "\n".join([*lines, f"\nExpected calibration error: {told}.\n"])


PICTURES = 16
REPEATS = 5
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}

PICTURES_HEAD = """## What shows no place

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
                pixels = read_photo(path).pixels
                kinds[path] = read_scene(pixels, services.classifier.logits([pixels])[0]).kind
        taken = [kinds[path] in SHOWS for path in paths]
        most = Counter(kinds[path] for path in paths).most_common(3)
        said = ", ".join(f"{kind} {count}" for kind, count in most)
        rows.append([name, str(len(paths)), share_of(taken), said])
    heads = ["pictures", "count", "taken for no place, %", "most often seen as"]
    return [PICTURES_HEAD.format(folder=nowhere.name), *table(heads, rows)]


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


FINEST = (25.0, 1.0)
HARD = 0.5
"""A photo is hard whose first candidate has less of the votes within 25 km after one round."""

ROUNDS_HEAD = """## Rounds

Simulated worlds, without drafts, the weights that ship, through the nodes `retrieve`, `verify` and
`refine` against Postgres. `finest_km` is where no closer look is taken any more. Hard are photos
whose first candidate has less than half of the votes within 25 km after one round. `answered` is
the share that is not abstained from; of those, how many are right at {near}. Times were taken on a
machine of two cores that did other work too; they hold beside each other only.
"""


def rounds_lines(name: str, played: Sequence[Sequence[Told]], right_km: Sequence[float]) -> str:
    """Return the tables of one world.

    Args:
        name: Of the world.
        played: Per photo what it was told round by round.
        right_km: Distances at which accuracy is told.
    """
    hard = [rounds for rounds in played if rounds[0].share_25_km < HARD]
    lines = []
    for label, some in (("all", played), ("hard ones", hard)):
        heads = ["finest_km", "rounds", "run on average", *map(distance, right_km)]
        heads += ["answered", f"right when answered ({distance(right_km[1])})", "ms a photo"]
        rows = [_row(some, most, finest, right_km) for finest in FINEST for most in _numbers()]
        lines += [f"### Simulated {name}, {label}: {len(some)} photos\n", *table(heads, rows)]
    return "\n".join(lines)


def _numbers() -> range:
    return range(1, MOST + 1)


def _row(
    some: Sequence[Sequence[Told]], most: int, finest: float, right_km: Sequence[float]
) -> list[str]:
    run = [rounds[: stopped(rounds, most, finest)] for rounds in some]
    last = [rounds[-1] for rounds in run]
    errors = np.array([told.error_km for told in last])
    answered = np.array([told.answered for told in last], np.bool_)
    spent = [sum(told.searching_s + told.choosing_s for told in rounds) for rounds in run]
    return [
        f"{finest:g}",
        str(most),
        f"{np.mean([len(rounds) for rounds in run]):.2f}" if run else "",
        *(share_of(errors <= km) for km in right_km),
        share_of(answered),
        share_of(errors[answered] <= right_km[1]),
        f"{1000 * float(np.mean(spent)):.0f}" if spent else "",
    ]


def time_row(name: str, played: Sequence[Sequence[Told]]) -> list[str]:
    """Return a row of what a first round takes, for the table of times."""
    first = [rounds[0] for rounds in played]
    searching = 1000 * np.median([told.searching_s for told in first])
    choosing = 1000 * np.median([told.choosing_s for told in first])
    return [name, str(len(first)), f"{searching:.0f}", f"{choosing:.0f}"]


CALIBRATIONS = 1_000
"""A share of them is then told to 1.6 points, at one standard error."""

MISSED = 0.05
"""Less than promised, from here on a promise counts as missed."""

SHARES = (0.0, 0.5, 1.0)
"""Share of the variance of a log error that all photos of a place have in common."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Design:
    """Photos of places that a calibration is fitted on."""

    name: str
    photos: tuple[int, ...]
    """Number of photos of each place."""


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
on, and not on how many photos. Simulated (`python -m benchmarks.page.sections`, {calibrations}
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
