"""What features and negatives are worth: the tables of docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.page.figures import distance, share_of, table
from geofix.agent.context import Context
from geofix.agent.nodes.retrieve import search_both_ways
from geofix.agent.services import Services
from geofix.agent.verify.evidence import KIND_OF
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.scorers import HAND_SET, Scorers
from geofix.agent.verify.spots import SPOT_FEATURES
from geofix.db.search.query import Search
from geofix.evaluation.calibrate.cases import Case, choices, first_of, observed_of, off_km
from geofix.evaluation.calibrate.examples import (
    UNTRUSTED,
    Seen,
    fit_place,
    fit_spots,
    seen,
    spots_seen,
)
from geofix.evaluation.calibrate.standings import first_km, rescored, respotted, without_pictures
from geofix.evaluation.run.ablations import leaving_out
from geofix.tools.starter import read_starter
from geofix.tools.statistics import PLACE_KM

STRENGTH = 1.0
"""Inverse regularisation of every refit: the same, so that only the feature differs."""

NEGATIVES = (0, 5, 10, 16)


def ablation(fit: Sequence[Seen], shown: Mapping[str, Sequence[Seen]]) -> str:
    """Return what is lost without each feature, of the hand-set weights and of a refit.

    Args:
        fit: Cases of other worlds, that a refit learns from.
        shown: Cases by the name of their world, with drafts.
    """
    names = list(HAND_SET.place.coefficients)
    rows = [
        [left_out or "nothing", *_near(shown, _weighed_without(left_out))]
        for left_out in (None, *names)
    ]
    lines = [
        "## Simulated worlds: what each feature is worth\n",
        f"First answer within {PLACE_KM:g} km, with simulated drafts. First of the hand-set"
        " weights, which choose where none are fitted: the weight is set to 0.\n",
        *table(["hand-set, without", *shown], rows),
        "Then of weights fitted on other simulated worlds, refitted without it each time, with one"
        f" regularisation (C = {STRENGTH:g}). The contradiction of dissimilar photos and geometry"
        " are not fitted: see `agent/verify/evidence.py`. Intervals overlap: most features"
        " alone are worth less than these photos can tell.\n",
    ]
    fitted = [name for name in KIND_OF if name not in UNTRUSTED]
    rows = []
    for left_out in (None, *fitted):
        without = [*UNTRUSTED, *([left_out] if left_out else [])]
        scorers = fit_place(fit, name="ablation", trained_on="", without=without, strength=STRENGTH)
        rows.append([left_out or "nothing", *_near(shown, scorers.place)])
    return "\n".join([*lines, *table(["refitted, without", *shown], rows)])


def _weighed_without(name: str | None) -> Scorer:
    kept = {key: value for key, value in HAND_SET.place.coefficients.items() if key != name}
    return HAND_SET.place.model_copy(update={"coefficients": kept})


def _near(shown: Mapping[str, Sequence[Seen]], scorer: Scorer) -> list[str]:
    return [
        share_of([first_km(rescored(one, scorer)) <= PLACE_KM for one in some])
        for some in shown.values()
    ]


def negatives(cases: Mapping[str, Sequence[Case]]) -> str:
    """Return what dissimilar photos are worth as evidence against a place."""
    rows = [
        [str(count), *(share_of([_right(case, count) for case in some]) for some in cases.values())]
        for count in NEGATIVES
    ]
    return "\n".join(
        [
            "## Negatives, open set (real photos) and simulated worlds\n",
            "Hand-set weights without drafts, which count dissimilar photos at a place against it;"
            f" first answer within {PLACE_KM:g} km. By strategy: negatives of the kind `far` and"
            " `none` do not enter the choice: both are the row 0, and `dissimilar` is the others."
            " What negatives in the prompt do to a model's draft is not measured here: no model was"
            " asked.\n",
            *table(["dissimilar negatives", *cases], rows),
        ]
    )


def _right(case: Case, count: int) -> bool:
    first = first_of(choices(observed_of(case, drafts=False, negatives=count), HAND_SET))
    return first is not None and off_km(case, first.latitude, first.longitude) <= PLACE_KM


HEAD = """## Simulated worlds: what each feature of spots is worth

First answer, its spot chosen anew within the place that the shipped weights choose; without drafts.
First of the hand-set weights, which ship.
"""

REFITTED = f"""Then of weights fitted on another world of the same scale, as `geofix calibrate` fits
them, refitted without it each time with one regularisation (C = {STRENGTH:g}). Features that count
the same votes at other widths stand in for each other.
"""


@dataclass(frozen=True)
class Tried:
    """Photos to fit on, photos to tell on, and what counts as right."""

    name: str
    fit: Sequence[Seen]
    shown: Sequence[Seen]
    near_km: float

    def told(self, scorer: Scorer) -> str:
        """Return how often a scorer of spots is right."""
        right = [first_km(respotted(one, scorer)) <= self.near_km for one in self.shown]
        return share_of(right)


def spot_ablation(
    train: Mapping[str, Sequence[Case]],
    test: Mapping[str, Sequence[Case]],
    near_km: Mapping[str, float],
    scorers: Scorers,
) -> str:
    """Return what is lost without each feature, of the hand-set weights and of a refit.

    Args:
        train: Cases by scale, that refits learn from.
        test: Of other worlds, by scale.
        near_km: What counts as right, by scale.
        scorers: Choose the places.
    """
    tried = []
    for scale in near_km:
        pairs = {scale: (train[scale], test[scale])}
        if any(case.matches for case in test[scale]):
            bare = without_pictures(train[scale]), without_pictures(test[scale])
            pairs[f"{scale} without pictures"] = bare
        for name, (fit, shown) in pairs.items():
            learned = seen(fit, drafts=False, scorers=scorers)
            told = seen(shown, drafts=False, scorers=scorers)
            tried.append(Tried(name, learned, told, near_km[scale]))
    heads = [f"{one.name}, {distance(one.near_km)}" for one in tried]
    by_hand = [
        [name or "nothing", *(one.told(_by_hand_without(name)) for one in tried)]
        for name in (None, *HAND_SET.of_spots.coefficients)
    ]
    refitted = [
        [name or "nothing", *(one.told(_fitted_without(name, one.fit)) for one in tried)]
        for name in (None, *SPOT_FEATURES)
    ]
    return "\n".join(
        [
            HEAD,
            *table(["hand-set, without", *heads], by_hand),
            REFITTED,
            *table(["refitted, without", *heads], refitted),
        ]
    )


def _by_hand_without(name: str | None) -> Scorer:
    return leaving_out(HAND_SET, () if name is None else (name,)).of_spots


def _fitted_without(name: str | None, some: Sequence[Seen]) -> Scorer:
    return fit_spots(
        spots_seen(some),
        name="ablation",
        trained_on="",
        photos=len(some),
        without=() if name is None else (name,),
        strength=STRENGTH,
    )


def open_cases(services: Services) -> list[Case]:
    """Return a case for each photo of the starter gallery, which has to be loaded."""
    starter = read_starter()
    cases = []
    for photo, vector in zip(starter.photos, starter.vectors, strict=True):
        search = Search(encoder=starter.encoder, without_sha256=photo.sha256)
        retrieval = search_both_ways(services.gallery, vector, search, Context())
        cases.append(
            Case(
                photo=photo.external_id,
                latitude=photo.latitude,
                longitude=photo.longitude,
                accuracy_km=photo.accuracy_km,
                group=f"{photo.latitude:.0f},{photo.longitude:.0f}",
                retrieval=retrieval,
            )
        )
    return cases
