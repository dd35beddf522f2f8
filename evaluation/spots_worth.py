"""What each feature of spots is worth: a table of docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.scorers import HAND_SET, Scorers
from geofix.agent.choice.spot_features import SPOT_FEATURES
from geofix.evaluation.cases import Case
from geofix.evaluation.examples import Seen, seen
from geofix.evaluation.hooks import leaving_out
from geofix.evaluation.spot_examples import fit_spots, spots_seen
from geofix.evaluation.standings import first_km, respotted, without_pictures
from geofix.evaluation.told import distance, share_of, table
from geofix.evaluation.worth import STRENGTH

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
