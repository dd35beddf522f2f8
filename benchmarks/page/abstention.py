"""The price of abstaining: what each rule withholds and saves, told for docs/evaluation.md.

`python -m benchmarks.page.abstention` prints the section; it takes three minutes the first time and
half a minute from then on.

A photo must be rejected if the gallery has no photo of its place. So each set is asked twice: as it
is, and with every photo within 200 km of the truth left out.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from benchmarks.page.feature_value import open_cases
from benchmarks.page.figures import share_of, table
from geofix.agent.context import Context
from geofix.agent.nodes.retrieve import search_both_ways
from geofix.agent.regions import circle, search_area
from geofix.agent.services import Services
from geofix.agent.state import Candidate, Retrieval
from geofix.agent.verify.scorers import default_scorers
from geofix.agent.verify.verdict import decide
from geofix.db.search.query import Search
from geofix.evaluation.calibrate.cases import (
    Case,
    choices,
    first_of,
    kept_cases,
    observed_of,
    off_km,
)
from geofix.evaluation.metrics import selective_risk
from geofix.evaluation.worlds.asking import SEEDS, asked_world, counted_in, load_world
from geofix.evaluation.worlds.looks import cache_folder
from geofix.evaluation.worlds.recipe import Scale
from geofix.evaluation.worlds.world import World
from geofix.tools.geo.distance import haversine_km
from geofix.tools.once import once_property
from geofix.tools.starter import read_starter
from geofix.tools.statistics import PLACE_KM, REGION_KM

ASKED = 700
SCALES: tuple[Scale, ...] = ("world", "city", "street")
COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LEADS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.01)
"""Bounds of the leads in score that are told together."""

TRIED = (
    ("as it ships", {}),
    ("`impostor_share` 0.05", {"impostor_share": 0.05}),
    ("`impostor_share` 0.2", {"impostor_share": 0.2}),
    ("`impostor_share` 0.5", {"impostor_share": 0.5}),
    ("`impostor_share` 1", {"impostor_share": 1.0}),
    ("`accept_margin` 0", {"accept_margin": 0.0}),
    ("`accept_margin` 0.05", {"accept_margin": 0.05}),
    ("`accept_margin` 0.3", {"accept_margin": 0.3}),
    ("`accept_margin` 0.5", {"accept_margin": 0.5}),
    ("`accept_score` 0.3", {"accept_score": 0.3}),
    ("`accept_score` 0.5", {"accept_score": 0.5}),
    ("`accept_score` 0.6", {"accept_score": 0.6}),
    ("`best_guess`", {"best_guess": True}),
)
"""Other thresholds, by name."""

HEAD = """## The price of abstaining

Made on {day} by `python -m benchmarks.page.abstention`: the weights that ship, one round, without
drafts unless they are named; {queries} photos of each simulated world. Right is a first candidate
within 25 km of the truth. *Withheld* are right ones that a rule abstains from, *saved* are wrong
ones. A photo must be rejected if the gallery has no photo of its place: each set is asked a second
time with every photo within {away:g} km of the truth left out, when no answer can be right.
Photos that show no place at all are another matter, told above.
"""

RULES = """### What each rule withholds and saves

The rules are asked in this order, and the first that holds is counted. `gallery_too_small` did not
occur. `votes_scattered` and `votes_expected` say why `unlike_gallery` was not outweighed by photos
that agree; they are parts of it.
"""

SETTINGS = """### Other thresholds

In %. Wrongly abstained: without an answer, of the photos whose first candidate is right. Rejected:
without an answer, of the photos that must have none. Wrong: of the answers.
"""

NEEDED = """### Under 5 % wrongly abstained at 95 % rejected

What one threshold on the first candidate's score would do in place of all rules. Where it does not
reach the goal, no row above does either: right and wrong answers do not look different enough. A
score that `geofix eval` finds good for a gallery of one's own can be asked for as `accept_score`.
"""

TIES = """### When a lead means nothing

The lead in score of the first candidate over the best one more than 25 km away, over all photos of
the sets, abstained from or not. Below 0.05 the first was right no more often than the second, so
that is called a tie (`TIE` in agent/verify/verdict.py).
"""

CURVE = """### Selective risk

