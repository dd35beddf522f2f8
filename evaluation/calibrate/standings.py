"""How far off each way of choosing is, case by case, also by scorers fitted on other cases.

A fifth of the places is held out at a time, and chosen by what was fitted on the other four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from geofix.agent.draft.consensus import consensus
from geofix.agent.verify.rounds import ranked
from geofix.agent.verify.rules import held_back
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.scorers import Scorers
from geofix.agent.verify.spots import scored
from geofix.evaluation.calibrate.cases import Case, choices, first_of, off_km
from geofix.evaluation.calibrate.examples import (
    NEVER_FITTED,
    Seen,
    fit_place,
    fit_spots,
    seen,
    spots_seen,
)
from geofix.evaluation.calibrate.promises import FOLDS
from geofix.evaluation.calibrate.training import TooFewError
from geofix.evaluation.run.splits import fold_of


def cross_fitted(some: Sequence[Seen], seed: int = 0) -> list[Seen]:
    """Return the cases, in their order, each chosen by scorers fitted on other places.

    Args:
        some: Chosen by other scorers; what was observed of them stays.
        seed: Draws the folds.

    Raises:
        TooFewError: There are too few photos or places to fit scorers of places on.
    """
    fold = fold_of([one.case.group for one in some], FOLDS, seed)
    chosen = list(some)
    for held in range(FOLDS):
        scorers = fitted_on([one for one, at in zip(some, fold, strict=True) if at != held])
        for at in [at for at, number in enumerate(fold) if number == held]:
            one = some[at]
            chosen[at] = Seen(one.case, one.observed, choices(one.observed, scorers))
    return chosen


def fitted_on(some: Sequence[Seen]) -> Scorers:
    """Return scorers of places and of spots; those of spots set by hand where they are too few."""
    fitted = fit_place(some, name="fitted here", trained_on="", without=NEVER_FITTED)
    try:
        spot = fit_spots(spots_seen(some), name="fitted here", trained_on="", photos=len(some))
    except TooFewError:
        return fitted
    return fitted.model_copy(update={"spot": spot})


NEIGHBOURS = 16


def nearest_km(case: Case) -> float:
    """Return the error of the most similar photo's place."""
    hits = case.retrieval.positives
    return off_km(case, hits[0].latitude, hits[0].longitude) if hits else float("inf")


def density_km(case: Case) -> float:
    """Return the error of the kernel density over the hits (Vo et al. 2017)."""
    voted = consensus(case.retrieval)
    return off_km(case, voted.latitude, voted.longitude)


def word_km(case: Case) -> float:
    """Return the error of the model's own word: its first draft."""
    drafts = case.model_drafts
    return off_km(case, drafts[0].latitude, drafts[0].longitude) if drafts else float("inf")


def best_km(case: Case) -> float:
    """Return the error of the best of the 16 hits."""
    hits = case.retrieval.positives[:NEIGHBOURS]
    return min((off_km(case, hit.latitude, hit.longitude) for hit in hits), default=float("inf"))


def first_km(one: Seen) -> float:
    """Return the error of our first candidate."""
    first = first_of(one.candidates)
    return float("inf") if first is None else off_km(one.case, first.latitude, first.longitude)


def without_pictures(cases: Sequence[Case]) -> list[Case]:
    """Return the cases as they were without geometric verification."""
    return [case.model_copy(update={"matches": {}}) for case in cases]


def peers(cases: Sequence[Case]) -> dict[str, list[float]]:
    """Return the errors of what stands beside us, in km, by name."""
    ways: dict[str, Callable[[Case], float]] = {
        "first of retrieval": nearest_km,
        "kernel density": density_km,
        "best of 16": best_km,
    }
    if any(case.model_drafts for case in cases):
        ways["the draft's own word (simulated)"] = word_km
    return {name: [way(case) for case in cases] for name, way in ways.items()}


def ours(cases: Sequence[Case], weights: Mapping[str, Scorers]) -> dict[str, list[Seen]]:
    """Return what we choose by weights and evidence, by the name of the weights."""
    return {
        f"{label}{told}": seen(some, drafts=drafts, scorers=scorers)
        for label, scorers in weights.items()
        for told, some, drafts in _evidence(cases)
    }


def fitted_here(cases: Sequence[Case], scorers: Scorers, told: int) -> dict[str, list[Seen]]:
    """Return what scorers choose that are fitted on the same set, of places held out.

    Args:
        cases: All there are.
        scorers: What chooses before.
        told: How many cases to return, the first ones.

    Returns:
        By the name of the evidence; nothing where there are too few to fit on.
    """
    try:
        return {
            f"fitted here{name}": cross_fitted(seen(some, drafts=drafts, scorers=scorers))[:told]
            for name, some, drafts in _evidence(cases)
        }
    except TooFewError:
        return {}


def _evidence(cases: Sequence[Case]) -> Iterator[tuple[str, Sequence[Case], bool]]:
    """Give what a choice may be made of: a name, the cases, and whether a model drafted."""
    yield "", cases, False
    if any(case.model_drafts for case in cases):
        yield ", with drafts", cases, True
    if any(case.matches for case in cases):
        yield ", without pictures", without_pictures(cases), False


def rescored(one: Seen, scorer: Scorer) -> Seen:
    """Return a case chosen by other weights of places; what it was made of stays.

    The spot within a place stays too, so errors below 25 km are not told by it.
    """
    weighed = [scorer.weighed(candidate) for candidate in one.candidates]
    return Seen(one.case, one.observed, ranked(held_back(weighed, scorer)))


def respotted(one: Seen, scorer: Scorer) -> Seen:
    """Return a case whose places lie at the spots that other weights choose; their order stays."""
    candidates = [
        candidate.model_copy(
            update={"latitude": spots[0].latitude, "longitude": spots[0].longitude, "spots": spots}
        )
        if (spots := scored(candidate.spots, scorer))
        else candidate
        for candidate in one.candidates
    ]
    return Seen(one.case, one.observed, candidates)