First candidates that are wrong at 25 km, in %, if only the photos with the highest scores are
answered (El-Yaniv and Wiener 2010). The yardstick is arXiv 2111.11952 (Panagiotopoulos et al.
2021), where abstaining lifts the share that is right at city scale from 27.8 to 70.5 %: a risk of
72.2 to one of 29.5 %. The last row is where geofix stands by its rules.
"""


@dataclass(frozen=True, eq=False)
class Chosen:
    """One photo, and what was chosen among what was found."""

    case: Case
    candidates: list[Candidate]
    retrieval: Retrieval

    @once_property
    def first(self) -> Candidate | None:
        """The leading candidate."""
        return first_of(self.candidates)

    @once_property
    def right(self) -> bool:
        """Whether it lies within 25 km of the truth."""
        first = self.first
        return first is not None and off_km(self.case, first.latitude, first.longitude) <= PLACE_KM

    @property
    def score(self) -> float:
        """Its score."""
        return -np.inf if self.first is None else self.first.score

    def rules(self, context: Context) -> list[str]:
        """Return the codes of what is abstained for, the rule first; none where it is answered."""
        verdict = decide(self.candidates, self.retrieval, context, rounds_left=0)
        codes = [str(reason.code) for reason in verdict.reasons]
        return [] if verdict.decision == "accept" else codes

    def answered(self, context: Context) -> bool:
        """Say whether there is an answer."""
        return not self.rules(context)


@dataclass(frozen=True)
class Asked:
    """A set, asked as it is and without its places."""

    name: str
    there: list[Chosen]
    away: list[Chosen]


def asked_sets(services: Services) -> list[Asked]:
    """Return the open set and the simulated worlds; the starter gallery has to be loaded."""
    sets = [Asked("open set", _chosen(_open(services)), _chosen(_open_away(services)))]
    for scale in SCALES:
        world, cases = asked_world(scale, "test", ASKED, services)
        away = _away(world, services)
        sets.append(Asked(scale, _chosen(cases), _chosen(away)))
        sets.append(Asked(f"{scale}, drafts", _chosen(cases, drafts=True), []))
    return sets


def _chosen(cases: Sequence[Case], *, drafts: bool = False) -> list[Chosen]:
    scorers = default_scorers()
    return [
        Chosen(case, choices(observed_of(case, drafts=drafts), scorers), case.retrieval)
        for case in cases
    ]


def _open(services: Services) -> list[Case]:
    return [_with_density(case) for case in open_cases(services)]


def _open_away(services: Services) -> list[Case]:
    starter, cases = read_starter(), []
    for photo, vector in zip(starter.photos, starter.vectors, strict=True):
        search = Search(
            encoder=starter.encoder,
            without_sha256=photo.sha256,
            outside=(search_area(circle(photo.latitude, photo.longitude, REGION_KM)),),
        )
        found = search_both_ways(services.gallery, vector, search, Context())
        case = Case(
            photo=photo.external_id,
            latitude=photo.latitude,
            longitude=photo.longitude,
            group=photo.external_id,
            retrieval=found,
        )
        cases.append(_with_density(case))
    return cases


def _with_density(case: Case) -> Case:
    """Return a case of the starter gallery with its counts of photos, as a run asks for them."""
    photos = read_starter().photos
    latitudes, longitudes = zip(*((one.latitude, one.longitude) for one in photos), strict=True)
    counts = [
        (
            hit.latitude,
            hit.longitude,
            int((haversine_km(hit.latitude, hit.longitude, latitudes, longitudes) <= 25).sum()),
        )
        for hit in case.retrieval.positives
    ]
    return case.model_copy(update={"densities": counts, "photos_in_gallery": len(photos)})


def _away(world: World, services: Services) -> list[Case]:
    """Return the cases of a world's photos whose places the gallery lacks."""

    def make() -> list[Case]:
        load_world(world, services.ingest)
        counted, spots, cases = counted_in(world), world.spots, []
        for number, spot in enumerate(world.queries.spots.tolist()):
            truth = float(spots.latitude[spot]), float(spots.longitude[spot])
            search = Search(
                encoder=world.name,
                galleries=(world.name,),
                outside=(search_area(circle(*truth, REGION_KM)),),
            )
            vector = world.queries.vectors[number]
            found = search_both_ways(services.gallery, vector, search, Context())
            cases.append(
                Case(
                    photo=f"{world.name}/{number}",
                    latitude=truth[0],
                    longitude=truth[1],
                    group=f"{world.name}/{spots.group[spot]}",
                    answerable=False,
                    retrieval=found,
                    densities=counted(found.positives),
                    photos_in_gallery=len(world.gallery),
                )
            )
        return cases

    key = f"away {REGION_KM} {world.name} {len(world.queries.spots)} {world.recipe!r} {SEEDS!r}"
    return kept_cases(cache_folder() / "cases", key, make)


def section(sets: Sequence[Asked], day: str) -> list[str]:
    """Return the section, as lines.

    Args:
        sets: Asked before.
        day: When, as text.
    """
    plain = [one for one in sets if one.away]
    return [
        HEAD.format(day=day, queries=ASKED, away=REGION_KM),
        RULES,
        *table(
            ["set", "rule", "withheld", "saved", "rejected, of those that must be"], _rules(sets)
        ),
        SETTINGS,
        *table(
            ["", *(f"{one.name}: wrongly abstained / rejected / wrong" for one in plain)],
            [_setting(name, Context(**options), plain) for name, options in TRIED],
        ),
        NEEDED,
        *table(
            [
                "set",
                "score for 95 % rejected",
                "then wrongly abstained",
                "score for 5 % wrongly abstained",
                "then rejected",
                "reached",
            ],
            [_needed(one) for one in plain],
        ),
        TIES,
        *table(
            ["lead", *(f"{one.name}: photos, first right, second right" for one in plain)],
            [
                [_lead_name(*pair), *(_lead(one, *pair) for one in plain)]
                for pair in pairwise(LEADS)
            ],
        ),
        CURVE,
        *table(["photos answered", *(one.name for one in sets)], _curve(sets)),
    ]


def _rules(sets: Sequence[Asked]) -> list[list[str]]:
    rows = []
    for one in sets:
        counts: dict[str, Counter[str]] = {}
        for kind, some in (("there", one.there), ("away", one.away)):
            for photo in some:
                rule, *parts = photo.rules(Context()) or [""]
                among = "away" if kind == "away" else "right" if photo.right else "wrong"
                told = [rule, *(f"of these {part}" for part in parts if part in PARTS)]
                for name in told if rule else []:
                    counts.setdefault(name, Counter())[among] += 1
        for name, kinds in sorted(counts.items(), key=lambda pair: -pair[1].total()):
            away = str(kinds["away"]) if one.away else ""
            rows.append([one.name, name, str(kinds["right"]), str(kinds["wrong"]), away])
        right = sum(photo.right for photo in one.there)
        rows.append(
            [one.name, "of all", str(right), str(len(one.there) - right), str(len(one.away) or "")]
        )
    return rows


PARTS = ("votes_scattered", "votes_expected")


def _setting(name: str, context: Context, sets: Sequence[Asked]) -> list[str]:
    cells = []
    for one in sets:
        answered = [photo for photo in one.there if photo.answered(context)]
        right = sum(photo.right for photo in one.there)
        withheld = 1 - sum(photo.right for photo in answered) / right
        rejected = np.mean([not photo.answered(context) for photo in one.away])
        wrong = np.mean([not photo.right for photo in answered])
        cells.append(f"{100 * withheld:.1f} / {100 * rejected:.1f} / {100 * wrong:.1f}")
    return [name, *cells]


def _needed(one: Asked) -> list[str]:
    right = np.array([photo.score for photo in one.there if photo.right])
    away = np.array([photo.score for photo in one.away])
    strict, lax = np.quantile(away, 0.95), np.quantile(right, 0.05)
    return [
        one.name,
        f"{strict:.2f}",
        share_of(right <= strict),
        f"{lax:.2f}",
        share_of(away < lax),
        "yes" if np.mean(right <= strict) < 0.05 else "no",
    ]


def _lead_name(least: float, most: float) -> str:
    return f"{least:g} and more" if most > 1 else f"{least:g} to {most:g}"


def _lead(one: Asked, least: float, most: float) -> str:
    photos = first = second = 0
    for photo in one.there:
        standing = [each for each in photo.candidates if each.vetoed is None]
        others = [each for each in standing if each.distance_km > PLACE_KM and not each.held_back]
        if not others or not least <= max(0.0, standing[0].score - others[0].score) < most:
            continue
        photos, first = photos + 1, first + photo.right
        second += off_km(photo.case, others[0].latitude, others[0].longitude) <= PLACE_KM
    return f"{photos}, {first}, {second}"


def _curve(sets: Sequence[Asked]) -> list[list[str]]:
    curves = [
        selective_risk([photo.score for photo in one.there], [photo.right for photo in one.there])
        for one in sets
    ]
    rows = []
    for least in COVERAGES:
        at = [next(point for point in curve if point.coverage >= least - 1e-9) for curve in curves]
        rows.append([f"{100 * least:.0f} %", *(f"{100 * point.risk:.1f}" for point in at)])
    stands = []
    for one in sets:
        answered = [photo for photo in one.there if photo.answered(Context())]
        risk = np.mean([not photo.right for photo in answered])
        stands.append(f"{100 * risk:.1f} at {100 * len(answered) / len(one.there):.0f} %")
    return [*rows, ["geofix", *stands]]


def main() -> None:
    """Print the section."""
    with Services() as services:
        lines = section(asked_sets(services), f"{datetime.now(UTC):%Y-%m-%d}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
